package postgres_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/pgcluster"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/postgres"
)

// wantError checks the code of an error and the parts of its message.
func wantError(t *testing.T, err error, code realmport.Code, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with code %s", code)
	}
	if got := realmport.ErrorCode(err); got != code {
		t.Errorf("got code %s, want %s: %v", got, code, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got error %q, want one that says %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("got error %q, want one line", err)
	}
}

// fails opens a snapshot, which must fail at once.
func fails(t *testing.T, dsn string) error {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Second, errors.New("it was tried again"))
	defer cancel()
	snap, err := open(t, dsn, postgres.Options{}).Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	_, err = snap.Schema(ctx)
	return err
}

func TestExplain(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	t.Run("no such database", func(t *testing.T) {
		t.Parallel()
		err := fails(t, edit(t, server, func(u *url.URL) { u.Path = "/zulib" }))
		wantError(t, err, realmport.NotFound, addressOf(t, server), `has no database "zulib"`, `"zulip"`)
	})
	t.Run("no such database, as the user", func(t *testing.T) {
		t.Parallel()
		_, as := role(t, pgtest.Database(t), "LOGIN")
		var user string
		err := fails(t, edit(t, as, func(u *url.URL) { u.Path, user = "", u.User.Username() }))
		wantError(t, err, realmport.NotFound, `has no database "`+user+`"`)
	})
	t.Run("role may not log in", func(t *testing.T) {
		t.Parallel()
		name, as := role(t, pgtest.Database(t), "NOLOGIN")
		wantError(t, fails(t, as), realmport.NotAllowed, `refuses user "`+name+`"`, "not permitted to log in", "pg_hba.conf")
	})
	t.Run("not a Zulip database", func(t *testing.T) {
		t.Parallel()
		wantError(t, fails(t, pgtest.Database(t)), realmport.Unsupported, "no table zerver_realm in any schema")
	})
	for _, encoding := range []string{"SQL_ASCII", "LATIN1"} {
		t.Run("encoding "+encoding, func(t *testing.T) {
			t.Parallel()
			name := databaseOf(t, pgtest.Database(t)) + "_x"
			execute(t, server, "CREATE DATABASE "+name+" TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING '"+encoding+"'")
			t.Cleanup(func() { execute(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
			err := fails(t, edit(t, server, func(u *url.URL) { u.Path = "/" + name }))
			wantError(t, err, realmport.Unsupported, "encoding is "+encoding, "right database?")
		})
	}
	t.Run("no such host", func(t *testing.T) {
		t.Parallel()
		err := fails(t, "postgres://u@no-such-host.invalid/zulip")
		if strings.Contains(err.Error(), "tried again") {
			pgtest.Require(t, "a resolver", "the name of a host that cannot exist is not told to be unknown")
		}
		wantError(t, err, realmport.Unavailable, "cannot reach PostgreSQL at no-such-host.invalid:5432", "check the address")
	})
	t.Run("row-level security", func(t *testing.T) {
		t.Parallel()
		dsn := database(t, minimal+`ALTER TABLE zerver_realm ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON zerver_realm USING (id = 1)`)
		name, as := role(t, dsn, "LOGIN")
		execute(t, dsn, "GRANT SELECT ON zerver_realm TO "+name)
		got, err := texts(t, snapshot(t, as, postgres.Options{}), "zerver_realm", "name")
		wantError(t, err, realmport.NotAllowed, "row-level security")
		if len(got) != 0 {
			t.Errorf("got rows %v, want none", got)
		}
	})
	t.Run("no connections left", func(t *testing.T) {
		t.Parallel()
		dsn := database(t, minimal)
		name, as := role(t, dsn, "LOGIN CONNECTION LIMIT 1")
		execute(t, dsn, "GRANT SELECT ON zerver_realm TO "+name)
		snap := snapshot(t, as, postgres.Options{Connections: 2})
		var inner error
		err := snap.Read(t.Context(), realmport.Query{Table: "zerver_realm", Columns: []string{"id"}}, func(realmport.Row) error {
			_, inner = texts(t, snap, "zerver_realm", "name")
			return inner
		})
		wantError(t, err, realmport.Unavailable, "too many connections for role", "53300")
	})
	t.Run("locked table", func(t *testing.T) {
		t.Parallel()
		dsn := database(t, minimal)
		conn := connect(t, dsn)
		if _, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE zerver_realm"); err != nil {
			t.Fatal(err)
		}
		// The wait ends by the context rather than after the minute.
		snap := snapshot(t, dsn, postgres.Options{})
		cause := errors.New("stopped")
		ctx, cancel := context.WithCancelCause(t.Context())
		defer context.AfterFunc(waiting(t, dsn), func() { cancel(cause) })()
		err := snap.Read(ctx, realmport.Query{Table: "zerver_realm", Columns: []string{"id"}}, func(realmport.Row) error { return nil })
		if !errors.Is(err, cause) {
			t.Errorf("got error %v, want the context's cause %v", err, cause)
		}
		// The connection that had the snapshot is lost.
		_, err = texts(t, snap, "zerver_realm", "name")
		wantError(t, err, realmport.Unavailable, "snapshot", "gone", "run it again")
	})
	t.Run("limits of the role", func(t *testing.T) {
		t.Parallel()
		dsn := database(t, minimal)
		name, as := role(t, dsn, "LOGIN")
		execute(t, dsn, "GRANT SELECT ON zerver_realm TO "+name+"; ALTER ROLE "+name+" SET statement_timeout = '1ms';"+
			"ALTER ROLE "+name+" SET idle_in_transaction_session_timeout = '1ms'; ALTER ROLE "+name+" SET bytea_output = 'escape'")
		snap := snapshot(t, as, postgres.Options{Connections: 1})
		for range 3 {
			err := snap.Read(t.Context(), realmport.Query{Table: "zerver_realm", Columns: []string{"id"}}, func(realmport.Row) error {
				execute(t, dsn, "SELECT 1") // which takes more than a millisecond
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// waiting returns a context that ends once somebody waits for a lock in the database.
func waiting(t *testing.T, dsn string) context.Context {
	t.Helper()
	conn := connect(t, dsn)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		for t.Context().Err() == nil {
			var n int
			err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&n)
			if err != nil || n > 0 {
				return
			}
		}
	}()
	t.Cleanup(func() { <-done })
	return ctx
}

// TestPasswords needs a server that asks for one.
func TestPasswords(t *testing.T) {
	pgtest.Server(t) // where there is none, no other can be started either
	dir, err := os.MkdirTemp("", "realmport-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	rules := filepath.Join(dir, "pg_hba.conf")
	// The server may run as another user.
	if err := errors.Join(os.WriteFile(rules, []byte("host all postgres 127.0.0.1/32 trust\n"+
		"host all kept_out 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 scram-sha-256\n"), 0o644), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	cluster, err := pgcluster.Start(t.Context(), pgcluster.Options{Settings: map[string]string{"hba_file": rules, "shared_buffers": "16MB"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	dsn := cluster.DSN("postgres")
	const password = `pä%s w"o:r'd\@/?`
	execute(t, dsn, minimal+`CREATE ROLE member LOGIN PASSWORD '`+strings.ReplaceAll(password, "'", "''")+`'; CREATE ROLE kept_out LOGIN;
		GRANT SELECT ON zerver_realm TO member`)
	as := func(user *url.Userinfo) string { return edit(t, dsn, func(u *url.URL) { u.User = user }) }
	host, port, err := net.SplitHostPort(addressOf(t, dsn))
	if err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, dsn string) {
		t.Helper()
		if got, err := texts(t, snapshot(t, dsn, postgres.Options{}), "zerver_realm", "name"); err != nil || len(got) != 2 {
			t.Errorf("got %v, %v, want 2 rows", got, err)
		}
	}
	passfile := func(t *testing.T) string {
		t.Helper()
		name := filepath.Join(t.TempDir(), "pass")
		escaped := strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(password)
		if err := os.WriteFile(name, []byte("# comment\n"+host+":"+port+":*:member:"+escaped+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	t.Run("wrong", func(t *testing.T) {
		t.Setenv("PGPASSFILE", "/nonexistent")
		for _, wrong := range []string{as(url.UserPassword("member", "hunter2%hunter2")), as(url.UserPassword("nobody", "hunter2"))} {
			err := fails(t, wrong)
			wantError(t, err, realmport.NotAllowed, "refuses user", "password authentication failed", "PGPASSWORD", "pg_hba.conf")
			noSecret(t, err, "hunter2")
		}
	})
	t.Run("missing", func(t *testing.T) {
		t.Setenv("PGPASSFILE", "/nonexistent")
		wantError(t, fails(t, as(url.User("member"))), realmport.NotAllowed, `refuses user "member"`)
	})
	t.Run("kept out", func(t *testing.T) {
		wantError(t, fails(t, as(url.UserPassword("kept_out", "hunter2"))), realmport.NotAllowed, "pg_hba.conf rejects connection")
	})
	t.Run("kept out, with and without TLS", func(t *testing.T) {
		preferred := strings.Replace(as(url.User("kept_out")), "sslmode=disable", "sslmode=prefer", 1)
		wantError(t, fails(t, preferred), realmport.NotAllowed, "pg_hba.conf rejects connection")
	})
	t.Run("in a URL", func(t *testing.T) { check(t, as(url.UserPassword("member", password))) })
	t.Run("in keywords", func(t *testing.T) {
		escaped := strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(password)
		check(t, "host="+host+" port="+port+" dbname=postgres user=member sslmode=disable password='"+escaped+"'")
	})
	t.Run("in a file", func(t *testing.T) {
		t.Setenv("PGPASSFILE", passfile(t))
		check(t, as(url.User("member")))
	})
	t.Run("in variables", func(t *testing.T) {
		for name, value := range map[string]string{
			"PGHOST": host, "PGPORT": port, "PGDATABASE": "postgres", "PGUSER": "member", "PGPASSWORD": password, "PGSSLMODE": "disable",
		} {
			t.Setenv(name, value)
		}
		check(t, "")
		check(t, "postgres://")
	})
}

// noSecret checks that neither an error nor what it wraps tells a secret.
func noSecret(t *testing.T, err error, secret string) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error %q tells the password", err)
		}
	}
}

func TestOpenTellsNoPassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://u:hunter2@host:port/db",
		"postgres://u:hunter2@host/db?sslmode=perhaps",
		"postgres://u:hunter2%zz@host/db",
		"postgres://u:%68unter2 hunter2@host/db",
		"postgres://u:hunter2@ho st/db",
		"postgres://u:a/hunter2@host/db",
		"host=h password=hunter2 port=none",
		"host=h password='hunter2",
		"host=h user=u hunter2",
		"host=h password=hunter2 connect_timeout=x",
		"mysql://u:hunter2@host/db",
	} {
		_, err := postgres.Open(dsn, postgres.Options{})
		if err == nil {
			t.Errorf("%s: got no error", dsn)
			continue
		}
		wantError(t, err, realmport.Invalid, "not a PostgreSQL connection string")
		noSecret(t, err, "hunter2")
	}
}
