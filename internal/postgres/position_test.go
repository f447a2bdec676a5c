package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/fault"
	"github.com/realmport/realmport/internal/postgres"
)

func positionOf(t *testing.T, dsn string) string {
	t.Helper()
	position, err := open(t, dsn, postgres.Options{}).Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return position
}

// names returns the realms' names that a snapshot sees.
func names(t *testing.T, dsn string) string {
	t.Helper()
	list, err := texts(t, snapshot(t, dsn, postgres.Options{}), "zerver_realm", "name")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, " ")
}

// TestCatchUp changes a row on the primary while its standby does not replay.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	p := replicated(t, nil)
	execute(t, p.primary, "CREATE ROLE outsider LOGIN; GRANT SELECT ON zerver_realm TO outsider")
	outsider := func(dsn string) string { return strings.Replace(dsn, "postgres@", "outsider@", 1) }
	// The role is there only once it was replayed.
	if err := open(t, p.standby, postgres.Options{}).CatchUp(t.Context(), positionOf(t, p.primary), time.Minute); err != nil {
		t.Fatal(err)
	}
	source := open(t, outsider(p.standby), postgres.Options{})
	if _, err := p.behind.Exec(t.Context(), "SELECT pg_wal_replay_pause()"); err != nil {
		t.Fatal(err)
	}
	until(t, p.behind, "pg_is_wal_replay_paused()")
	// Not even on the primary's disk when it is answered.
	execute(t, p.primary, "SET synchronous_commit = off; UPDATE zerver_realm SET name = 'changed' WHERE id = 1")
	position := positionOf(t, outsider(p.primary))
	if got := names(t, p.standby); got != "one two" {
		t.Fatalf("got %q of the standby, want what was before", got)
	}
	err := source.CatchUp(t.Context(), position, time.Second)
	wantError(t, err, realmport.Unavailable, "PostgreSQL at "+addressOf(t, p.standby)+", a standby, is ", " bytes behind", "after 1s",
		"its replay is paused: SELECT pg_wal_replay_resume()")

	cause := errors.New("the process is asked to stop")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, cause)
	defer cancel()
	if err := source.CatchUp(ctx, position, time.Hour); !errors.Is(err, cause) {
		t.Errorf("got %v, want %v", err, cause)
	}
	done := make(chan error, 1)
	go func() { done <- source.CatchUp(t.Context(), position, time.Minute) }()
	if _, err := p.behind.Exec(t.Context(), "SELECT pg_wal_replay_resume()"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := names(t, p.standby); got != "changed two" {
		t.Errorf("got %q of the standby, want what is on the primary", got)
	}
	// A file of the log that is full is followed by a header that nobody replays.
	execute(t, p.primary, "SELECT pg_switch_wal()")
	if err := source.CatchUp(t.Context(), positionOf(t, p.primary), time.Minute); err != nil {
		t.Error(err)
	}

	if err := open(t, p.primary, postgres.Options{}).CatchUp(t.Context(), "FFFFFFFF/0", time.Minute); err != nil {
		t.Errorf("primary: got %v", err)
	}
	_, err = source.Position(t.Context())
	wantError(t, err, realmport.Unsupported, "is a standby")
	wantError(t, source.CatchUp(t.Context(), "FFFFFFFF/0", time.Second), realmport.Unavailable, "pg_stat_replication")
	wantError(t, source.CatchUp(t.Context(), "1/G", time.Minute), realmport.Invalid, `"1/G" is not a position`)
}

// TestCatchUpOfNoServer waits for a server that comes back, and not for ever.
func TestCatchUpOfNoServer(t *testing.T) {
	t.Parallel()
	dsn := database(t, "")
	proxy := fault.NewProxy(t, addressOf(t, dsn))
	proxy.Refuse()
	source := open(t, at(t, dsn, proxy.Addr()), postgres.Options{})
	wantError(t, source.CatchUp(t.Context(), "1/0", 150*time.Millisecond), realmport.Unavailable, "cannot reach PostgreSQL at "+proxy.Addr())
	proxy.CutAfter(0)
	proxy.Accept()
	done := make(chan error, 1)
	go func() { done <- source.CatchUp(t.Context(), "1/0", time.Minute) }()
	for proxy.Taken() == 0 && t.Context().Err() == nil {
	}
	proxy.CutAfter(-1)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
