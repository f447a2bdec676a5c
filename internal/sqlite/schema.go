package sqlite

import (
	"context"
	"database/sql/driver"
	"strings"

	"github.com/realmport/realmport"
)

// tables is the schema with what statements and values need beside it.
type tables struct {
	schema  *realmport.Schema
	columns map[string]map[string]column // by table and name
}

// column is what is known of a column beside the schema.
type column struct {
	table, name string
	typ         typ
	rowid       bool // the row's own number
	nullable    bool
	standard    bool // it has a default value
}

// describe lists the columns of all tables but SQLite's own.
const describe = `
SELECT m.name, x.name, x.type, x.pk > 0 AND upper(x.type) = 'INTEGER', x."notnull", x.dflt_value IS NOT NULL, coalesce(f."table", '')
FROM sqlite_schema AS m JOIN pragma_table_xinfo(m.name) AS x
LEFT JOIN pragma_foreign_key_list(m.name) AS f ON f."from" = x.name
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND x.hidden = 0
ORDER BY m.name, x.cid, f.id`

// estimates are about the numbers of rows, if ANALYZE was run.
const estimates = "SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl"

// readTables reads what the tables look like.
func readTables(ctx context.Context, c *conn) (*tables, error) {
	t := &tables{schema: &realmport.Schema{Tables: map[string]*realmport.Table{}}, columns: map[string]map[string]column{}}
	analyzed := false
	err := c.query(ctx, "SELECT 'SQLite ' || sqlite_version(), EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1')", nil,
		func(row []driver.Value) error {
			t.schema.Version, _ = row[0].(string)
			analyzed = row[1] == int64(1)
			return nil
		})
	if err == nil {
		err = c.query(ctx, describe, nil, t.add)
	}
	if err != nil || !analyzed {
		return t, err
	}
	return t, c.query(ctx, estimates, nil, func(row []driver.Value) error {
		name, _ := row[0].(string)
		if tab, n := t.schema.Tables[name], row[1]; tab != nil {
			tab.Estimate, _ = n.(int64)
		}
		return nil
	})
}

// add takes one row of describe.
func (t *tables) add(row []driver.Value) error {
	var text [7]string
	for i, v := range row {
		text[i], _ = v.(string)
	}
	table, name := text[0], text[1]
	tab := t.schema.Tables[table]
	if tab == nil {
		tab = &realmport.Table{Name: table, Estimate: -1}
		t.schema.Tables[table] = tab
		t.columns[table] = map[string]column{}
	}
	if _, again := t.columns[table][name]; again { // a second constraint
		return nil
	}
	c := column{table: table, name: name, rowid: row[3] == int64(1), standard: row[5] == int64(1)}
	c.typ = typeDeclared(text[2], c.rowid)
	c.nullable = !c.rowid && row[4] == int64(0)
	t.columns[table][name] = c
	tab.Columns = append(tab.Columns, realmport.Column{
		Name: name, Kind: c.typ.kind, Nullable: c.nullable, Readable: true, References: text[6],
	})
	return nil
}

// column finds a column.
func (t *tables) column(table, name string) (column, error) {
	c, ok := t.columns[table][name]
	if !ok {
		return c, realmport.Errorf(realmport.Unsupported, "the database has no column %s.%s, which the export needs", table, name)
	}
	return c, nil
}

// quote makes a name safe in SQL.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
