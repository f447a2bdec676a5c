package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/jobs"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// TestOpenAtOnce opens a new state database by many at the same time.
func TestOpenAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				opts := s.Options
				opts.InsertOnly = true
				q, err := jobs.Open(t.Context(), opts)
				if err == nil {
					err = errors.Join(q.Enqueue(t.Context(), int64(i)), q.Stop(t.Context()))
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got, want := strings.Count(s.states(t), "available"), 6; got != want {
			t.Errorf("got %d jobs, want %d", got, want)
		}
	})
}

// TestOpenGiven shares the one connection of a file with its owner.
func TestOpenGiven(t *testing.T) {
	t.Parallel()
	db := openSQLite(t, filepath.Join(t.TempDir(), "state.db"))
	s := state{jobs.Options{DB: db}, db, "river_job", "json(errors)"}
	d := newDesk(t)
	q := started(t, s.queue(t, d.work))
	ok(t, q.Enqueue(t.Context(), 5))
	d.next(t, 5).ends(0, nil)
	s.become(t, "completed 1")
	ok(t, q.Stop(context.Background()))
	ok(t, db.PingContext(t.Context())) // it is the owner's to close
}

func TestOpenRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	ok(t, os.WriteFile(text, []byte(strings.Repeat("no database ", 1000)), 0o600))
	for _, tt := range []struct {
		name string
		opts jobs.Options
		code realmport.Code
		says string
	}{
		{"nothing", jobs.Options{}, realmport.Invalid, "no state database"},
		{"no folder", jobs.Options{SQLite: filepath.Join(dir, "none", "state.db")}, realmport.NotFound, "none/state.db"},
		{"no database", jobs.Options{SQLite: text}, realmport.Invalid, "is no database of SQLite"},
		{"no connection string", jobs.Options{PostgreSQL: "postgres://user:secret@host:port"}, realmport.Invalid, "postgres://USER"},
		{"nobody there", jobs.Options{PostgreSQL: "postgres://user:secret@127.0.0.1:1/x"}, realmport.Unavailable, "does not answer"},
		{"no schema", jobs.Options{PostgreSQL: "host=127.0.0.1", Schema: `a"b`}, realmport.Invalid, `a\"b`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.opts.InsertOnly = true
			refused(t, tt.opts, tt.code, tt.says)
		})
	}
}

func refused(t *testing.T, opts jobs.Options, code realmport.Code, says string) {
	t.Helper()
	_, err := jobs.Open(t.Context(), opts)
	if realmport.ErrorCode(err) != code || !strings.Contains(fmt.Sprint(err), says) || strings.Contains(fmt.Sprint(err), "secret") {
		t.Errorf("got %q, %v, want %q that says %q", realmport.ErrorCode(err), err, code, says)
	}
}

func TestOpenRefusedByServer(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	s := state{Options: jobs.Options{PostgreSQL: dsn}}
	server, err := url.Parse(dsn)
	ok(t, err)
	as := func(user, database string) jobs.Options {
		u := *server
		u.User = url.User(user)
		if database != "" {
			u.Path = "/" + database
		}
		return jobs.Options{PostgreSQL: u.String(), InsertOnly: true}
	}
	role := strings.Replace(strings.TrimPrefix(server.Path, "/"), "realmport_test", "jobs", 1)
	everyRight := openPostgreSQL(t, dsn)
	execute := func(sql string) {
		t.Helper()
		_, err := everyRight.ExecContext(context.Background(), sql)
		ok(t, err)
	}
	execute("CREATE ROLE " + role + " LOGIN")
	t.Cleanup(func() { execute("DROP OWNED BY " + role); execute("DROP ROLE " + role) })
	refused(t, as(role, "nowhere"), realmport.NotFound, "nowhere")
	refused(t, as("nobody_"+role, ""), realmport.NotAllowed, "nobody_"+role)
	refused(t, as(role, ""), realmport.NotAllowed, "CREATE SCHEMA realmport AUTHORIZATION")
	// What the message says helps.
	execute("CREATE SCHEMA realmport AUTHORIZATION " + role)
	s.Options = as(role, "")
	ok(t, s.inserter(t).Enqueue(t.Context(), 1))
}
