package encode

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// escaped says of each byte whether it must be escaped ('1'): one look-up is faster than three comparisons.
const escaped = "11111111111111111111111111111111" + // control characters
	"00100000000000000000000000000000" + // the quote
	"00000000000000000000000000001000" + // the backslash
	"00000000000000000000000000000000" +
	"00000000000000000000000000000000" +
	"00000000000000000000000000000000" +
	"00000000000000000000000000000000" +
	"00000000000000000000000000000000" // parts of longer UTF-8 sequences

// replacement stands for what cannot be in a JSON text or in a PostgreSQL text: bytes
// that are not UTF-8, and NUL. It is U+FFFD.
const replacement = "\uFFFD"

// AppendString appends s as a JSON string with as little escaping as JSON allows: quote,
// backslash and control characters (format.md §3.12). Invalid UTF-8 and NUL
// become U+FFFD, since no importer could store them.
func AppendString(dst, s []byte) []byte {
	if !utf8.Valid(s) {
		s = toValid(s)
	}
	dst = append(dst, '"')
	start := 0
	for i, c := range s {
		if escaped[c] == '0' {
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		start = i + 1
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\t':
		return append(dst, `\t`...)
	case '\n':
		return append(dst, `\n`...)
	case '\f':
		return append(dst, `\f`...)
	case '\r':
		return append(dst, `\r`...)
	case 0:
		return append(dst, replacement...)
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}

// toValid replaces each byte that is not part of a UTF-8 sequence.
func toValid(s []byte) []byte {
	var out []byte
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		if r == utf8.RuneError && n == 1 {
			out = append(out, replacement...)
		} else {
			out = append(out, s[:n]...)
		}
		s = s[n:]
	}
	return out
}
