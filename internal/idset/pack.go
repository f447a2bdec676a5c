package idset

import (
	"encoding/binary"
	"errors"
	"math"
)

// Pack writes ids, which ascend, as runs: how many are left out before it and how many there are, as varints. Consecutive ids take a few bytes in
// all, scattered ones two or three each.
func Pack(ids []int64) []byte {
	var out []byte
	next := int64(0)
	for len(ids) > 0 {
		n := 1
		for n < len(ids) && ids[n] == ids[n-1]+1 {
			n++
		}
		out = binary.AppendUvarint(out, uint64(ids[0]-next))
		out = binary.AppendUvarint(out, uint64(n))
		next = ids[n-1] + 1
		ids = ids[n:]
	}
	return out
}

// mostPacked bounds what a few bytes can stand for.
const mostPacked = 1 << 24

var errPacked = errors.New("the packed ids are damaged")

// Unpack reads what Pack has written. Of anything else it returns an error, or ids that ascend.
func Unpack(b []byte) ([]int64, error) {
	var runs []run
	var next, total uint64
	for len(b) > 0 {
		gap, size := binary.Uvarint(b)
		n, more := binary.Uvarint(b[max(size, 0):])
		total += n
		if size <= 0 || more <= 0 || n == 0 || n > mostPacked || total > mostPacked || gap > math.MaxInt64-mostPacked || next+gap > math.MaxInt64-n {
			return nil, errPacked
		}
		b = b[size+more:]
		runs = append(runs, run{int64(next + gap), int64(n)})
		next += gap + n
	}
	ids := make([]int64, 0, total)
	for _, r := range runs {
		for i := range r.n {
			ids = append(ids, r.first+i)
		}
	}
	return ids, nil
}

// run is n consecutive ids.
type run struct{ first, n int64 }
