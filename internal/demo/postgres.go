package demo

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport"
)

// database fills the tables of one transaction by COPY.
type database struct {
	ctx    context.Context //nolint:containedctx // lives as long as one call of build
	tx     pgx.Tx
	tables map[string][]realmport.Column
}

func (d *database) columns(table string) []realmport.Column { return d.tables[table] }

func (d *database) exec(sql string) error {
	// Without arguments the simple protocol takes several statements at once.
	_, err := d.tx.Conn().PgConn().Exec(d.ctx, sql).ReadAll()
	return err
}

// readColumns reads the tables' columns from the server's catalog.
func (d *database) readColumns() error {
	rows, err := d.tx.Query(d.ctx, `
		SELECT table_name, column_name, udt_name, is_nullable = 'YES'
		FROM information_schema.columns WHERE table_schema = $1 ORDER BY table_name, ordinal_position`, Schema)
	if err != nil {
		return err
	}
	kinds := map[string]realmport.Kind{
		"bool": realmport.Bool, "int2": realmport.Int, "int4": realmport.Int, "int8": realmport.Int,
		"text": realmport.Text, "varchar": realmport.Text, "timestamptz": realmport.Time, "uuid": realmport.UUID,
		"jsonb": realmport.JSON, "tsvector": realmport.TSVector,
	}
	d.tables = map[string][]realmport.Column{}
	var table, kind string
	var c realmport.Column
	_, err = pgx.ForEachRow(rows, []any{&table, &c.Name, &kind, &c.Nullable}, func() error {
		var known bool
		if c.Kind, known = kinds[kind]; !known {
			return fmt.Errorf("column %s.%s is of the unknown type %s", table, c.Name, kind)
		}
		d.tables[table] = append(d.tables[table], c)
		return nil
	})
	return err
}

func (d *database) copy(table string, columns []string, next func(w writer) bool) error {
	// The table is of this transaction: FREEZE leaves its pages as VACUUM would.
	sql := fmt.Sprintf(`COPY %s ("%s") FROM STDIN (FREEZE)`, table, strings.Join(columns, `", "`))
	_, err := d.tx.Conn().PgConn().CopyFrom(d.ctx, &textReader{next: next}, sql)
	if err != nil {
		return fmt.Errorf("load table %s: %w", table, err)
	}
	return nil
}

// advanceSequences lets the ids that the server gives begin after those in use.
func (d *database) advanceSequences() error {
	rows, err := d.tx.Query(d.ctx, `
		SELECT table_name FROM information_schema.columns
		WHERE table_schema = $1 AND column_name = 'id' AND is_identity = 'YES' ORDER BY 1`, Schema)
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	var sql strings.Builder
	for _, table := range tables {
		fmt.Fprintf(&sql, "SELECT setval(pg_get_serial_sequence('%[1]s', 'id'), max(id)) FROM %[1]s HAVING max(id) IS NOT NULL;\n", table)
	}
	return d.exec(sql.String())
}

// textReader yields rows in the text format of COPY as they are asked for.
type textReader struct {
	copyText
	next func(w writer) bool
	rest []byte // what of the text was not read yet
}

// Read implements io.Reader.
func (r *textReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		r.b = r.b[:0]
		for len(r.b) < len(p) && r.next(&r.copyText) {
		}
		if r.rest = r.b; len(r.rest) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// copyText writes rows in the text format of COPY.
type copyText struct {
	b      []byte
	inside bool // of a row
}

func (c *copyText) begin() {
	if c.inside {
		c.b = append(c.b, '\t')
	}
	c.inside = true
}

func (c *copyText) end() {
	c.b = append(c.b, '\n')
	c.inside = false
}

func (c *copyText) null() {
	c.begin()
	c.b = append(c.b, `\N`...)
}

func (c *copyText) bool(v bool) {
	c.begin()
	if v {
		c.b = append(c.b, 't')
	} else {
		c.b = append(c.b, 'f')
	}
}

func (c *copyText) int(v int64) {
	c.begin()
	c.b = strconv.AppendInt(c.b, v, 10)
}

func (c *copyText) time(v time.Time) {
	c.begin()
	c.b = v.UTC().AppendFormat(c.b, "2006-01-02 15:04:05.999999-07")
}

// text escapes what COPY would take for its own.
func (c *copyText) text(v string) {
	c.begin()
	for i := range len(v) {
		switch ch := v[i]; ch {
		case '\\':
			c.b = append(c.b, '\\', '\\')
		case '\t':
			c.b = append(c.b, '\\', 't')
		case '\n':
			c.b = append(c.b, '\\', 'n')
		case '\r':
			c.b = append(c.b, '\\', 'r')
		default:
			c.b = append(c.b, ch)
		}
	}
}
