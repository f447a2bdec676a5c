package verify

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// maxFields is how many fields of a table can be looked at: as many as a mask has bits.
const maxFields = 64

// maxDepth bounds the nesting of what a row holds; a server's own rows have a handful of levels.
const maxDepth = 100

// value is a field's value in the row at hand.
type value struct {
	kind jsontext.Kind
	// whole is set for an integer that fits, which is then in n.
	whole bool
	n     int64
	raw   []byte // the JSON text, until the next row
}

// row is the row at hand: the values of the fields that its table asks for.
// It is used again for row after row.
type row struct {
	seen   uint64 // which fields it has
	values [maxFields]value
}

// field returns the value of a field, and whether the row has it.
func (r *row) field(i int) (*value, bool) {
	return &r.values[i], r.seen>>i&1 != 0
}

// text returns a string value without its quotes; "" for any other.
func (v *value) text() string {
	if v.kind != jsontext.KindString {
		return ""
	}
	b, _ := jsontext.AppendUnquote(nil, v.raw)
	return string(b)
}

// ints calls fn for each element of an array value, and returns false at the first that is not an integer.
func (v *value) ints(fn func(n int64)) bool {
	if v.kind != jsontext.KindBeginArray {
		return false
	}
	s := scanner{b: v.raw, i: 1}
	for s.more(']') {
		n, err := s.value()
		if err != nil || !n.whole {
			return false
		}
		fn(n.n)
	}
	return true
}

// scan takes a row apart: an object that a decoder has found to be valid JSON, without duplicate names.
func (r *row) scan(object jsontext.Value, t *table) error {
	r.seen = 0
	s := scanner{b: object, i: 1}
	for n := 0; s.more('}'); n++ {
		key, err := s.value()
		if err != nil {
			return err
		}
		s.space() // and the colon
		s.i++
		s.space()
		v, err := s.value()
		if err != nil {
			return err
		}
		if i := t.find(n, key.raw); i >= 0 {
			r.values[i] = v
			r.seen |= 1 << i
		}
	}
	return nil
}

// scanner steps through JSON that is known to be valid.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) && s.b[s.i] <= ' ' {
		s.i++
	}
}

// more steps to the next element or name, and returns false at the end.
func (s *scanner) more(end byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == ',' {
		s.i++
		s.space()
	}
	return s.i < len(s.b) && s.b[s.i] != end
}

// value reads the value at hand.
func (s *scanner) value() (value, error) {
	start := s.i
	if start >= len(s.b) {
		return value{}, fmt.Errorf("ends early")
	}
	v := value{kind: jsontext.Kind(s.b[start])}
	switch s.b[start] {
	case '"':
		s.text()
	case '{', '[':
		if !s.nested() {
			return v, fmt.Errorf("is nested more than %d levels deep", maxDepth)
		}
	case 't', 'n':
		s.i += len("null")
	case 'f':
		s.i += len("false")
	default:
		v.kind = jsontext.KindNumber
		v.n, v.whole = s.number()
	}
	v.raw = s.b[start:min(s.i, len(s.b))]
	return v, nil
}

// text steps over a string.
func (s *scanner) text() {
	s.i++
	for from := s.i; ; {
		n := bytes.IndexByte(s.b[s.i:], '"')
		if n < 0 {
			s.i = len(s.b)
			return
		}
		s.i += n + 1
		slashes := 0
		for k := s.i - 2; k >= from && s.b[k] == '\\'; k-- {
			slashes++
		}
		if slashes%2 == 0 {
			return
		}
		from = s.i // an escaped quote: slashes before it say nothing about the next one
	}
}

// nested steps over an object or array, and returns false if it is too deep.
func (s *scanner) nested() bool {
	for depth := 0; s.i < len(s.b); {
		switch s.b[s.i] {
		case '"':
			s.text()
			continue
		case '{', '[':
			if depth++; depth >= maxDepth {
				return false
			}
		case '}', ']':
			if depth--; depth == 0 {
				s.i++
				return true
			}
		}
		s.i++
	}
	return true
}

// number steps over a number and returns its value, and whether it is an integer that fits.
func (s *scanner) number() (int64, bool) {
	negative := s.b[s.i] == '-'
	if negative {
		s.i++
	}
	var n uint64
	whole := true
	for ; s.i < len(s.b); s.i++ {
		c := s.b[s.i] - '0'
		switch {
		case c <= 9:
			whole = whole && n < 1<<63/10
			n = n*10 + uint64(c)
		case s.b[s.i] == '.', s.b[s.i]|0x20 == 'e', s.b[s.i] == '+', s.b[s.i] == '-':
			whole = false
		default:
			return signed(n, negative), whole
		}
	}
	return signed(n, negative), whole
}

func signed(n uint64, negative bool) int64 {
	if negative {
		return -int64(n)
	}
	return int64(n)
}
