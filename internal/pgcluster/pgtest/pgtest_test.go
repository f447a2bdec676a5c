package pgtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
)

func query[T any](t *testing.T, dsn, sql string) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var got T
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestDatabaseIsDropped(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("use", func(t *testing.T) {
		name = query[string](t, Database(t), "SELECT current_database()")
		// A session left open must not keep the database.
		conn, err := pgx.Connect(context.Background(), withDatabase(Server(t), name))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn
	})
	if got := query[int](t, Server(t), "SELECT count(*) FROM pg_database WHERE datname = '"+name+"'"); got != 0 {
		t.Errorf("database %s is still there", name)
	}
}

func TestTemplateIsBuiltOnce(t *testing.T) {
	t.Parallel()
	Server(t)
	built := make(chan struct{}, 10)
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			dsn := Template(t, "once", func(dsn string) error {
				built <- struct{}{}
				conn, err := pgx.Connect(t.Context(), dsn)
				if err != nil {
					return err
				}
				_, err = conn.Exec(t.Context(), "CREATE TABLE a AS SELECT 5 AS n")
				_ = conn.Close(t.Context())
				return err
			})
			if got := query[int](t, dsn, "UPDATE a SET n = n + 1 RETURNING n"); got != 6 {
				t.Errorf("got %d, want 6: the copies are not separate", got)
			}
		})
	}
	t.Cleanup(func() {
		if len(built) != 1 {
			t.Errorf("template was built %d times, want 1", len(built))
		}
	})
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]int{"rules": 25, "community": 21236} {
		t.Run(set, func(t *testing.T) {
			t.Parallel()
			dsn, uploads, folder := Golden(t, set)
			if got := query[int](t, dsn, `SELECT count(*) FROM zulip.zerver_message
				JOIN zulip.zerver_realm r ON r.id = realm_id WHERE r.string_id <> 'zulipinternal'`); got != want {
				t.Errorf("got %d messages, want %d", got, want)
			}
			for _, path := range []string{filepath.Join(uploads, "files"), filepath.Join(folder, "reference-type1.tar.gz")} {
				if _, err := os.Stat(path); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
