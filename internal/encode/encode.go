// Package encode turns rows into JSON objects. An Encoder is compiled once per
// table from its columns' keys and kinds; a row then costs one pass
// over its bytes and no allocation.
package encode

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/realmport/realmport"
)

// Field is one key of the objects of a table.
type Field struct {
	Key  string
	Kind realmport.Kind
	// ISO writes a time as an ISO 8601 text instead of seconds.
	ISO bool
}

// Encoder writes the rows of one table. It is safe for concurrent use.
type Encoder struct{ fields []field }

type field struct {
	Field
	prefix []byte // the key, with what stands around it
	append func(dst, value []byte) ([]byte, error)
}

// Compile makes an encoder of rows whose values are the fields', in order.
func Compile(fields []Field) (*Encoder, error) {
	e := &Encoder{fields: make([]field, len(fields))}
	for i, f := range fields {
		open := byte(',')
		if i == 0 {
			open = '{'
		}
		prefix := append(AppendString([]byte{open}, []byte(f.Key)), ':')
		fn := appender(f.Kind)
		if f.ISO && f.Kind == realmport.Time {
			fn = appendISO
		}
		if fn == nil {
			return nil, fmt.Errorf("compile encoder: key %q has unknown kind %d", f.Key, f.Kind)
		}
		e.fields[i] = field{Field: f, prefix: prefix, append: fn}
	}
	return e, nil
}

// AppendRow appends the row as a JSON object on one line. An error names the key whose
// value is not what its kind promises; dst is then as it was.
func (e *Encoder) AppendRow(dst []byte, row realmport.Row) ([]byte, error) {
	start := len(dst)
	var err error
	for i := range e.fields {
		f := &e.fields[i]
		dst = append(dst, f.prefix...)
		if row[i] == nil {
			dst = append(dst, "null"...)
			continue
		}
		if dst, err = f.append(dst, row[i]); err != nil {
			return dst[:start], fmt.Errorf("%s: %w", f.Key, err)
		}
	}
	if len(e.fields) == 0 {
		dst = append(dst, '{')
	}
	return append(dst, '}'), nil
}

func appender(k realmport.Kind) func(dst, value []byte) ([]byte, error) {
	switch k {
	case realmport.Text:
		return func(dst, v []byte) ([]byte, error) { return AppendString(dst, v), nil }
	case realmport.Int:
		return appendInt
	case realmport.Bool:
		return appendBool
	case realmport.Time:
		return appendTime
	case realmport.UUID:
		return appendUUID
	case realmport.JSON:
		return appendJSON
	case realmport.IDs:
		return appendIDs
	default:
		return nil
	}
}

// Int reads a value of kind Int.
func Int(v []byte) (int64, error) {
	switch len(v) {
	case 2:
		return int64(int16(binary.BigEndian.Uint16(v))), nil
	case 4:
		return int64(int32(binary.BigEndian.Uint32(v))), nil
	case 8:
		return int64(binary.BigEndian.Uint64(v)), nil
	default:
		return 0, fmt.Errorf("integer of %d bytes", len(v))
	}
}

func appendInt(dst, v []byte) ([]byte, error) {
	n, err := Int(v)
	return strconv.AppendInt(dst, n, 10), err
}

func appendBool(dst, v []byte) ([]byte, error) {
	if len(v) != 1 || v[0] > 1 {
		return dst, fmt.Errorf("boolean of bytes %x", v)
	}
	return strconv.AppendBool(dst, v[0] == 1), nil
}

// epoch is 2000-01-01 in microseconds since 1970.
const epoch = 946684800_000000

// MicrosUnix reads a value of kind Time as microseconds since 1970.
func MicrosUnix(v []byte) (int64, error) {
	if len(v) != 8 {
		return 0, fmt.Errorf("timestamp of %d bytes", len(v))
	}
	us := int64(binary.BigEndian.Uint64(v))
	switch {
	case us == math.MaxInt64 || us == math.MinInt64:
		return 0, fmt.Errorf("timestamp is infinite")
	case us > math.MaxInt64-epoch: // PostgreSQL counts on until the year 294276
		return 0, fmt.Errorf("timestamp is after the year 294246")
	}
	return us + epoch, nil
}

// TimeValue is the value of kind Time of an instant in microseconds since 1970.
func TimeValue(micros int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(micros-epoch))
}

// appendTime writes seconds since 1970 as the shortest float, always with a point (format.md §3.6).
func appendTime(dst, v []byte) ([]byte, error) {
	us, err := MicrosUnix(v)
	if err != nil {
		return dst, err
	}
	return AppendFloat(dst, float64(us)/1e6), nil
}

func appendISO(dst, v []byte) ([]byte, error) {
	us, err := MicrosUnix(v)
	if err != nil {
		return dst, err
	}
	// Python's form: a fraction has all of its six digits, or is left out.
	layout := `"2006-01-02T15:04:05.000000-07:00"`
	if us%1e6 == 0 {
		layout = `"2006-01-02T15:04:05-07:00"`
	}
	return time.UnixMicro(us).UTC().AppendFormat(dst, layout), nil
}

// AppendFloat appends the shortest text that reads as f again, with a decimal point.
func AppendFloat(dst []byte, f float64) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

func appendUUID(dst, v []byte) ([]byte, error) {
	if len(v) != 16 {
		return dst, fmt.Errorf("uuid of %d bytes", len(v))
	}
	dst = append(dst, '"')
	for i, part := range [][]byte{v[:4], v[4:6], v[6:8], v[8:10], v[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return append(dst, '"'), nil
}

// appendJSON embeds a JSON text. The check keeps a source that does not check
// itself from smuggling structure into the archive.
func appendJSON(dst, v []byte) ([]byte, error) {
	if !utf8.Valid(v) || !json.Valid(v) {
		return dst, fmt.Errorf("not a JSON text")
	}
	start := len(dst)
	dst = append(dst, v...)
	// A row stays on its line: in a JSON text, these stand only where any space may.
	for i, c := range dst[start:] {
		if c == '\n' || c == '\r' {
			dst[start+i] = ' '
		}
	}
	return dst, nil
}

func appendIDs(dst, v []byte) ([]byte, error) {
	if len(v)%8 != 0 {
		return dst, fmt.Errorf("id list of %d bytes", len(v))
	}
	dst = append(dst, '[')
	for i := 0; i < len(v); i += 8 {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(v[i:])), 10)
	}
	return append(dst, ']'), nil
}
