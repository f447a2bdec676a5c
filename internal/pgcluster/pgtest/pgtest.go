package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// The environment variables that the package reads.
const (
	ServerEnv  = "REALMPORT_TEST_POSTGRES" // a superuser's DSN of the test server
	RequireEnv = "REALMPORT_TEST_REQUIRE"  // "all" turns skips into failures
	GoldenEnv  = "REALMPORT_GOLDEN"        // the folder of the golden archives
)

// Require ends a test that needs what is not there: it skips the test, or fails it where
// REALMPORT_TEST_REQUIRE is "all". Every skip of the tests goes through here.
func Require(tb testing.TB, what, reason string) {
	tb.Helper()
	if os.Getenv(RequireEnv) == "all" {
		tb.Fatalf("%s is required: %s", what, reason)
	}
	tb.Skipf("%s is missing: %s", what, reason)
}

// Server returns the DSN of the test server's database postgres, for a superuser.
// Without a server the test ends as Require says.
func Server(tb testing.TB) string {
	tb.Helper()
	dsn := os.Getenv(ServerEnv)
	if dsn == "" {
		Require(tb, "PostgreSQL", ServerEnv+" is not set; run the tests through internal/pgcluster/withpg")
	}
	return dsn
}

// Database returns the DSN of a new, empty database, which is dropped at the end of the
// test together with the sessions in it.
func Database(tb testing.TB) string {
	tb.Helper()
	return create(tb, Server(tb), "")
}

// Template returns the DSN of a copy of a template database, which is dropped at the end
// of the test. The template of that name is built once per process, by the first test
// that asks for it; build gets the DSN of an empty database and must have closed its
// connections when it returns. The template stays until the server is stopped.
func Template(tb testing.TB, name string, build func(dsn string) error) string {
	tb.Helper()
	// A process id alone may come again on a server that lives on; go test builds
	// each run's program in a new folder.
	exe, err := os.Executable()
	if err != nil {
		tb.Fatalf("find own program: %v", err)
	}
	return copyOf(tb, fmt.Sprint(name, "\x00", exe, "\x00", os.Getpid()), build)
}

// copyOf makes a copy of the template with that key, building the template if no
// process has yet.
func copyOf(tb testing.TB, key string, build func(dsn string) error) string {
	tb.Helper()
	server := Server(tb)
	sum := sha256.Sum256([]byte(key))
	template := "realmport_template_" + hex.EncodeToString(sum[:8])
	if err := ensure(tb.Context(), server, template, build); err != nil {
		tb.Fatalf("build template database: %v", err)
	}
	return create(tb, server, template)
}

// ensure builds the template database if it does not exist. Processes that want the
// same one wait for each other. It gets its name when it is complete.
func ensure(ctx context.Context, server, name string, build func(dsn string) error) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
		return err
	}
	var exists bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	if err != nil || exists {
		return err
	}
	half := name + "_half"
	for _, sql := range []string{"DROP DATABASE IF EXISTS %s WITH (FORCE)", "CREATE DATABASE %s TEMPLATE template0"} {
		if _, err := conn.Exec(ctx, fmt.Sprintf(sql, half)); err != nil {
			return err
		}
	}
	if err := build(withDatabase(server, half)); err != nil {
		return err
	}
	// Nobody may connect any more: a database with sessions cannot be copied.
	for _, sql := range []string{"ALTER DATABASE %s ALLOW_CONNECTIONS false", "ALTER DATABASE %s RENAME TO " + name} {
		if _, err := conn.Exec(ctx, fmt.Sprintf(sql, half)); err != nil {
			return err
		}
	}
	return nil
}

// create makes a database for the test, from a template or empty.
func create(tb testing.TB, server, template string) string {
	tb.Helper()
	if template == "" {
		template = "template0"
	}
	name := "realmport_test_" + strings.ToLower(rand.Text())
	execute(tb, server, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template))
	tb.Cleanup(func() {
		execute(tb, server, fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", name))
	})
	return withDatabase(server, name)
}

// execute runs one statement on the server, in a session of its own: a test may end
// with its context cancelled and its pools closed.
func execute(tb testing.TB, server, sql string) {
	tb.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		tb.Fatalf("connect to the test server: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}

// withDatabase returns the DSN of another database of the same server.
func withDatabase(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme == "" {
		// The other form, words of key=value: the last one counts.
		return dsn + " dbname=" + name
	}
	u.Path = "/" + name
	return u.String()
}
