package postgres_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/pace"
	"github.com/realmport/realmport/internal/postgres"
	"github.com/realmport/realmport/internal/sourcetest"
)

// TestPacedConformance checks that limits that are not met change nothing.
func TestPacedConformance(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, func(t *testing.T, tables []sourcetest.Table) *sourcetest.Database {
		t.Helper()
		d := createTables(t, tables, 3)
		source, _ := d.Source.(*postgres.Source)
		check := func(ctx context.Context) (string, error) {
			return source.Busy(ctx, postgres.Bounds{Lag: time.Hour, Connections: 1})
		}
		d.Source = pace.Source(source, &pace.Pacer{
			Limiter: pace.NewLimiter(1e9, 1e12, clock.Now), Gate: pace.NewGate(check, time.Second, clock.Now, slog.New(slog.DiscardHandler)),
			MaxAge: time.Hour, Now: clock.Now,
		})
		return d
	})
}

func TestPacedSnapshot(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal)
	source := pace.Source(open(t, dsn, postgres.Options{}), &pace.Pacer{MaxAge: 500 * time.Millisecond, Now: clock.Now})
	first, err := source.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	free, ok := pace.Source(open(t, dsn, postgres.Options{}), &pace.Pacer{MaxAge: time.Hour, Now: clock.Now}).(realmport.Joiner)
	if !ok {
		t.Fatal("the source cannot be joined any more")
	}
	second, err := free.Join(t.Context(), tokenOf(t, first))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	got, err := texts(t, second, "zerver_realm", "name")
	if diff := cmp.Diff([]string{"one", "two"}, got); err != nil || diff != "" {
		t.Errorf("joined: %v, rows (-want +got):\n%s", err, diff)
	}
	third, err := source.(realmport.Joiner).Join(t.Context(), tokenOf(t, second))
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	// A read that cannot go on ends with the snapshot's time.
	err = first.Read(t.Context(), realmport.Query{Table: "zerver_realm", Columns: []string{"id"}}, func(realmport.Row) error {
		_, inner := texts(t, first, "zerver_realm", "name") // on the second connection
		for inner == nil {
			_, inner = texts(t, first, "zerver_realm", "name")
		}
		return inner
	})
	wantError(t, err, realmport.Unavailable, "the snapshot was open for longer than 500ms", "limits.snapshot_age", "replica")
	// The age of one that was joined is that of the first.
	_, err = texts(t, third, "zerver_realm", "name")
	wantError(t, err, realmport.Unavailable, "the snapshot was open for longer than 500ms")
}
