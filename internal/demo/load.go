package demo

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// epoch is the time at which the demo organizations begin. Its microseconds are not zero, and
// neither are those of most times counted from it.
var epoch = time.Date(2024, time.May, 1, 9, 0, 0, 123456000, time.UTC)

// values are columns with their values: nil, a bool, an integer, a string or a time.
type values map[string]any

// row is a row to be loaded. The columns it does not name get defaults.
type row struct {
	table  string
	in     exports // the exports that hold the row
	fill   string  // what the texts that it does not name consist of
	values values
}

// column is what the loader knows of a table's column.
type column struct {
	name     string
	kind     string // the type's name in the catalog
	length   int    // of a varchar, 0 for others
	optional bool   // null, or made by the server
}

// loader fills the tables of one transaction.
type loader struct {
	ctx     context.Context //nolint:containedctx // lives as long as one call of build
	tx      pgx.Tx
	columns map[string][]column
	// defaults are by table, for what a row does not name.
	defaults map[string]values
}

func (l *loader) exec(sql string) error {
	// Without arguments the simple protocol takes several statements at once.
	_, err := l.tx.Conn().PgConn().Exec(l.ctx, sql).ReadAll()
	return err
}

// readColumns reads the tables' columns from the server's catalog.
func (l *loader) readColumns() error {
	rows, err := l.tx.Query(l.ctx, `
		SELECT table_name, column_name, udt_name, coalesce(character_maximum_length, 0),
		       is_nullable = 'YES' OR is_identity = 'YES'
		FROM information_schema.columns WHERE table_schema = $1 ORDER BY table_name, ordinal_position`, Schema)
	if err != nil {
		return err
	}
	l.columns = map[string][]column{}
	var table string
	var c column
	_, err = pgx.ForEachRow(rows, []any{&table, &c.name, &c.kind, &c.length, &c.optional}, func() error {
		l.columns[table] = append(l.columns[table], c)
		return nil
	})
	return err
}

// load adds rows of any tables.
func (l *loader) load(rows []row) error {
	byTable := map[string][]row{}
	for _, r := range rows {
		byTable[r.table] = append(byTable[r.table], r)
	}
	for table, rows := range byTable {
		columns := l.columns[table]
		names := make([]string, len(columns))
		for i, c := range columns {
			names[i] = c.name
		}
		if err := check(table, names, rows); err != nil {
			return err
		}
		slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.id(), b.id()) })
		err := l.copy(table, names, len(rows), func(b []byte, i int) []byte {
			for n, c := range columns {
				if n > 0 {
					b = append(b, '\t')
				}
				b = appendField(b, rows[i].value(c, l.defaults[table]))
			}
			return append(b, '\n')
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// check finds columns that the table does not have.
func check(table string, names []string, rows []row) error {
	for _, r := range rows {
		for name := range r.values {
			if !slices.Contains(names, name) {
				return fmt.Errorf("load table %s: it has no column %s", table, name)
			}
		}
	}
	return nil
}

// copy loads rows in the text format of COPY. appendRow appends the text of the i-th
// of n rows, which may be several lines or none.
func (l *loader) copy(table string, columns []string, n int, appendRow func(b []byte, i int) []byte) error {
	// The table is of this transaction: FREEZE leaves its pages as VACUUM would.
	sql := fmt.Sprintf(`COPY %s ("%s") FROM STDIN (FREEZE)`, table, strings.Join(columns, `", "`))
	_, err := l.tx.Conn().PgConn().CopyFrom(l.ctx, &textReader{n: n, appendRow: appendRow}, sql)
	if err != nil {
		return fmt.Errorf("load table %s: %w", table, err)
	}
	return nil
}

// advanceSequences lets the ids that the server gives begin after those in use.
func (l *loader) advanceSequences() error {
	var sql strings.Builder
	for table, columns := range l.columns {
		if len(columns) == 0 || columns[0].name != "id" || !columns[0].optional {
			continue
		}
		fmt.Fprintf(&sql, "SELECT setval(pg_get_serial_sequence('%[1]s', 'id'), max(id)) FROM %[1]s HAVING max(id) IS NOT NULL;\n", table)
	}
	return l.exec(sql.String())
}

// textReader yields the text of rows as they are asked for.
type textReader struct {
	n, i      int
	buf       []byte // what was made
	rest      []byte // what of it was not read yet
	appendRow func(b []byte, i int) []byte
}

// Read implements io.Reader.
func (r *textReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		r.buf = r.buf[:0]
		for ; r.i < r.n && len(r.buf) < len(p); r.i++ {
			r.buf = r.appendRow(r.buf, r.i)
		}
		if r.rest = r.buf; len(r.rest) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// id returns the row's id, 0 if it has none.
func (r row) id() int64 {
	for _, key := range []string{"id", "usergroup_ptr_id"} {
		if id, ok := r.values[key].(int64); ok {
			return id
		}
	}
	return 0
}

// value returns what the row has in a column: what it names, else the table's
// default, else an empty value of the column's type.
func (r row) value(c column, defaults values) any {
	if v, ok := r.values[c.name]; ok {
		return v
	}
	if v, ok := defaults[c.name]; ok {
		return v
	}
	if c.optional {
		return nil
	}
	switch c.kind {
	case "bool":
		return false
	case "int2", "int4", "int8":
		return 0
	case "timestamptz":
		return epoch
	case "jsonb":
		return "{}"
	case "uuid":
		return fakeUUID(r.table, r.id())
	}
	if c.name == "api_key" {
		return fakeKey(r.table, r.id())
	}
	if c.length > 0 && c.length < len(r.fill) {
		return ""
	}
	return r.fill
}

// fakeKey makes 32 characters that no other row has.
func fakeKey(table string, id int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s:%d", table, id))
	return hex.EncodeToString(sum[:16])
}

// fakeUUID makes a random-looking UUID that no other row has.
func fakeUUID(table string, id int64) string {
	k := fakeKey(table, id)
	return fmt.Sprintf("%s-%s-4%s-8%s-%s", k[:8], k[8:12], k[13:16], k[17:20], k[20:])
}

// appendField appends a value in the text format of COPY.
func appendField(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, `\N`...)
	case bool:
		if v {
			return append(b, 't')
		}
		return append(b, 'f')
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case string:
		return appendText(b, v)
	case time.Time:
		return v.UTC().AppendFormat(b, "2006-01-02 15:04:05.999999-07")
	default:
		panic(fmt.Sprintf("demo: value of type %T", v))
	}
}

// appendText appends a text with what COPY would take for its own escaped.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '\\':
			b = append(b, '\\', '\\')
		case '\t':
			b = append(b, '\\', 't')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, c)
		}
	}
	return b
}
