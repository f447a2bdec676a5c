package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/postgres"
	"github.com/realmport/realmport/internal/sourcetest"
)

// connect opens a connection of the test's own, which ends with it.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// execute runs statements, without arguments.
func execute(t *testing.T, dsn, sql string) {
	t.Helper()
	conn := connect(t, dsn)
	if _, err := conn.PgConn().Exec(context.Background(), sql).ReadAll(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	_ = conn.Close(context.Background())
}

// count runs a query that yields one number.
func count(t *testing.T, conn *pgx.Conn, sql string, args ...any) int {
	t.Helper()
	var n int
	if err := conn.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// database makes a database with the statements run in it.
func database(t *testing.T, sql string) string {
	t.Helper()
	dsn := pgtest.Database(t)
	execute(t, dsn, sql)
	return dsn
}

// minimal is the least that a Zulip server's database has.
const minimal = "CREATE TABLE zerver_realm (id int PRIMARY KEY, name text); INSERT INTO zerver_realm VALUES (1, 'one'), (2, 'two');"

// role makes a role with no rights of its own, which goes away with the test, and returns its DSN.
func role(t *testing.T, dsn, options string) (name, as string) {
	t.Helper()
	name = "role_" + strings.TrimPrefix(databaseOf(t, dsn), "realmport_test_")
	execute(t, dsn, "CREATE ROLE "+name+" "+options)
	t.Cleanup(func() { execute(t, dsn, "DROP OWNED BY "+name+"; DROP ROLE "+name) })
	return name, edit(t, dsn, func(u *url.URL) { u.User = url.User(name) })
}

func edit(t *testing.T, dsn string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

// at returns the DSN of the same database at another address.
func at(t *testing.T, dsn, address string) string {
	t.Helper()
	return edit(t, dsn, func(u *url.URL) { u.Host = address })
}

func addressOf(t *testing.T, dsn string) string {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
}

func databaseOf(t *testing.T, dsn string) string {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return config.Database
}

func open(t *testing.T, dsn string, opts postgres.Options) *postgres.Source {
	t.Helper()
	source, err := postgres.Open(dsn, opts)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// snapshot opens a snapshot, which is closed with the test.
func snapshot(t *testing.T, dsn string, opts postgres.Options) realmport.Snapshot {
	t.Helper()
	snap, err := open(t, dsn, opts).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = snap.Close() })
	return snap
}

// texts reads a text column.
func texts(t *testing.T, snap realmport.Snapshot, table, column string) ([]string, error) {
	t.Helper()
	var list []string
	q := realmport.Query{Table: table, Columns: []string{column}, OrderBy: column}
	err := snap.Read(context.Background(), q, func(row realmport.Row) error {
		list = append(list, string(row[0]))
		return nil
	})
	return list, err
}

// typeNames are the types of the conformance tests' columns.
var typeNames = map[sourcetest.Type]string{
	sourcetest.SmallInt: "smallint", sourcetest.Integer: "integer", sourcetest.BigInt: "bigint", sourcetest.Bool: "boolean",
	sourcetest.Text: "text", sourcetest.Time: "timestamptz", sourcetest.UUID: "uuid", sourcetest.JSON: "jsonb",
}

func createTables(t *testing.T, tables []sourcetest.Table, connections int) *sourcetest.Database {
	t.Helper()
	dsn := pgtest.Database(t)
	conn := connect(t, dsn)
	insert := func(t *testing.T, table string, row []any) {
		t.Helper()
		args, places := make([]any, len(row)), make([]string, len(row))
		for i, v := range row {
			args[i] = v
			if text, ok := v.(json.RawMessage); ok {
				args[i] = string(text)
			}
			places[i] = fmt.Sprintf("$%d", i+1)
		}
		sql := fmt.Sprintf("INSERT INTO %s VALUES (%s)", table, strings.Join(places, ", "))
		if _, err := conn.Exec(context.Background(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	for _, table := range tables {
		var columns []string
		for _, c := range table.Columns {
			column := c.Name + " " + typeNames[c.Type]
			if c.Name == "id" {
				column += " PRIMARY KEY"
			} else if !c.Nullable {
				column += " NOT NULL"
			}
			if c.References != "" {
				column += " REFERENCES " + c.References
			}
			columns = append(columns, column)
		}
		execute(t, dsn, fmt.Sprintf("CREATE TABLE %s (%s)", table.Name, strings.Join(columns, ", ")))
		for _, row := range table.Rows {
			insert(t, table.Name, row)
		}
	}
	return &sourcetest.Database{
		Source: open(t, dsn, postgres.Options{Connections: connections}),
		Insert: insert,
		Delete: func(t *testing.T, table string, id int64) {
			t.Helper()
			if _, err := conn.Exec(context.Background(), "DELETE FROM "+table+" WHERE id = $1", id); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, connections := range []int{1, 3} {
		t.Run(fmt.Sprint(connections, " connections"), func(t *testing.T) {
			t.Parallel()
			sourcetest.Run(t, func(t *testing.T, tables []sourcetest.Table) *sourcetest.Database {
				t.Helper()
				return createTables(t, tables, connections)
			})
		})
	}
}
