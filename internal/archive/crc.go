package archive

import "hash/crc32"

// CombineCRC returns the CRC-32 (IEEE) of two byte strings joined, from the
// checksum of each and the length of the second, which is not negative.
//
// Appending n bytes to a message multiplies its remainder by x^(8n). The
// initial and the final inversion of CRC-32 cancel each other in the sum.
func CombineCRC(crc1, crc2 uint32, len2 int64) uint32 {
	return mulMod(crc1, powX8(uint64(len2))) ^ crc2
}

// Polynomials over GF(2) of degree below 32 are held as CRC-32 holds its
// remainder: the highest bit is the coefficient of x^0.
const (
	polyOne = 1 << 31
	polyX8  = polyOne >> 8
)

// powX8 returns x^(8n) modulo the polynomial of CRC-32, by repeated squaring.
func powX8(n uint64) uint32 {
	power, square := uint32(polyOne), uint32(polyX8)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			power = mulMod(power, square)
		}
		square = mulMod(square, square)
	}
	return power
}

// mulMod returns a times b modulo the polynomial of CRC-32. It walks through a
// from x^0 upwards, while b is multiplied by x each time.
func mulMod(a, b uint32) uint32 {
	var product uint32
	for ; a != 0; a <<= 1 {
		if a&polyOne != 0 {
			product ^= b
		}
		overflow := b & 1
		b >>= 1
		if overflow != 0 {
			b ^= crc32.IEEE
		}
	}
	return product
}
