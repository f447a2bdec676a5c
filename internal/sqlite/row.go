package sqlite

import (
	"database/sql/driver"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/realmport/realmport"
)

// y2k is 2000-01-01 UTC in microseconds since 1970.
const y2k = 946_684_800_000_000

// decoder turns rows of SQLite's values into their documented forms, always in the same memory.
type decoder struct {
	columns []column
	row     realmport.Row
	ends    []int
	buf     []byte
}

func newDecoder(columns []column) *decoder {
	return &decoder{columns: columns, row: make(realmport.Row, len(columns)), ends: make([]int, len(columns))}
}

// decode returns a row that is valid until the next call.
func (d *decoder) decode(values []driver.Value) (realmport.Row, error) {
	d.buf = d.buf[:0]
	for i := range d.columns {
		c := &d.columns[i]
		if values[i] != nil || c.typ.kind == realmport.IDs {
			var err error
			if d.buf, err = c.append(d.buf, values[i]); err != nil {
				return nil, realmport.Errorf(realmport.Unsupported, "the database has a wrong value in a row of %s, in the column %s: %w; "+
					"was it written by another program?", c.table, c.name, err)
			}
		}
		d.ends[i] = len(d.buf)
	}
	start := 0
	for i, end := range d.ends {
		d.row[i] = nil
		if values[i] != nil || d.columns[i].typ.kind == realmport.IDs {
			d.row[i] = d.buf[start:end:end]
		}
		start = end
	}
	return d.row, nil
}

// append appends the form that a value has in a row.
func (c *column) append(b []byte, v driver.Value) ([]byte, error) {
	switch v := v.(type) {
	case int64:
		return c.appendInt(b, v)
	case string:
		return c.appendText(b, v)
	case nil: // links that are none
		return b, nil
	case float64:
		return b, errors.New("it is a number with a fraction")
	default:
		return b, errors.New("it is a blob")
	}
}

func (c *column) appendInt(b []byte, n int64) ([]byte, error) {
	switch c.typ.kind {
	case realmport.Int:
		if !c.typ.holds(n) {
			return b, errors.New("the integer " + strconv.FormatInt(n, 10) + " is out of range")
		}
		switch c.typ.bits {
		case 16:
			return binary.BigEndian.AppendUint16(b, uint16(n)), nil
		case 32:
			return binary.BigEndian.AppendUint32(b, uint32(n)), nil
		default:
			return binary.BigEndian.AppendUint64(b, uint64(n)), nil
		}
	case realmport.Bool:
		if n != 0 && n != 1 {
			return b, errors.New("the integer " + strconv.FormatInt(n, 10) + " is neither 0 nor 1")
		}
		return append(b, byte(n)), nil
	case realmport.Time:
		if n-y2k > n {
			return b, errors.New("the time is out of range")
		}
		return binary.BigEndian.AppendUint64(b, uint64(n-y2k)), nil
	default:
		return b, errors.New("it is an integer")
	}
}

func (c *column) appendText(b []byte, s string) ([]byte, error) {
	switch c.typ.kind {
	case realmport.Text:
		if !utf8.ValidString(s) {
			return b, errors.New("the text is not UTF-8")
		}
		return append(b, s...), nil
	case realmport.JSON:
		start := len(b)
		if b = append(b, s...); !json.Valid(b[start:]) || !utf8.Valid(b[start:]) {
			return b, errors.New("the text is not JSON")
		}
		return b, nil
	case realmport.UUID:
		id, ok := parseUUID(s)
		if !ok {
			return b, errors.New("the text is not a UUID")
		}
		return append(b, id[:]...), nil
	case realmport.IDs:
		return appendIDs(b, s)
	default:
		return b, errors.New("it is a text")
	}
}

// appendIDs appends a list of decimals.
func appendIDs(b []byte, s string) ([]byte, error) {
	for more := s != ""; more; {
		var word string
		word, s, more = strings.Cut(s, ",")
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return b, errors.New("an id is not an integer")
		}
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return b, nil
}
