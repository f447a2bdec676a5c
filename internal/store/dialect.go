package store

import (
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Dialect is which kind of database it is. Statements are written once: they name tables with an @ before them, where
// the dialect puts the schema, and number their parameters, $1, which both understand.
type Dialect uint8

// The dialects. SQLite holds times as integers, microseconds since 1970-01-01 UTC, booleans as 0 and 1,
// and JSON as text.
const (
	PostgreSQL Dialect = iota + 1
	SQLite
)

// String returns the name.
func (d Dialect) String() string {
	switch d {
	case PostgreSQL:
		return "PostgreSQL"
	case SQLite:
		return "SQLite"
	default:
		return fmt.Sprintf("dialect %d", uint8(d))
	}
}

// time returns a time as a parameter. The zero time is NULL.
func (d Dialect) time(t time.Time) any {
	switch {
	case t.IsZero():
		return nil
	case d == SQLite:
		return t.UnixMicro()
	default:
		return t
	}
}

// clock returns the terms for the present and for a microsecond. PostgreSQL's is the server's own, as the machines that
// share it may not agree on the time; SQLite's comes from now.
func (d Dialect) clock(now func() time.Time) (present, microsecond string) {
	if d == SQLite {
		return fmt.Sprint(now().UnixMicro()), "1"
	}
	return "clock_timestamp()", "interval '1 microsecond'"
}

// moment reads a time, zero for NULL.
type moment struct{ time.Time }

// Scan implements sql.Scanner.
func (m *moment) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		m.Time = time.Time{}
	case time.Time:
		m.Time = v.UTC()
	case int64:
		m.Time = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("read a time from a value of type %T", v)
	}
	return nil
}

// id returns an id as a parameter. 0 is NULL.
func id(n int64) sql.NullInt64 { return sql.NullInt64{Int64: n, Valid: n != 0} }

// jsonText returns a JSON text as a parameter. An empty one is NULL.
func jsonText(b []byte) sql.NullString { return sql.NullString{String: string(b), Valid: len(b) > 0} }

// clean returns a text without what PostgreSQL cannot hold.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// quote quotes an identifier.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// prefix returns what stands before the names of the tables in a schema, which has a plain name.
func (d Dialect) prefix(schema string) string {
	if d == SQLite {
		return ""
	}
	return schema + "."
}
