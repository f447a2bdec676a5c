package store_test

import (
	"testing"
	"time"

	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/store"
)

// BenchmarkParts takes 20,000 parts of one archive through their states, 64 at a time, with a look after each 16, while a snapshot is open
// in the same database, as that of an export is: it keeps PostgreSQL from removing old versions of rows. It reports how long a look takes in the
// first and the last thousand parts.
func BenchmarkParts(b *testing.B) {
	const total, window, step = 20_000, 64, 16
	for b.Loop() {
		ctx, dsn := b.Context(), pgtest.Database(b)
		db := openPostgres(b, dsn)
		p, err := store.NewParts(ctx, db, store.PartsOptions{})
		must(b, err)
		must(b, p.Begin(ctx, "x", make([]byte, 10_000)))
		tx, err := openPostgres(b, dsn).BeginTx(ctx, nil)
		must(b, err)
		_, err = tx.ExecContext(ctx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM realmport.parts")
		must(b, err)
		spec, looking := make([]byte, 200), time.Duration(0)
		for n := range total + window {
			if n < total {
				must(b, p.Add(ctx, "x", n, spec))
			}
			if n < window {
				continue
			}
			_, _, err := p.Claim(ctx, "x", n-window, "a", stale)
			must(b, err)
			must(b, p.Beat(ctx, "x", n-window, "a"))
			must(b, p.Finish(ctx, "x", n-window, "a", spec))
			if n%step == 0 {
				began := clock.Now()
				_, err = p.Look(ctx, "x", stale)
				must(b, err)
				looking += clock.Now().Sub(began)
			}
			must(b, p.Drop(ctx, "x", n-window))
			if n == 1000 || n == total {
				b.ReportMetric(looking.Seconds()*1e3/(1000/step), map[bool]string{true: "ms/first-look", false: "ms/last-look"}[n == 1000])
			}
			if n%1000 == 0 {
				looking = 0
			}
		}
		began := clock.Now()
		must(b, p.End(ctx, "x"))
		b.ReportMetric(clock.Now().Sub(began).Seconds()*1e3, "ms/end")
		must(b, tx.Rollback())
	}
}
