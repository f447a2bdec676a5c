package jobs_test

import (
	"context"
	"testing"
	"time"

	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/jobs"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// BenchmarkParts queues 20,000 parts of one archive in windows of 64, as a coordinator does, and makes them in eight goroutines that do
// nothing else: that is what the queue costs. A snapshot that is open in the same database, as that of an export is, keeps PostgreSQL from
// removing old versions of rows. The last thousand parts tell whether the first ones slow the queue down.
func BenchmarkParts(b *testing.B) {
	for name, snapshot := range map[string]bool{"free": false, "snapshot": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				queueParts(b, snapshot)
			}
		})
	}
}

func queueParts(b *testing.B, snapshot bool) {
	b.Helper()
	const total, window = 20_000, 64
	ctx, dsn := b.Context(), pgtest.Database(b)
	made := make(chan struct{}, total)
	q, err := jobs.Open(ctx, jobs.Options{
		PostgreSQL: dsn, PartWorkers: 8,
		Part: func(context.Context, string, int) (time.Duration, error) { made <- struct{}{}; return 0, nil },
	})
	ok(b, err)
	if snapshot {
		db := openPostgreSQL(b, dsn)
		tx, err := db.BeginTx(ctx, nil)
		ok(b, err)
		defer func() { _ = tx.Rollback() }()
		_, err = tx.ExecContext(ctx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class")
		ok(b, err)
	}
	ok(b, q.Start(ctx))
	list := make([]jobs.PartJob, window)
	next := 0
	fill := func(n int) {
		for i := range n {
			list[i] = jobs.PartJob{Attempt: "x", Part: next, Try: 1, Priority: 2}
			next++
		}
		ok(b, q.EnqueueParts(ctx, list[:n]))
	}
	began := clock.Now()
	fill(window)
	for done := 1; done <= total; done++ {
		<-made
		switch done {
		case 1:
			b.ReportMetric(float64(clock.Now().Sub(began).Milliseconds()), "ms-to-first")
		case 1000:
			b.ReportMetric(1000/clock.Now().Sub(began).Seconds(), "first/s")
		case total - 1000:
			began = clock.Now()
		case total:
			b.ReportMetric(1000/clock.Now().Sub(began).Seconds(), "last/s")
		}
		if done%(window/2) == 0 && next < total {
			fill(min(window/2, total-next))
		}
	}
	began = clock.Now()
	ok(b, q.ForgetParts(ctx, "x"))
	b.ReportMetric(float64(clock.Now().Sub(began).Milliseconds()), "ms-to-forget")
	ok(b, q.Stop(ctx))
}
