package parts_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/fault"
	"github.com/realmport/realmport/internal/parts"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/postgres"
)

// TestTogether exports with the help of two machines, in all types: it is the archive that one machine writes, byte for byte.
func TestTogether(t *testing.T) {
	t.Parallel()
	for _, typ := range []realmport.ExportType{realmport.Public, realmport.Standard, realmport.Full} {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var by [2]atomic.Int64
			for i := range by {
				w.machineWith(t, func(p *parts.Worker) { p.At = counter(parts.StepPartDone, &by[i]) }).start(t, w)
			}
			summary, err := w.together(t, w.coordination(t), typ)
			check(t, err)
			w.whole(t, typ, summary)
			if summary.SHA256 != "" {
				t.Errorf("got digest %s of an archive that nobody has seen whole", summary.SHA256)
			}
			t.Logf("parts made: %d and %d", by[0].Load(), by[1].Load())
		})
	}
}

func counter(step string, n *atomic.Int64) func(string) {
	return func(s string) {
		if s == step {
			n.Add(1)
		}
	}
}

// once returns a hook that calls fn the first time that a step comes, and fails the test if it never does.
func once(t *testing.T, step string, fn func()) func(string) {
	t.Helper()
	var done sync.Once
	fired := false
	t.Cleanup(func() {
		if !fired {
			t.Errorf("the step %s, where a fault was planned, never came", step)
		}
	})
	return func(s string) {
		if s == step {
			done.Do(func() { fired = true; fn() })
		}
	}
}

// TestPausedWorker pauses a worker at each step for longer than its silence is borne: another one makes the part, and what the first one
// does when it wakes harms nothing.
func TestPausedWorker(t *testing.T) {
	t.Parallel()
	for _, step := range []string{parts.StepPartMake, parts.StepPartStore, parts.StepPartFinish} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			paused, wake, woken := make(chan struct{}), make(chan struct{}), make(chan struct{})
			silent := &pausing{Parts: w.parts}
			slow := w.machineWith(t, func(p *parts.Worker) {
				p.Parts = silent
				p.At = once(t, step, func() {
					silent.paused.Store(true)
					close(paused)
					<-wake
					silent.paused.Store(false)
				})
			})
			// The slow one gets the first part by itself, the other one takes what is left.
			c := w.coordination(t)
			c.Queue = &firstTo{Queue: c.Queue, do: func(attempt string, number int) {
				defer close(woken)
				if _, err := slow.Do(context.WithoutCancel(t.Context()), attempt, number); err != nil && realmport.ErrorCode(err) == realmport.NotAllowed {
					t.Errorf("the worker that was paused: %v", err)
				}
				slow.Close()
			}}
			w.machineWith(t, nil).start(t, w)
			summary, err := w.together(t, c, realmport.Full)
			check(t, err)
			<-paused
			close(wake)
			<-woken
			w.whole(t, realmport.Full, summary)
			if w.log.says("part is made again") == 0 {
				t.Errorf("got log\n%s\nwant that the part is made again", w.log.all())
			}
		})
	}
}

// pausing gives no signs of life while it is paused.
type pausing struct {
	realmport.Parts
	paused atomic.Bool
}

func (p *pausing) Beat(ctx context.Context, attempt string, number int, worker string) error {
	if p.paused.Load() {
		return errors.New("paused")
	}
	return p.Parts.Beat(ctx, attempt, number, worker)
}

// firstTo gives the first part to somebody, and the others to the queue.
type firstTo struct {
	parts.Queue
	once sync.Once
	do   func(attempt string, number int)
}

func (q *firstTo) EnqueuePart(ctx context.Context, attempt string, number, round, priority int) error {
	given := false
	q.once.Do(func() {
		given = true
		go q.do(attempt, number)
	})
	if given {
		return nil
	}
	return q.Queue.EnqueuePart(ctx, attempt, number, round, priority)
}

// TestSamePartTwice gives each part to two machines at the same time: one of them makes it.
func TestSamePartTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var made atomic.Int64
	one := w.machineWith(t, func(p *parts.Worker) { p.At = counter(parts.StepPartDone, &made) })
	two := w.machineWith(t, func(p *parts.Worker) { p.At = counter(parts.StepPartDone, &made) })
	var given atomic.Int64
	var all sync.WaitGroup
	c := w.coordination(t)
	c.Queue = &directly{Queue: c.Queue, do: func(attempt string, number int) {
		given.Add(1)
		for _, m := range []*machine{one, two} {
			all.Go(func() {
				if _, err := m.Do(context.WithoutCancel(t.Context()), attempt, number); err != nil {
					t.Errorf("part %d: %v", number, err)
				}
			})
		}
	}}
	summary, err := w.together(t, c, realmport.Full)
	check(t, err)
	all.Wait()
	one.Close()
	two.Close()
	w.whole(t, realmport.Full, summary)
	if made.Load() != given.Load() {
		t.Errorf("got %d parts made, want %d, each once", made.Load(), given.Load())
	}
}

// directly gives parts to somebody without a queue.
type directly struct {
	parts.Queue
	do func(attempt string, number int)
}

func (q *directly) EnqueuePart(_ context.Context, attempt string, number, round, _ int) error {
	if round == 0 {
		q.do(attempt, number)
	}
	return nil
}

// TestFullDisk has one of two machines run out of space: the other makes what it could not.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	full := &failing{Stock: w.stock, left: 2, err: &os.PathError{Op: "write", Path: "spool", Err: syscall.ENOSPC}}
	w.machineWith(t, func(p *parts.Worker) { p.Stock = full }).start(t, w)
	summary, err := w.together(t, w.coordination(t), realmport.Full)
	check(t, err)
	w.whole(t, realmport.Full, summary)
	full.allFired(t)
}

// failing fails to store the next parts.
type failing struct {
	realmport.Stock
	mu   sync.Mutex
	left int // +checklocks:mu
	err  error
}

func (f *failing) Create(ctx context.Context, name string) (realmport.Output, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left > 0 {
		f.left--
		return nil, f.err
	}
	return f.Stock.Create(ctx, name)
}

func (f *failing) allFired(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left > 0 {
		t.Errorf("%d planned faults did not happen", f.left)
	}
}

// TestPartThatCannotBeMade fails the export when a part fails as often as it may, or in a way that trying again does not help.
func TestPartThatCannotBeMade(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"again and again": errors.New("the disk is broken"),
		"for good":        realmport.Errorf(realmport.NotAllowed, "the bucket may not be written"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			broken := &failing{Stock: w.stock, left: 1 << 30, err: err}
			m := w.machineWith(t, func(p *parts.Worker) { p.Stock, p.Aside = broken, time.Millisecond }).start(t, w)
			_, got := w.together(t, w.coordination(t), realmport.Full)
			if got == nil || !strings.Contains(got.Error(), err.Error()) || realmport.ErrorCode(got) != realmport.ErrorCode(err) {
				t.Errorf("got %v, want an export that failed because %q", got, err)
			}
			check(t, m.queue.Stop(t.Context()))
			w.clean(t)
		})
	}
}

// TestCutOffWorker cuts a machine off from PostgreSQL in the middle of its parts, and lets it back: the archive is whole.
func TestCutOffWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxied, proxy := behindProxy(t, w.dsn)
	source, err := postgres.Open(proxied, postgres.Options{Connections: 2})
	check(t, err)
	var cut sync.Once
	again := make(chan struct{})
	w.machineWith(t, func(p *parts.Worker) {
		p.Helper.Source = source
		p.Parts = w.partsAt(t, proxied)
		p.At = func(step string) {
			if step == parts.StepPartStore {
				cut.Do(func() {
					proxy.Refuse()
					proxy.Cut()
					time.AfterFunc(2*stale, func() { proxy.Accept(); close(again) })
				})
			}
		}
	}).start(t, w)
	var helped atomic.Int64
	w.machineWith(t, func(p *parts.Worker) { p.At = counter(parts.StepPartDone, &helped) }).start(t, w)
	summary, err := w.together(t, w.coordination(t), realmport.Full)
	check(t, err)
	<-again
	w.whole(t, realmport.Full, summary)
}

func behindProxy(t *testing.T, dsn string) (string, *fault.Proxy) {
	t.Helper()
	_, rest, _ := strings.Cut(dsn, "@")
	address, _, _ := strings.Cut(rest, "/")
	proxy := fault.NewProxy(t, address)
	return strings.Replace(dsn, address, proxy.Addr(), 1), proxy
}

// TestOtherServer has a machine whose source is another server: it says so, once, and helps with nothing.
func TestOtherServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other, err := postgres.Open(pgtest.Database(t), postgres.Options{Connections: 2})
	check(t, err)
	var once sync.Once
	told := make(chan struct{})
	w.machineWith(t, func(p *parts.Worker) {
		p.Helper.Source = other
		p.At = func(step string) {
			switch step {
			case parts.StepPartStore:
				t.Error("a machine with another source makes a part")
			case parts.StepPartMake:
				once.Do(func() { close(told) })
			}
		}
	}).start(t, w)
	go func() {
		<-told // the part that it has is made by the right one
		w.machineWith(t, nil).start(t, w)
	}()
	summary, err := w.together(t, w.coordination(t), realmport.Full)
	check(t, err)
	w.whole(t, realmport.Full, summary)
	if n := w.log.says("cannot help"); n == 0 || n > 2 { // one for each part that it had at the same time
		t.Errorf("got %d complaints, want one or two:\n%s", n, w.log.all())
	}
}

// TestSilentCoordinator ends an attempt whose coordinator is silent, and leaves nothing of it; the coordinator sees it when it wakes.
func TestSilentCoordinator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.coordination(t)
	quiet := &looks{Parts: w.parts, stop: make(chan struct{})}
	c.Parts = quiet
	var made atomic.Int64
	m := w.machineWith(t, func(p *parts.Worker) {
		p.At = func(step string) {
			if step == parts.StepPartDone && made.Add(1) == 1 {
				close(quiet.stop)
			}
		}
	}).start(t, w)
	ended := make(chan error, 1)
	go func() { _, err := w.together(t, c, realmport.Full); ended <- err }()
	<-quiet.stop
	cleaner := w.coordination(t)
	cleaner.Stale = stale / 4
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for silent := false; !silent; {
		<-tick.C
		check(t, cleaner.Reap(t.Context()))
		_, err := w.parts.Plan(t.Context(), attemptName(t), time.Hour)
		silent = realmport.ErrorCode(err) == realmport.NotFound
	}
	quiet.wake()
	if err := <-ended; realmport.ErrorCode(err) != realmport.Unavailable {
		t.Errorf("got %v, want that the coordinator sees that it was given up", err)
	}
	check(t, m.queue.Stop(t.Context()))
	w.clean(t)
}

// looks does not let the coordinator look while it is stopped.
type looks struct {
	realmport.Parts
	stop  chan struct{} // closed when it falls silent
	woken atomic.Bool
}

func (l *looks) wake() { l.woken.Store(true) }

func (l *looks) Look(ctx context.Context, attempt string, stale time.Duration) ([]realmport.PartState, error) {
	select {
	case <-l.stop:
		if !l.woken.Load() {
			return nil, nil
		}
	default:
	}
	return l.Parts.Look(ctx, attempt, stale)
}

// TestBadStorage has the storage answer with errors and break connections for a while: everything is made all the same.
func TestBadStorage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxy := fault.NewHTTP(t, strings.TrimPrefix(w.config.Endpoint, "http://"))
	config := w.config
	config.Endpoint = "http://" + proxy.Addr()
	proxy.Spoil(8, nil, fault.Answer(503, "SlowDown"))
	proxy.Spoil(2, nil, fault.Reset(0))
	w.machineWith(t, func(p *parts.Worker) { p.Stock = w.stockAt(t, config) }).start(t, w)
	summary, err := w.together(t, w.coordination(t), realmport.Full)
	check(t, err)
	w.whole(t, realmport.Full, summary)
}
