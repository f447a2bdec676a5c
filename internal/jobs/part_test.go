package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/realmport/realmport/internal/jobs"
)

// bench is where parts are begun, and wait for the test to say how they end.
type bench struct {
	t     *testing.T
	begun chan *making
}

// making is a part under way.
type making struct {
	name string
	ctx  context.Context
	end  chan error
}

func newBench(t *testing.T) bench { return bench{t, make(chan *making)} }

// part implements jobs.Options.Part. It does not care about its context.
func (b bench) part(ctx context.Context, attempt string, number int) (again time.Duration, err error) {
	m := &making{fmt.Sprint(attempt, " ", number), ctx, make(chan error)}
	select {
	case b.begun <- m:
	case <-b.t.Context().Done():
		return 0, context.Canceled
	}
	select {
	case err := <-m.end:
		if errors.Is(err, errElsewhere) {
			return time.Millisecond, nil
		}
		return 0, err
	case <-b.t.Context().Done():
		return 0, context.Canceled
	}
}

// errElsewhere ends a part that another process shall make.
var errElsewhere = errors.New("elsewhere")

// next waits until a part is begun.
func (b bench) next(t *testing.T, want string) *making {
	t.Helper()
	m := <-b.begun
	if m.name != want {
		t.Errorf("got part %s, want %s", m.name, want)
	}
	return m
}

// told waits until the part is asked to end, for that reason, and ends it.
func (m *making) told(t *testing.T, want error) {
	t.Helper()
	<-m.ctx.Done()
	if got := context.Cause(m.ctx); !errors.Is(got, want) {
		t.Errorf("got cause %v, want %v", got, want)
	}
	m.end <- errors.New("the part did not come to its end")
}

// makes lets a queue make parts, that many at once, and no exports.
func (b bench) makes(workers int) func(*jobs.Options) {
	return func(o *jobs.Options) { o.Part, o.PartWorkers = b.part, workers }
}

// job is a job of the attempt x.
func job(part, try int) jobs.PartJob {
	return jobs.PartJob{Attempt: "x", Part: part, Try: try, Priority: 2}
}

func TestParts(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		b, inserter := newBench(t), s.inserter(t)
		both := []jobs.PartJob{job(1, 1), job(2, 1)}
		ok(t, inserter.EnqueueParts(t.Context(), nil))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := inserter.EnqueueParts(t.Context(), both); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		s.become(t, "available 0, available 0")
		started(t, s.queue(t, nil, b.makes(1)))
		first := b.next(t, "x 1")
		ok(t, inserter.EnqueueParts(t.Context(), both)) // one is running, one is queued
		s.become(t, "running 1, available 0")
		ok(t, inserter.EnqueuePart(t.Context(), "x", 1, 2, 2)) // the next try
		first.end <- nil
		b.next(t, "x 2").end <- nil
		b.next(t, "x 1").end <- nil
		s.become(t, "completed 1, completed 1, completed 1")
		// What is over is removed soon: here by a process that starts.
		started(t, s.queue(t, nil, b.makes(1)))
		s.become(t, "")
	})
}

// TestPartsBesideExports works on both in one process, each in its own queue.
func TestPartsBesideExports(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		b, d := newBench(t), newDesk(t)
		q := started(t, s.queue(t, d.work, b.makes(2)))
		ok(t, q.Enqueue(t.Context(), 5))
		export := d.next(t, 5)
		ok(t, q.EnqueuePart(t.Context(), "x", 1, 1, 1))
		part := b.next(t, "x 1")
		ok(t, q.EnqueuePart(t.Context(), "x", 2, 1, 1))
		b.next(t, "x 2").end <- nil
		part.end <- nil
		export.ends(0, nil)
		s.become(t, "completed 1, completed 1, completed 1")
		// Those of exports stay for a day.
		started(t, s.queue(t, nil, b.makes(1)))
		s.become(t, "completed 1")
	})
}

// TestPartElsewhere checks that a part which a process cannot make is offered again.
func TestPartElsewhere(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		b := newBench(t)
		q := started(t, s.queue(t, nil, b.makes(1)))
		ok(t, q.EnqueueParts(t.Context(), []jobs.PartJob{job(1, 1)}))
		b.next(t, "x 1").end <- errElsewhere
		b.next(t, "x 1").end <- errElsewhere
		b.next(t, "x 1").end <- nil
		s.become(t, "completed 1")
	})
}

func TestPartFailures(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		b := newBench(t)
		var log syncBuffer
		q := started(t, s.queue(t, nil, b.makes(1), func(o *jobs.Options) {
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
			part := o.Part
			o.Part = func(ctx context.Context, attempt string, number int) (time.Duration, error) {
				if number == 2 {
					panic("the secret")
				}
				return part(ctx, attempt, number)
			}
		}))
		ok(t, q.EnqueueParts(t.Context(), []jobs.PartJob{job(1, 1), job(2, 1)}))
		b.next(t, "x 1").end <- errors.New("no space left")
		s.become(t, "discarded 1, discarded 1") // nothing is tried again
		for _, want := range []string{
			`level=ERROR msg="work on the part failed" attempt=x part=1 try=1 error="no space left"`,
			`level=ERROR msg="work on the part failed" attempt=x part=2 try=1 error="panic with a string`,
		} {
			if strings.Count(log.String(), want) != 1 {
				t.Errorf("got log\n%s\nwant once %s", log.String(), want)
			}
		}
		stored := s.text(t, "SELECT "+s.errors+" FROM "+s.table)
		if strings.Contains(stored+log.String(), "secret") || strings.Contains(stored, "no space") {
			t.Errorf("got jobs that keep %s and the log %s, want no texts of panics or errors in the jobs", stored, log.String())
		}
	})
}

func TestPartStop(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		b := newBench(t)
		q := started(t, s.queue(t, nil, b.makes(1)))
		ok(t, q.EnqueuePart(t.Context(), "x", 1, 1, 1))
		running := b.next(t, "x 1")
		stopped := make(chan error)
		go func() { stopped <- q.Stop(context.Background()) }()
		running.told(t, jobs.ErrStopping)
		ok(t, <-stopped)
		s.become(t, "available 0")
		started(t, s.queue(t, nil, b.makes(1)))
		b.next(t, "x 1").end <- nil
	})
}

// TestPartKilled leaves a job running that nobody runs, as when its process was killed: the next try is not in its way, and it is
// removed with its attempt.
func TestPartKilled(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		b, inserter := newBench(t), s.inserter(t)
		ok(t, inserter.EnqueueParts(t.Context(), []jobs.PartJob{job(1, 1), {Attempt: "y", Part: 1, Try: 1, Priority: 1}}))
		s.change(t, "UPDATE "+s.table+" SET state = 'running', attempt = 1, attempted_at = '2026-01-02 03:04:05'")
		ok(t, inserter.EnqueuePart(t.Context(), "x", 1, 2, 2))
		ok(t, inserter.ForgetParts(t.Context(), "y"))
		started(t, s.queue(t, nil, b.makes(1)))
		b.next(t, "x 1").end <- nil
		// River frees the one that was given up, and leaves the other alone as long as its attempt lasts. The jobs that are over may be removed by then.
		s.becomes(t, "SELECT 'part ' || count(*) FROM "+s.table+" WHERE state = 'running'", "part 1")
		if got := s.states(t); !strings.HasPrefix(got, "running 1") || strings.Contains(got, "available") {
			t.Errorf("got jobs %q, want that the first is running and no other", got)
		}
	})
}

func TestForgetParts(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		b, other := newBench(t), s.inserter(t)
		var list []jobs.PartJob
		for part := range 1200 { // more than are removed at a time
			list = append(list, job(part, 1))
		}
		ok(t, other.EnqueueParts(t.Context(), append(list, jobs.PartJob{Attempt: "x-y", Part: 1, Try: 1, Priority: 4})))
		started(t, s.queue(t, nil, b.makes(1)))
		running := b.next(t, "x 0")
		ok(t, other.ForgetParts(t.Context(), "x"))
		s.become(t, "running 1, available 0")
		running.told(t, jobs.ErrCancelled)
		b.next(t, "x-y 1").end <- nil
		s.become(t, "cancelled 1, completed 1")
		ok(t, other.ForgetParts(t.Context(), "x"))
		ok(t, other.ForgetParts(t.Context(), "nobody"))
		s.become(t, "completed 1")
	})
}

// TestPartsOfSmallFirst queues the parts of a small archive behind many of a large one.
func TestPartsOfSmallFirst(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		b, inserter := newBench(t), s.inserter(t)
		var list []jobs.PartJob
		for part := range 50 {
			list = append(list, jobs.PartJob{Attempt: "large", Part: part, Try: 1, Priority: 3})
		}
		ok(t, inserter.EnqueueParts(t.Context(), list))
		started(t, s.queue(t, nil, b.makes(1)))
		busy := b.next(t, "large 0")
		ok(t, inserter.EnqueueParts(t.Context(), []jobs.PartJob{
			{Attempt: "small", Part: 0, Try: 1, Priority: 1}, {Attempt: "small", Part: 1, Try: 1, Priority: 1},
		}))
		busy.end <- nil
		for _, want := range []string{"small 0", "small 1", "large 1", "large 2"} {
			b.next(t, want).end <- nil
		}
		ok(t, inserter.ForgetParts(t.Context(), "large"))
	})
}
