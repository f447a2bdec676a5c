package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/fault"
	"github.com/realmport/realmport/internal/postgres"
)

func pressureOf(t *testing.T, dsn string) postgres.Pressure {
	t.Helper()
	p, err := open(t, dsn, postgres.Options{}).Pressure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPressure(t *testing.T) {
	t.Parallel()
	dsn := cluster(t).DSN("postgres")
	execute(t, dsn, minimal)
	freed(t, connect(t, dsn))
	p := pressureOf(t, dsn)
	if p.Standby || p.Lag != 0 || p.Active != 0 || p.Oldest != 0 || p.Connections < 1 || p.MaxConnections != 400 {
		t.Errorf("idle: got %+v", p)
	}
	snap := snapshot(t, dsn, postgres.Options{})
	// Somebody's statement waits for a lock, and is active as long.
	holder, waiter := connect(t, dsn), connect(t, dsn)
	if _, err := holder.Exec(t.Context(), "BEGIN; LOCK TABLE zerver_realm"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waits := waiting(t, dsn)
	go func() {
		_, err := waiter.Exec(ctx, "SELECT FROM zerver_realm")
		done <- err
	}()
	<-waits.Done()
	p = pressureOf(t, dsn)
	if p.Active < 1 || p.Oldest <= 0 || p.Oldest > snap.(*postgres.Snapshot).Age()+time.Minute {
		t.Errorf("busy: got %+v, want one active statement and the age of the snapshot", p)
	}
	// Without rights on the sessions of others their number is all that is known.
	execute(t, dsn, "CREATE ROLE outsider LOGIN")
	p = pressureOf(t, strings.Replace(dsn, "postgres@", "outsider@", 1))
	if p.Active != -1 || p.Oldest != 0 || p.Connections < 4 || p.Lag != 0 {
		t.Errorf("without rights: got %+v", p)
	}
	if _, err := holder.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPressureOfReplication(t *testing.T) {
	t.Parallel()
	p := replicated(t, map[string]string{"wal_receiver_status_interval": "1s"})
	if got := pressureOf(t, p.standby); !got.Standby {
		t.Errorf("got %+v, want a standby", got)
	}
	if got := pressureOf(t, p.primary); got.Standby || got.Lag < 0 {
		t.Errorf("got %+v, want a primary whose standbys are known", got)
	}
	execute(t, p.primary, "CREATE ROLE outsider LOGIN")
	if got := pressureOf(t, strings.Replace(p.primary, "postgres@", "outsider@", 1)); got.Lag != -1 || got.LagBytes != -1 {
		t.Errorf("without rights: got %+v of the primary, want unknown lags", got)
	}
	// A standby that stops replaying falls behind, and both servers tell; but not for how long, before it has replayed a first transaction.
	until(t, p.behind, "pg_last_xact_replay_timestamp() IS NOT NULL")
	if _, err := p.behind.Exec(t.Context(), "SELECT pg_wal_replay_pause()"); err != nil {
		t.Fatal(err)
	}
	until(t, p.behind, "pg_is_wal_replay_paused()")
	// Who replays nothing never tells its primary how late it is.
	execute(t, p.primary, "INSERT INTO zerver_realm VALUES (3); SELECT pg_switch_wal()")
	for t.Context().Err() == nil {
		primary, standby := pressureOf(t, p.primary), pressureOf(t, p.standby)
		if primary.LagBytes > 0 && standby.LagBytes > 0 && standby.Lag > 0 {
			break
		}
	}
	source := open(t, p.standby, postgres.Options{})
	got, err := source.Busy(t.Context(), postgres.Bounds{Lag: time.Nanosecond})
	if err != nil || !strings.Contains(got, "the replication lag is ") {
		t.Errorf("got %q, %v, want that the lag is too much", got, err)
	}
	got, err = open(t, p.primary, postgres.Options{}).Busy(t.Context(), postgres.Bounds{LagBytes: 1})
	if err != nil || !strings.Contains(got, "log are not replayed, over 1") {
		t.Errorf("got %q, %v, want that too much is not replayed", got, err)
	}
	if got, err := source.Busy(t.Context(), postgres.Bounds{Lag: time.Hour}); err != nil || got != "" {
		t.Errorf("got %q, %v, want nothing", got, err)
	}
	if _, err := p.behind.Exec(t.Context(), "SELECT pg_wal_replay_resume()"); err != nil {
		t.Fatal(err)
	}
	for pressureOf(t, p.standby).Lag != 0 && t.Context().Err() == nil {
	}
}

func TestPressureOfNoServer(t *testing.T) {
	t.Parallel()
	dsn := database(t, "")
	proxy := fault.NewProxy(t, addressOf(t, dsn))
	proxy.Refuse()
	_, err := open(t, at(t, dsn, proxy.Addr()), postgres.Options{}).Busy(t.Context(), postgres.Bounds{Lag: 1})
	wantError(t, err, realmport.Unavailable, "cannot reach PostgreSQL at "+proxy.Addr())
}

func TestBounds(t *testing.T) {
	t.Parallel()
	p := postgres.Pressure{Lag: 3 * time.Second, LagBytes: 100, Active: 5, Connections: 81, MaxConnections: 100}
	unknown := postgres.Pressure{Lag: -1, LagBytes: -1, Active: -1, Connections: 81, MaxConnections: 100}
	for _, tt := range []struct {
		bounds postgres.Bounds
		at     postgres.Pressure
		want   string
	}{
		{postgres.Bounds{}, p, ""},
		{postgres.Bounds{Lag: 3 * time.Second, Active: 5, Connections: 0.81}, p, ""},
		{postgres.Bounds{Lag: 2 * time.Second}, p, "the replication lag is 3s, over 2s"},
		{postgres.Bounds{LagBytes: 99}, p, "100 bytes of the primary's log are not replayed, over 99"},
		{postgres.Bounds{Active: 4}, p, "5 statements of others are active, over 4"},
		{postgres.Bounds{Connections: 0.8}, p, "81 of 100 connections are in use, over 80%"},
		{postgres.Bounds{Lag: 1, LagBytes: 1, Active: 1}, unknown, ""},
	} {
		if got := tt.bounds.Passed(tt.at); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.bounds, got, tt.want)
		}
		if got, want := tt.bounds.Any(), tt.bounds != (postgres.Bounds{}); got != want {
			t.Errorf("%+v: got any %t, want %t", tt.bounds, got, want)
		}
	}
}
