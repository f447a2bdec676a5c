package sqlite

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/realmport/realmport"
)

// The years whose times fit 64 bits of microseconds since 1970, within those that PostgreSQL has.
const (
	firstYear = -4712
	lastYear  = 294_245
)

// bind turns a value into the form in which the column keeps it. Errors never quote a text, which may be a secret.
func (c *column) bind(v any) (driver.Value, error) {
	switch v := v.(type) {
	case nil:
		if !c.nullable && !c.rowid {
			return nil, errors.New("null, and it must have a value")
		}
		return nil, nil
	case int64:
		if c.typ.kind == realmport.Int {
			if !c.typ.holds(v) {
				return nil, fmt.Errorf("%d does not fit %d bits", v, c.typ.bits)
			}
			return v, nil
		}
	case bool:
		if c.typ.kind == realmport.Bool {
			return v, nil
		}
	case time.Time:
		if c.typ.kind == realmport.Time {
			if y := v.UTC().Year(); y < firstYear || y > lastYear {
				return nil, fmt.Errorf("a time in the year %d is out of range", y)
			}
			return v.UnixMicro(), nil
		}
	case json.RawMessage:
		if c.typ.kind == realmport.JSON {
			if !json.Valid(v) || !utf8.Valid(v) {
				return nil, errors.New("it is not valid JSON")
			}
			return string(v), nil
		}
	case string:
		return c.bindText(v)
	}
	return nil, fmt.Errorf("a value of Go's type %T", v)
}

func (c *column) bindText(s string) (driver.Value, error) {
	switch c.typ.kind {
	case realmport.Text, realmport.TSVector:
		if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			return nil, errors.New("a text that is not UTF-8, or has a character NUL")
		}
		// A character has one byte at least.
		if c.typ.length > 0 && len(s) > c.typ.length && utf8.RuneCountInString(s) > c.typ.length {
			return nil, fmt.Errorf("a text of %d characters, and it may have %d", utf8.RuneCountInString(s), c.typ.length)
		}
		return s, nil
	case realmport.UUID:
		if _, ok := parseUUID(s); !ok {
			return nil, errors.New("a text that is not a UUID, such as 123e4567-e89b-12d3-a456-426614174000")
		}
		return strings.ToLower(s), nil
	default:
		return nil, errors.New("a text")
	}
}
