package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/sqlite"
	"github.com/realmport/realmport/internal/store"
)

// start is when the tests' exports are made. PostgreSQL keeps its microseconds, and no more.
var start = time.Date(2026, time.March, 3, 9, 30, 0, 123456000, time.UTC)

// world is an organizations' database of a test.
type world struct {
	d    store.Dialect
	db   *sql.DB
	open func(t *testing.T) *sql.DB // as another process does
}

// each runs a test on a database of each kind, in parallel with others.
func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		fn(t, sqliteWorld(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		fn(t, postgresWorld(t))
	})
}

// sqliteWorld makes an embedded store.
func sqliteWorld(t *testing.T) *world {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zulip.sqlite")
	newOrganizations(t, path, func(context.Context, realmport.Loader) error { return nil })
	w := &world{d: store.SQLite, open: func(t *testing.T) *sql.DB { t.Helper(); return openSQLite(t, path) }}
	w.db = w.open(t)
	w.exec(t, "PRAGMA foreign_keys = OFF")
	seed(t, w)
	w.exec(t, "PRAGMA foreign_keys = ON")
	return w
}

// postgresWorld makes a server's database.
func postgresWorld(t *testing.T) *world {
	t.Helper()
	dsn := pgtest.Template(t, "store", func(dsn string) error { return demo.CreateSchema(context.Background(), dsn) })
	w := &world{d: store.PostgreSQL, open: func(t *testing.T) *sql.DB { t.Helper(); return openPostgres(t, dsn) }}
	w.db = openPostgres(t, dsn)
	w.db.SetMaxOpenConns(1)
	w.exec(t, "SET session_replication_role = replica; SET search_path = zulip")
	seed(t, w)
	w.exec(t, "SET session_replication_role = DEFAULT; RESET search_path")
	w.db.SetMaxOpenConns(8)
	return w
}

// table returns a table's name in statements.
func (w *world) table(name string) string {
	if w.d == store.PostgreSQL {
		return "zulip." + name
	}
	return name
}

func (w *world) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	if _, err := w.db.ExecContext(context.Background(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// value runs a query that yields one value.
func value[T any](t testing.TB, w *world, query string, args ...any) T {
	t.Helper()
	var v T
	if err := w.db.QueryRowContext(context.Background(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// time returns a time as the dialect keeps it.
func (w *world) time(at time.Time) any {
	if w.d == store.SQLite {
		return at.UnixMicro()
	}
	return at
}

// row are the values of a new row.
type row map[string]any

// insert adds a row. What it does not name and cannot be null is empty.
func (w *world) insert(t testing.TB, table string, values row) {
	t.Helper()
	describe := `SELECT name, type FROM pragma_table_info($1) WHERE "notnull" AND dflt_value IS NULL AND pk = 0`
	if w.d == store.PostgreSQL {
		describe = `SELECT column_name, udt_name FROM information_schema.columns WHERE table_schema = 'zulip' AND table_name = $1
			AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'`
	}
	rows, err := w.db.QueryContext(context.Background(), describe, table)
	if err != nil {
		t.Fatal(err)
	}
	values = maps.Clone(values)
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			t.Fatal(err)
		}
		if _, ok := values[name]; ok {
			continue
		}
		switch kind, _, _ = strings.Cut(strings.Fields(kind)[0], "("); kind {
		case "bool", "boolean":
			values[name] = false
		case "timestamptz":
			values[name] = w.time(start)
		case "uuid":
			values[name] = fmt.Sprintf("00000000-0000-4000-8000-%012d", values["id"])
		case "text", "varchar":
			values[name] = ""
		case "jsonb":
			values[name] = "{}"
		default:
			values[name] = 0
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	columns := slices.Sorted(maps.Keys(values))
	places, args := make([]string, len(columns)), make([]any, len(columns))
	for i, name := range columns {
		places[i], args[i] = fmt.Sprintf("$%d", i+1), values[name]
	}
	statement := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", w.table(table), strings.Join(columns, ", "), strings.Join(places, ", "))
	w.exec(t, statement, args...)
}

// new makes a store on the database.
func (w *world) new(t testing.TB, owned bool) *store.Store {
	t.Helper()
	s, err := store.New(t.Context(), w.db, w.d, store.Options{Owned: owned})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantCode checks the code of an error, and words of its message.
func wantCode(t testing.TB, err error, code realmport.Code, words ...string) {
	t.Helper()
	if got := realmport.ErrorCode(err); got != code {
		t.Fatalf("got error %v with code %q, want %q", err, got, code)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("got error %q, want one with %q", err, word)
		}
	}
}

// newOrganizations makes an embedded store's file.
func newOrganizations(t testing.TB, path string, load func(context.Context, realmport.Loader) error) {
	t.Helper()
	l, err := sqlite.Create(t.Context(), path)
	if err == nil {
		err = load(t.Context(), l)
	}
	if err == nil {
		err = l.Commit(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func openSQLite(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sqlite.OpenDB(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// openState opens a file for the state, which is made if it is not there.
func openState(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sqlite.OpenState(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func openPostgres(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(8)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
