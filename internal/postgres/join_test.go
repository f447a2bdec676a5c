package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/fault"
	"github.com/realmport/realmport/internal/pgcluster"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/postgres"
)

// tokenOf is what a snapshot's joiners need.
func tokenOf(t *testing.T, snap realmport.Snapshot) string {
	t.Helper()
	shared, ok := snap.(realmport.Shared)
	if !ok {
		t.Fatalf("%T cannot be shared", snap)
	}
	return shared.Token()
}

// join opens the snapshot of a token, until the test ends.
func join(t *testing.T, dsn, token string, opts postgres.Options) realmport.Snapshot {
	t.Helper()
	snap, err := open(t, dsn, opts).Join(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = snap.Close() })
	return snap
}

// cluster starts a server of the test's own.
func cluster(t *testing.T) *pgcluster.Cluster {
	t.Helper()
	pgtest.Server(t) // where there is none, no other can be started either
	c, err := pgcluster.Start(t.Context(), pgcluster.Options{Settings: map[string]string{"shared_buffers": "16MB"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestJoin(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal)
	first := snapshot(t, dsn, postgres.Options{})
	execute(t, dsn, "DELETE FROM zerver_realm WHERE id = 1; INSERT INTO zerver_realm VALUES (3, 'three')")
	token := tokenOf(t, first)
	second := join(t, dsn, token, postgres.Options{Connections: 3})
	if got := tokenOf(t, second); got != token {
		t.Errorf("got token %q of the joined snapshot, want %q", got, token)
	}
	want := []string{"one", "two"}
	read := func(name string, snap realmport.Snapshot) {
		t.Helper()
		got, err := texts(t, snap, "zerver_realm", "name")
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v, rows (-want +got):\n%s", name, err, diff)
		}
	}
	read("first", first)
	read("second", second)
	// Another connection, while one is in use.
	q := realmport.Query{Table: "zerver_realm", Columns: []string{"id"}, Limit: 1}
	err := second.Read(t.Context(), q, func(realmport.Row) error {
		read("second, on two connections", second)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	read("joined by the token of one that was joined", join(t, dsn, tokenOf(t, second), postgres.Options{}))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	gone(t, dsn, token)
	// What was joined is readable on the connections that it has.
	execute(t, dsn, "DELETE FROM zerver_realm")
	execute(t, dsn, "VACUUM zerver_realm")
	var inner error
	err = second.Read(t.Context(), q, func(realmport.Row) error {
		read("second, after the end of the first", second)
		return second.Read(t.Context(), q, func(realmport.Row) error {
			_, inner = texts(t, second, "zerver_realm", "name")
			return inner
		})
	})
	wantError(t, err, realmport.NotFound, "the snapshot has ended on PostgreSQL at "+addressOf(t, dsn), "starts over")
	read("second, after a further connection could not join", second)
}

// gone waits until the server has learnt of the snapshot's end, and checks what is said of it then.
func gone(t *testing.T, dsn, token string) {
	t.Helper()
	for t.Context().Err() == nil {
		snap, err := open(t, dsn, postgres.Options{}).Join(t.Context(), token)
		if err == nil {
			_ = snap.Close()
			continue
		}
		wantError(t, err, realmport.NotFound, "the snapshot has ended", "starts over")
		return
	}
}

// TestJoinedTablesAreHeld checks that a joined snapshot keeps its tables whatever becomes of the first.
func TestJoinedTablesAreHeld(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal)
	first := snapshot(t, dsn, postgres.Options{})
	second := join(t, dsn, tokenOf(t, first), postgres.Options{})
	if _, err := second.Schema(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	gone(t, dsn, tokenOf(t, first))
	_, err := connect(t, dsn).Exec(t.Context(), "SET lock_timeout = '10ms'; TRUNCATE zerver_realm")
	if err == nil || !strings.Contains(err.Error(), "55P03") {
		t.Errorf("truncate: got error %v, want one for the lock", err)
	}
}

func TestJoinElsewhere(t *testing.T) {
	t.Parallel()
	here, other := database(t, minimal), cluster(t)
	there := other.DSN("postgres")
	execute(t, there, minimal)
	snap := snapshot(t, here, postgres.Options{})
	for name, dsn := range map[string]string{"another database": database(t, minimal), "another server": there} {
		_, err := open(t, dsn, postgres.Options{}).Join(t.Context(), tokenOf(t, snap))
		t.Log(name)
		wantError(t, err, realmport.Unsupported, addressOf(t, dsn), "different servers", "connect to PostgreSQL itself", "pooler or balancer")
	}
	for name, token := range map[string]string{
		"empty": "", "of another source": "sqlite:1", "broken": tokenOf(t, snap) + "'", "cut": tokenOf(t, snap)[:20],
	} {
		_, err := open(t, here, postgres.Options{}).Join(t.Context(), token)
		t.Log(name)
		wantError(t, err, realmport.Unsupported, "the same version and the same source")
	}
	// A server that was restarted has lost its snapshots, which is no mistake of the configuration.
	lost := snapshot(t, there, postgres.Options{Connections: 3})
	err := nested(t, lost, func() {
		if err := other.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	wantError(t, err, realmport.Unavailable, "is gone", "the server was started after the snapshot", "run it again")
	_, err = open(t, there, postgres.Options{}).Join(t.Context(), tokenOf(t, lost))
	wantError(t, err, realmport.NotFound, "the snapshot has ended", "starts over")
}

func TestJoinTriesAgain(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal)
	snap := snapshot(t, dsn, postgres.Options{})
	proxy := fault.NewProxy(t, addressOf(t, dsn))
	proxy.Refuse()
	warnings := 0
	log := onWarningLog(func(string) { warnings++; proxy.Accept() })
	joined := join(t, at(t, dsn, proxy.Addr()), tokenOf(t, snap), postgres.Options{Log: log})
	if got, err := texts(t, joined, "zerver_realm", "name"); err != nil || len(got) != 2 || warnings != 1 {
		t.Errorf("got %v, %v, and %d warnings, want 2 rows and a warning", got, err, warnings)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, dsn, postgres.Options{}).Join(ctx, tokenOf(t, snap)); err == nil {
		t.Error("after the context's end: got no error")
	}
}

// TestBalancer sends every second connection to another server.
func TestBalancer(t *testing.T) {
	t.Parallel()
	here, there := database(t, minimal), cluster(t)
	name := databaseOf(t, here)
	execute(t, there.DSN("postgres"), "CREATE DATABASE "+name)
	execute(t, there.DSN(name), minimal)
	proxy := fault.NewProxy(t, addressOf(t, here), addressOf(t, there.DSN(name)))
	watch := connect(t, here)
	_, err := open(t, at(t, here, proxy.Addr()), postgres.Options{}).Snapshot(t.Context())
	wantError(t, err, realmport.Unsupported, "PostgreSQL at "+proxy.Addr()+" does not know the snapshot of another connection",
		"different servers", "connect to PostgreSQL itself", "pooler or balancer")
	if got := proxy.Taken(); got != 2 {
		t.Errorf("got %d connections, want 2: the balancer was not met", got)
	}
	freed(t, watch)
	// It may send the first two connections to the same server.
	late := fault.NewProxy(t, addressOf(t, here), addressOf(t, here), addressOf(t, there.DSN(name)))
	err = nested(t, snapshot(t, at(t, here, late.Addr()), postgres.Options{Connections: 3}), func() {})
	wantError(t, err, realmport.Unsupported, "different servers", "pooler or balancer")
	if got := late.Taken(); got != 3 {
		t.Errorf("got %d connections, want 3: the balancer was not met", got)
	}
	// One connection is all that a lone reader needs.
	snap := snapshot(t, at(t, here, proxy.Addr()), postgres.Options{Connections: 1})
	if got, err := texts(t, snap, "zerver_realm", "name"); err != nil || len(got) != 2 {
		t.Errorf("got %v, %v, want 2 rows", got, err)
	}
}
