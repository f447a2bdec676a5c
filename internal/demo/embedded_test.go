package demo

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/sqlite"
)

// embeddedStore makes an embedded store that fill fills.
func embeddedStore(tb testing.TB, fill func(l realmport.Loader) error) (path string) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "demo.db")
	l, err := sqlite.Create(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Abort()
	if err := fill(l); err != nil {
		tb.Fatal(err)
	}
	if err := l.Commit(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return path
}

// column returns the values of a query's only column.
func column[T any](tb testing.TB, path, query string, args ...any) []T {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(context.WithoutCancel(tb.Context()), query, args...)
	if err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	all := []T{} // as pgx has it
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			tb.Fatalf("%s: %v", query, err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		tb.Fatal(err)
	}
	return all
}

// dump returns a number for the content of each table.
func dump(t *testing.T, path string) map[string]string {
	t.Helper()
	source, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := source.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	tables, err := snapshot.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for name, table := range tables.Tables {
		q := realmport.Query{Table: name, OrderBy: table.Columns[0].Name}
		for _, c := range table.Columns {
			if c.Kind != realmport.TSVector {
				q.Columns = append(q.Columns, c.Name)
			}
		}
		sum := uint64(0)
		err := snapshot.Read(t.Context(), q, func(r realmport.Row) error {
			for _, v := range r {
				for _, b := range v {
					sum = scramble(sum + uint64(b))
				}
				sum = scramble(sum + 256)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		sums[name] = fmt.Sprint(sum)
	}
	return sums
}

// compareIDs checks that the tables of both databases have the same ids.
func compareIDs(t *testing.T, conn *pgx.Conn, path string) {
	t.Helper()
	for _, table := range list[string](t, conn, "SELECT relname::text FROM pg_class WHERE relnamespace = 'zulip'::regnamespace AND relkind = 'r'") {
		id := "id"
		if table == "zerver_namedusergroup" {
			id = "usergroup_ptr_id"
		}
		query := fmt.Sprintf("SELECT %s FROM %s ORDER BY 1", id, table)
		want, got := list[int64](t, conn, strings.Replace(query, id, id+"::bigint", 1)), column[int64](t, path, query)
		if !slices.Equal(want, got) {
			t.Errorf("%s: %d ids in PostgreSQL and %d in SQLite, or others", table, len(want), len(got))
		}
	}
}

func TestRulesInBothDatabases(t *testing.T) {
	t.Parallel()
	path := embeddedStore(t, func(l realmport.Loader) error { return LoadRules(t.Context(), l) })
	compareIDs(t, rulesDatabase(t), path)
	if got := column[string](t, path, "SELECT content FROM zerver_message WHERE id = 1004")[0]; got != Marker(1004)+" "+NastyText {
		t.Errorf("the nasty text became %q", got)
	}
}

func TestGeneratedInBothDatabases(t *testing.T) {
	t.Parallel()
	size := Size{Realms: 2, Users: 40, Streams: 10, Messages: 500, UserMessages: 4000, Reactions: 300, Attachments: 20, AuditRows: 100}
	dsn := pgtest.Database(t)
	if err := Generate(t.Context(), dsn, size); err != nil {
		t.Fatal(err)
	}
	size.UploadsDir = t.TempDir()
	path := embeddedStore(t, func(l realmport.Loader) error { return LoadGenerated(t.Context(), l, size) })
	conn := connect(t, dsn)
	compareIDs(t, conn, path)
	text := "SELECT concat(id, sender_id, recipient_id, subject, content) FROM zerver_message ORDER BY id"
	if !slices.Equal(list[string](t, conn, text), column[string](t, path, text)) {
		t.Error("messages differ")
	}
	if files := readFiles(t, size.UploadsDir); len(files) != size.Attachments {
		t.Errorf("got %d files, want %d", len(files), size.Attachments)
	}
}

// failing is a loader that fails at a row of a table.
type failing struct {
	realmport.Loader
	table string
}

func (f failing) Insert(ctx context.Context, table string, columns []string, values []any) error {
	if table == f.table {
		return realmport.Errorf(realmport.Invalid, "no room for %s", table)
	}
	return f.Loader.Insert(ctx, table, columns, values)
}

func TestLoaderFails(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"django_migrations", "zerver_message", "zerver_subscription"} {
		l, err := sqlite.Create(t.Context(), filepath.Join(t.TempDir(), "demo.db"))
		if err != nil {
			t.Fatal(err)
		}
		err = LoadRules(t.Context(), failing{l, table})
		if realmport.ErrorCode(err) != realmport.Invalid || !strings.Contains(err.Error(), "load table "+table) {
			t.Errorf("%s: got %v, want the loader's error with the table", table, err)
		}
		if err := l.Abort(); err != nil {
			t.Error(err)
		}
	}
}
