package postgres_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/pgcluster"
	"github.com/realmport/realmport/internal/postgres"
)

// big is a table whose rows do not fit between two sockets.
const big = "CREATE TABLE big AS SELECT n AS id, repeat('x', 1000) AS fill FROM generate_series(1, 60000) AS n;"

// pair is a primary and its standby, by their databases postgres.
type pair struct {
	primary, standby string
	at               *pgx.Conn // the primary
	behind           *pgx.Conn // the standby
}

// replicated starts a primary with tables, and a standby with those settings that has them too.
func replicated(t *testing.T, settings map[string]string) *pair {
	t.Helper()
	primary := cluster(t)
	p := &pair{primary: primary.DSN("postgres")}
	execute(t, p.primary, minimal+big)
	standby, err := primary.Standby(t.Context(), pgcluster.Options{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	p.standby = standby.DSN("postgres")
	p.at, p.behind = connect(t, p.primary), connect(t, p.standby)
	return p
}

// purge deletes the rows of the big table for good, and returns how far the standby must come to have seen it.
func (p *pair) purge(t *testing.T) (lsn string) {
	t.Helper()
	for _, sql := range []string{"DELETE FROM big WHERE id > 0", "VACUUM big"} {
		if _, err := p.at.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.at.QueryRow(t.Context(), "SELECT pg_current_wal_flush_lsn()::text").Scan(&lsn); err != nil {
		t.Fatal(err)
	}
	return lsn
}

// until polls a condition on a server.
func until(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	for holds := false; !holds; {
		if err := conn.QueryRow(t.Context(), "SELECT coalesce("+sql+", false)", args...).Scan(&holds); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// stuck waits until the standby has replayed everything, or goes on no more.
func (p *pair) stuck(t *testing.T, lsn string) {
	t.Helper()
	until(t, p.behind, "pg_last_wal_receive_lsn() >= $1::pg_lsn", lsn)
	last := ""
	for same := 0; same < 50; same++ {
		var now string
		if err := p.behind.QueryRow(t.Context(), "SELECT pg_last_wal_replay_lsn()::text").Scan(&now); err != nil {
			t.Fatal(err)
		}
		if now != last {
			last, same = now, 0
		}
	}
}

func conflict(t *testing.T, err error, address string) {
	t.Helper()
	wantError(t, err, realmport.Unavailable, "PostgreSQL at "+address+", a standby, gave up the snapshot", "conflict with recovery", "run the export again",
		"hot_standby_feedback = on", "max_standby_streaming_delay")
	var own *realmport.Error
	if !errors.As(err, &own) || own.Details[postgres.ConflictWithRecovery] != true {
		t.Errorf("got details %v, want %s", own.Details, postgres.ConflictWithRecovery)
	}
}

// TestStandby reads a snapshot on three connections of a standby whose feedback keeps the rows.
func TestStandby(t *testing.T) {
	t.Parallel()
	p := replicated(t, map[string]string{"hot_standby_feedback": "on", "wal_receiver_status_interval": "1s", "max_standby_streaming_delay": "0"})
	snap := snapshot(t, p.standby, postgres.Options{Connections: 3})
	joined := join(t, p.standby, tokenOf(t, snap), postgres.Options{Connections: 3})
	_, err := open(t, p.primary, postgres.Options{}).Join(t.Context(), tokenOf(t, snap))
	wantError(t, err, realmport.Unsupported, "different servers")
	// The primary learns now and then what the standby needs.
	until(t, p.at, "(SELECT backend_xmin IS NOT NULL FROM pg_stat_replication)")
	lsn := p.purge(t)
	until(t, p.behind, "pg_last_wal_replay_lsn() >= $1::pg_lsn", lsn)

	var wait, together sync.WaitGroup
	together.Add(3)
	for i := range 3 {
		wait.Go(func() {
			rows, sum := 0, 0
			q := realmport.Query{Table: "big", Columns: []string{"id", "fill"}, Where: []realmport.Cond{
				realmport.Between{Column: "id", From: int64(20000*i + 1), To: int64(20000 * (i + 1))},
			}}
			err := snap.Read(t.Context(), q, func(row realmport.Row) error {
				if rows++; rows == 1 {
					together.Done()
					together.Wait()
				}
				sum += len(row[1])
				return nil
			})
			if err != nil || rows != 20000 || sum != 20_000_000 {
				t.Errorf("reader %d: got %d rows, %d bytes, %v, want 20000 rows of 1000 bytes", i, rows, sum, err)
			}
		})
	}
	wait.Wait()
	for name, s := range map[string]realmport.Snapshot{"exported": snap, "joined": joined} {
		got, err := texts(t, s, "zerver_realm", "name")
		if diff := cmp.Diff([]string{"one", "two"}, got); err != nil || diff != "" {
			t.Errorf("%s: %v, rows (-want +got):\n%s", name, err, diff)
		}
	}
}

// TestConflictWithRecovery deletes on the primary what a snapshot of the standby sees.
func TestConflictWithRecovery(t *testing.T) {
	t.Parallel()
	q := realmport.Query{Table: "big", Columns: []string{"id", "fill"}}
	for _, when := range []string{"in a read", "between reads"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			p := replicated(t, map[string]string{"max_standby_streaming_delay": "0"})
			snap := snapshot(t, p.standby, postgres.Options{Connections: 1})
			if _, err := snap.Schema(t.Context()); err != nil {
				t.Fatal(err)
			}
			lsn := ""
			if when == "between reads" {
				lsn = p.purge(t)
				until(t, p.behind, "pg_last_wal_replay_lsn() >= $1::pg_lsn", lsn)
			}
			rows := 0
			err := snap.Read(t.Context(), q, func(realmport.Row) error {
				if rows++; rows == 1 {
					lsn = p.purge(t)
					p.stuck(t, lsn)
				}
				return nil
			})
			if lsn == "" {
				t.Fatal("nothing was deleted")
			}
			conflict(t, err, addressOf(t, p.standby))
			if rows == 60000 {
				t.Error("got all rows")
			}
			until(t, p.behind, "(SELECT confl_snapshot > 0 FROM pg_stat_database_conflicts WHERE datname = current_database())")
			until(t, p.behind, "pg_last_wal_replay_lsn() >= $1::pg_lsn", lsn)
			// Another attempt finds the standby as it is now.
			again, n := snapshot(t, p.standby, postgres.Options{}), 0
			err = again.Read(t.Context(), q, func(realmport.Row) error { n++; return nil })
			if err != nil || n != 0 {
				t.Errorf("again: got %d rows, %v, want none", n, err)
			}
		})
	}
}
