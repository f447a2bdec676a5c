package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/realmport/realmport"
)

// tables is the schema with what building a statement needs beside it.
type tables struct {
	schema *realmport.Schema
	space  string                    // the PostgreSQL schema that holds Zulip's tables, quoted
	types  map[string]map[string]typ // table → column
}

// findSpace names the schema that holds Zulip's tables: "zulip" on every usual server.
const findSpace = `
SELECT n.nspname, quote_ident(n.nspname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = 'zerver_realm' AND c.relkind IN ('r', 'p')
ORDER BY n.nspname <> 'zulip', n.nspname LIMIT 1`

// describe lists the columns of all tables of a schema. pg_catalog tells everybody everything, which
// information_schema does not.
const describe = `
SELECT c.relname, a.attname, s.nspname, t.typname, NOT a.attnotnull, c.reltuples::bigint,
	has_column_privilege(c.oid, a.attnum, 'SELECT') AND has_schema_privilege(c.relnamespace, 'USAGE'),
	(SELECT f.relname FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
	 WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum] ORDER BY k.conname LIMIT 1)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname, a.attnum`

// Schema implements realmport.Snapshot.
func (s *Snapshot) Schema(ctx context.Context) (*realmport.Schema, error) {
	t, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	return t.schema, nil
}

// load reads the schema, once.
func (s *Snapshot) load(ctx context.Context) (*tables, error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.tables != nil {
		return s.tables, nil
	}
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	t, err := readTables(ctx, c)
	if err == nil {
		err = t.hold(ctx, c)
	}
	s.release(c, err == nil)
	if err != nil {
		return nil, s.source.lost(ctx, "its tables", err)
	}
	t.schema.Version = s.version
	s.tables = t
	return t, nil
}

func readTables(ctx context.Context, c *conn) (*tables, error) {
	t := &tables{
		schema: &realmport.Schema{Tables: map[string]*realmport.Table{}},
		types:  map[string]map[string]typ{},
	}
	var name string
	err := c.read(ctx, &query{sql: findSpace}, func(row realmport.Row) error {
		name, t.space = string(row[0]), string(row[1])
		return nil
	})
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, realmport.Errorf(realmport.Unsupported, "the database has no table zerver_realm in any schema: "+
			"is it a Zulip server's database (usually named \"zulip\")?")
	}
	return t, c.read(ctx, &query{sql: describe, args: [][]byte{[]byte(name)}}, t.add)
}

// add takes one row of describe.
func (t *tables) add(row realmport.Row) error {
	table, column, of := string(row[0]), string(row[1]), typeNamed(string(row[2]), string(row[3]))
	tab := t.schema.Tables[table]
	if tab == nil {
		estimate, err := strconv.ParseInt(string(row[5]), 10, 64)
		if err != nil {
			return fmt.Errorf("row estimate of %s: %w", table, err)
		}
		tab = &realmport.Table{Name: table, Estimate: estimate}
		t.schema.Tables[table] = tab
		t.types[table] = map[string]typ{}
	}
	tab.Columns = append(tab.Columns, realmport.Column{
		Name: column, Kind: of.kind, Nullable: string(row[4]) == "t",
		Readable: string(row[6]) == "t", References: string(row[7]),
	})
	t.types[table][column] = of
	return nil
}

// hold keeps the tables from being truncated, rewritten or dropped while the snapshot lasts: to a snapshot, a
// table that is truncated or rewritten later looks empty. A look at a table takes the weakest lock there
// is, until the transaction ends; LOCK TABLE would do the same, but not for a role with grants on columns only.
func (t *tables) hold(ctx context.Context, c *conn) error {
	var sql strings.Builder
	for _, name := range slices.Sorted(maps.Keys(t.schema.Tables)) {
		for _, col := range t.schema.Tables[name].Columns {
			if col.Readable {
				fmt.Fprintf(&sql, "SELECT %s FROM %s.%s LIMIT 0; ", quote(col.Name), t.space, quote(name))
				break
			}
		}
	}
	_, err := c.pg.Exec(ctx, sql.String()).ReadAll()
	return err
}
