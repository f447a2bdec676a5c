package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/realmport/realmport"
)

// column is what the database's catalog says of a column.
type column struct {
	read, insert, update bool // whether the role may
	must                 bool // a new row has to fill it
}

// tables is the catalog of the tables that a store needs, by name.
type tables map[string]map[string]column

// findSpace names the schema that holds Zulip's tables, "zulip" on every usual server, whatever the role's search_path.
const findSpace = `
SELECT n.nspname, has_schema_privilege(n.oid, 'USAGE')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = 'zerver_realm' AND c.relkind IN ('r', 'p')
ORDER BY n.nspname <> 'zulip', n.nspname LIMIT 1`

// describePostgres lists the columns of some tables. The right to insert means for an id that is made from a sequence, as older
// servers have it, the right to use that.
const describePostgres = `
SELECT c.relname, a.attname,
	has_column_privilege(c.oid, a.attnum, 'SELECT'),
	CASE WHEN a.attname <> 'id' THEN has_column_privilege(c.oid, a.attnum, 'INSERT') ELSE a.attidentity <> '' OR
		coalesce(has_sequence_privilege(pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), 'id'), 'USAGE'), true) END,
	has_column_privilege(c.oid, a.attnum, 'UPDATE'),
	a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = $1 AND c.relname = ANY (string_to_array($2, ','))`

// describeSQLite does the same. Everybody may do everything.
const describeSQLite = `
SELECT t.value, c.name, true, true, true, c."notnull" AND c.dflt_value IS NULL AND c.pk = 0
FROM json_each($1) t JOIN pragma_table_info(t.value) c`

// describe reads the catalog of the tables named, and where they are: the prefix of their names.
func describe(ctx context.Context, db *sql.DB, d Dialect, names []string) (t tables, prefix string, err error) {
	query, args := describeSQLite, []any{`["` + strings.Join(names, `","`) + `"]`}
	if d == PostgreSQL {
		var space string
		var usable bool
		err := db.QueryRowContext(ctx, findSpace).Scan(&space, &usable)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, "", realmport.Errorf(realmport.Unsupported, "the database has no table zerver_realm in any schema: "+
				`is it a Zulip server's database (usually named "zulip")?`)
		} else if err != nil {
			return nil, "", err
		}
		if !usable {
			return nil, "", realmport.Errorf(realmport.NotAllowed, "the database's role may not use the schema %s: "+
				"GRANT USAGE ON SCHEMA %s to it", space, quote(space))
		}
		query, args, prefix = describePostgres, []any{space, strings.Join(names, ",")}, quote(space)+"."
	}
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = rows.Close() }()
	t = tables{}
	for rows.Next() {
		var table, name string
		var c column
		if err := rows.Scan(&table, &name, &c.read, &c.insert, &c.update, &c.must); err != nil {
			return nil, "", err
		}
		if t[table] == nil {
			t[table] = map[string]column{}
		}
		t[table][name] = c
	}
	return t, prefix, rows.Err()
}

// meets checks that the tables have what is needed, and that the role has the rights to it.
func (t tables) meets(list []need) error {
	var missing, strange, denied []string
	for _, n := range list {
		columns := t[n.table]
		if columns == nil {
			missing = append(missing, n.table)
			continue
		}
		check := func(right string, names []string, has func(column) bool) {
			for _, name := range names {
				c, ok := columns[name]
				if !ok {
					missing = append(missing, n.table+"."+name)
				} else if !has(c) {
					denied = append(denied, fmt.Sprintf("%s (%s) on %s", right, name, n.table))
				}
			}
		}
		check("SELECT", n.read, func(c column) bool { return c.read })
		check("INSERT", n.insert, func(c column) bool { return c.insert })
		check("UPDATE", n.update, func(c column) bool { return c.update })
		if len(n.insert) == 0 {
			continue
		}
		if !columns["id"].insert {
			denied = append(denied, fmt.Sprintf("USAGE on the sequence of %s.id", n.table))
		}
		for _, name := range slices.Sorted(maps.Keys(columns)) {
			if columns[name].must && name != "id" && !slices.Contains(n.insert, name) {
				strange = append(strange, n.table+"."+name)
			}
		}
	}
	switch {
	case len(missing) > 0:
		return realmport.Errorf(realmport.Unsupported, "the database lacks %s: exports are kept by servers of Zulip 10 and newer; "+
			"upgrade the server", strings.Join(slices.Compact(missing), ", "))
	case len(strange) > 0:
		return realmport.Errorf(realmport.Unsupported, "new rows must have a value of %s, which this realmport does not know: "+
			"use one that knows the server's version", strings.Join(strange, ", "))
	case len(denied) > 0:
		return realmport.Errorf(realmport.NotAllowed, "the database's role lacks rights, which docs/operations.md has as SQL: %s", strings.Join(denied, "; "))
	}
	return nil
}
