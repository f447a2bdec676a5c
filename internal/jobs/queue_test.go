package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/jobs"
)

func TestWork(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		d := newDesk(t)
		q := started(t, s.queue(t, d.work))
		ok(t, q.Enqueue(t.Context(), 5))
		d.next(t, 5).ends(0, nil)
		s.become(t, "completed 1")
		// What is over is in nobody's way.
		ok(t, q.Enqueue(t.Context(), 5))
		d.next(t, 5).ends(0, nil)
		s.become(t, "completed 1, completed 1")
		ok(t, q.Requeue(t.Context(), 5))
		d.next(t, 5).ends(0, nil)
		if got := s.text(t, "SELECT args ->> 'export' FROM "+s.table+" WHERE cast(args ->> 'round' AS text) = '2'"); got != "5" {
			t.Errorf("got export %q in the third job's arguments, want 5", got)
		}
	})
}

func TestUnique(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		q := s.inserter(t)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := q.Enqueue(t.Context(), 1); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		s.become(t, "available 0")
		d := newDesk(t)
		started(t, s.queue(t, d.work, func(o *jobs.Options) { o.Workers = 4 }))
		first := d.next(t, 1)
		ok(t, q.Enqueue(t.Context(), 1)) // it is running
		ok(t, q.Enqueue(t.Context(), 12))
		second := d.next(t, 12)
		if got, want := s.states(t), "running 1, running 1"; got != want {
			t.Errorf("got jobs %q, want %q", got, want)
		}
		first.ends(time.Hour, nil)
		second.ends(0, nil)
		s.become(t, "scheduled 0, completed 1")
		ok(t, q.Enqueue(t.Context(), 1)) // it waits
		s.become(t, "scheduled 0, completed 1")
	})
}

func TestAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		d := newDesk(t)
		q := started(t, s.queue(t, d.work))
		ok(t, q.Enqueue(t.Context(), 5))
		d.next(t, 5).ends(time.Millisecond, nil)
		d.next(t, 5).ends(time.Millisecond, errors.New("not yet"))
		d.next(t, 5).ends(0, nil)
		s.become(t, "completed 1")
	})
}

func TestFailures(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		d := newDesk(t)
		var log syncBuffer
		q := started(t, s.queue(t, d.work, func(o *jobs.Options) {
			o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}))
		ok(t, q.Enqueue(t.Context(), 5))
		d.next(t, 5).ends(0, errors.New("no space left"))
		s.become(t, "discarded 1")
		ok(t, q.Enqueue(t.Context(), 6))
		d.next(t, 6).end <- func() (time.Duration, error) { panic("the secret") }
		s.become(t, "discarded 1, discarded 1")
		ok(t, q.Enqueue(t.Context(), 6))
		d.next(t, 6).ends(0, nil)
		for _, want := range []string{
			`level=ERROR msg="work on the export failed" export=5 error="no space left"`,
			`level=ERROR msg="work on the export failed" export=6 error="panic with a string`, "queue_test.go",
		} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("got log\n%s\nwant %s", log.String(), want)
			}
		}
		stored := s.text(t, "SELECT "+s.errors+" FROM "+s.table+" WHERE state = 'discarded'")
		if strings.Count(stored, "the log says why") != 2 {
			t.Errorf("got errors %s in the jobs, want that they are in the log", stored)
		}
		for _, secret := range []string{"the secret", "no space"} {
			if strings.Contains(stored, secret) || secret == "the secret" && strings.Contains(log.String(), secret) {
				t.Errorf("got %q in what is kept: %s", secret, stored)
			}
		}
	})
}

func TestCancel(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		d := newDesk(t)
		worker, other := started(t, s.queue(t, d.work)), s.inserter(t)
		ok(t, other.Cancel(t.Context(), 5)) // nobody knows it
		ok(t, worker.Enqueue(t.Context(), 5))
		running := d.next(t, 5)
		ok(t, worker.Enqueue(t.Context(), 6))
		ok(t, other.Cancel(t.Context(), 6)) // the worker is busy
		ok(t, other.Cancel(t.Context(), 5))
		running.told(t, jobs.ErrCancelled)
		s.become(t, "cancelled 1, cancelled 0")
		ok(t, other.Cancel(t.Context(), 5)) // it is over
		ok(t, worker.Enqueue(t.Context(), 5))
		own := d.next(t, 5)
		ok(t, worker.Cancel(t.Context(), 5))
		own.told(t, jobs.ErrCancelled)
		s.become(t, "cancelled 1, cancelled 0, cancelled 1")
		ok(t, worker.Enqueue(t.Context(), 5))
		d.next(t, 5).ends(0, nil)
		s.become(t, "cancelled 1, cancelled 0, cancelled 1, completed 1")
	})
}

func TestStop(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		d := newDesk(t)
		q := started(t, s.queue(t, d.work))
		ok(t, q.Enqueue(t.Context(), 5))
		running := d.next(t, 5)
		stopped := make(chan error)
		go func() { stopped <- q.Stop(context.Background()) }()
		running.told(t, jobs.ErrStopping)
		ok(t, <-stopped)
		s.become(t, "available 0")
		started(t, s.queue(t, d.work))
		d.next(t, 5).ends(0, nil)
		s.become(t, "completed 1")
	})
}

func TestStopLeavesBehind(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		d := newDesk(t)
		q, err := jobs.Open(t.Context(), jobs.Options{
			SQLite: s.SQLite, PostgreSQL: s.PostgreSQL, Work: d.work, SoftStop: time.Millisecond,
		})
		ok(t, err)
		started(t, q)
		ok(t, q.Enqueue(t.Context(), 5))
		deaf := d.next(t, 5)
		if err := q.Stop(t.Context()); realmport.ErrorCode(err) != realmport.Interrupted || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want that work was left behind", err)
		}
		s.become(t, "running 1")
		deaf.told(t, jobs.ErrStopping)
		s.become(t, "available 0")
		for errors.Is(q.Stop(context.Background()), context.DeadlineExceeded) {
		}
	})
}

func TestStopBeforeStart(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		d := newDesk(t)
		q := s.queue(t, d.work)
		q.Periodic("never", time.Hour, func(context.Context) { t.Error("periodic work of a queue that was not started") })
		for range 2 {
			ok(t, q.Stop(t.Context()))
		}
		ok(t, q.Start(t.Context())) // it is too late
	})
}

// TestShare checks that two queues share the exports, and never work on one at the same time.
func TestShare(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		const exports = 12
		var mu sync.Mutex
		active, done := map[int64]bool{}, map[int64]int{}
		var met sync.WaitGroup // both are at work
		met.Add(2)
		finished := make(chan struct{}, exports)
		worker := func() jobs.Work {
			var first sync.Once
			return func(_ context.Context, id int64) (time.Duration, error) {
				mu.Lock()
				if active[id] {
					t.Errorf("export %d is worked on twice", id)
				}
				active[id] = true
				mu.Unlock()
				first.Do(func() {
					met.Done()
					met.Wait()
				})
				mu.Lock()
				active[id] = false
				done[id]++
				mu.Unlock()
				finished <- struct{}{}
				return 0, nil
			}
		}
		inserter := s.inserter(t)
		for id := range int64(exports) {
			ok(t, inserter.Enqueue(t.Context(), id))
		}
		for range 2 {
			started(t, s.queue(t, worker()))
		}
		for range exports {
			<-finished
		}
		mu.Lock()
		defer mu.Unlock()
		for id := range int64(exports) {
			if done[id] != 1 {
				t.Errorf("export %d was worked on %d times, want once", id, done[id])
			}
		}
	})
}

// syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
