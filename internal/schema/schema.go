// Package schema is the shape of a Zulip server's database: its tables, keys and indexes, once as PostgreSQL
// has them, and once as the embedded store does, which is translated from the former.
package schema

import _ "embed"

//go:embed tables.sql
var tablesSQL string

//go:embed keys.sql
var keysSQL string

// PostgreSQL returns the statements that make the tables, and those that make their keys and indexes, apart so that
// large amounts of rows can be loaded in between. They name no schema: the caller sets search_path.
func PostgreSQL() (tables, keys string) { return tablesSQL, keysSQL }
