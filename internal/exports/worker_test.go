package exports_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/exports"
)

// do makes an attempt that shall end the work.
func (w *world) do(t *testing.T, id int64) {
	t.Helper()
	if again, err := w.Do(t.Context(), id); again != 0 || err != nil {
		t.Fatalf("got %v, %v, want the end of the work", again, err)
	}
}

func TestSuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	if got := w.queue.take("enqueue"); !slices.Equal(got, []int64{id}) {
		t.Errorf("got queued %v, want %d", got, id)
	}
	w.do(t, id)
	w.succeeded(t, id)
	if diff := cmp.Diff([]string{"demo requested", "message", "demo succeeded"}, w.notes.take()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	s := w.status(t, id)
	if s.Run.Attempt != 1 || s.Run.Summary == nil || s.Run.Summary.Messages == 0 || len(s.Run.Missing) != 2 {
		t.Errorf("got %+v, want the first attempt's summary, and two things missing", s.Run)
	}
	// Its job may come again: nothing happens.
	w.do(t, id)
	w.succeeded(t, id)
	if got := w.notes.take(); len(got) > 0 {
		t.Errorf("told again: %q", got)
	}
}

// steps are all steps of the work.
func steps() []string {
	return []string{
		exports.StepClaim, exports.StepStart, exports.StepWrite, exports.StepBuilt, exports.StepPublish, exports.StepFinish, exports.StepTell,
	}
}

// crash makes an attempt that ends at a step without any more being done, as if the process was killed.
func (w *world) crash(t *testing.T, id int64, step string) {
	t.Helper()
	reached := false
	w.At = func(s string) {
		if s == step {
			reached = true
			panic(step)
		}
	}
	defer func() { w.At = nil }()
	func() {
		defer func() { _ = recover() }()
		_, _ = w.Do(t.Context(), id)
	}()
	if !reached {
		t.Fatalf("the step %q was not reached", step)
	}
}

func TestCrashes(t *testing.T) {
	t.Parallel()
	for _, step := range steps() {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.create(t)
			w.crash(t, id, step)
			if step != exports.StepClaim && step != exports.StepTell { // nobody has it; it is over
				if again, err := w.Do(t.Context(), id); again != w.Stale || err != nil {
					t.Errorf("before its heartbeat is old: got %v, %v, want to wait %v", again, err, w.Stale)
				}
			}
			w.later(2 * w.Stale)
			if err := w.Reap(t.Context(), w.queue); err != nil {
				t.Fatal(err)
			}
			queued := append(w.queue.take("requeue"), w.queue.take("enqueue")...)
			if !slices.Contains(queued, id) {
				t.Errorf("got queued %v, want %d", queued, id)
			}
			w.do(t, id)
			w.succeeded(t, id)
			attempts := 2
			if step == exports.StepClaim || step == exports.StepTell {
				attempts = 1
			}
			if got := w.status(t, id).Run.Attempt; got != attempts {
				t.Errorf("got attempt %d, want %d", got, attempts)
			}
		})
	}
}

// TestCrashAfterPublishing checks that a whole archive is not made again.
func TestCrashAfterPublishing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	w.crash(t, id, exports.StepFinish)
	before := w.stored(t)
	w.later(time.Second)
	if err := w.TakeOver(t.Context()); err != nil { // the process knows that it is alone
		t.Fatal(err)
	}
	w.At = func(step string) {
		if step == exports.StepWrite {
			t.Error("the archive is written again")
		}
	}
	w.do(t, id)
	w.At = nil
	w.succeeded(t, id)
	if diff := cmp.Diff(before, w.stored(t)); diff != "" {
		t.Errorf("archives (-before +after):\n%s", diff)
	}
}

func TestCrashesAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	for range 3 {
		w.crash(t, id, exports.StepBuilt)
		w.later(2 * w.Stale)
	}
	w.do(t, id)
	w.failed(t, id, "it was begun as often as it may be, and each time its process ended without an error, as when memory runs out")
	if got := w.notes.take(); got[len(got)-1] != "demo failed" {
		t.Errorf("told %q, want the failure last", got)
	}
}

// broken is a source that fails a number of times.
type broken struct {
	realmport.Source
	err   error
	times int
}

func (b *broken) Snapshot(ctx context.Context) (realmport.Snapshot, error) {
	if b.times > 0 {
		b.times--
		return nil, b.err
	}
	return b.Source.Snapshot(ctx)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		err   error
		times int
		again int // times that it shall be tried again
		// reason is what the organization's administrators are told: not what the error names.
		reason string
	}{
		{"an error that goes away", realmport.Errorf(realmport.Unavailable, "no answer of db.internal"), 2, 2, ""},
		{
			"an error that stays", realmport.Errorf(realmport.Unavailable, "no answer of db.internal"), 99, 2,
			"a database or storage of this server does not answer; its log says more",
		},
		{"a fault", errors.New("/secret/folder is on fire"), 99, 2, "a fault of this server; its log says more"},
		{
			"an error that will stay", realmport.Errorf(realmport.Unsupported, "too old"), 99, 0,
			"this server's version or data is not one that realmport can export; its log says more",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Engine.Source = &broken{w.Engine.Source, tt.err, tt.times}
			id := w.create(t)
			var waits []time.Duration
			for {
				again, err := w.Do(t.Context(), id)
				if err != nil {
					t.Errorf("got %v, %v, want nothing but when to come again", again, err)
				}
				if again == 0 {
					break
				}
				waits = append(waits, again)
			}
			if len(waits) != tt.again || !slices.IsSorted(waits) {
				t.Errorf("tried again after %v, want %d times", waits, tt.again)
			}
			if tt.times == 99 {
				w.failed(t, id, tt.reason)
			} else {
				w.succeeded(t, id)
			}
		})
	}
}

func TestStopping(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	for range 5 { // as often as it may be
		ctx, stop := context.WithCancel(t.Context())
		w.At = func(step string) {
			if step == exports.StepWrite {
				stop()
			}
		}
		if again, err := w.Do(ctx, id); again == 0 || err == nil {
			t.Errorf("got %v, %v, want that it was stopped and shall go on", again, err)
		}
		s := w.status(t, id)
		if s.Export.Status != realmport.Started || s.Run.Owner != "" {
			t.Errorf("got status %d, owner %q, want it started and free", s.Export.Status, s.Run.Owner)
		}
		if got := append(w.stored(t), below(t, w.Work)...); len(got) > 0 {
			t.Errorf("got files %q, want none", got)
		}
	}
	w.At = nil
	w.do(t, id)
	w.succeeded(t, id)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	const reason = "cancelled by user 10"
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.create(t)
		if err := w.Cancel(t.Context(), owner(), id); err != nil {
			t.Fatal(err)
		}
		w.failed(t, id, reason)
		w.do(t, id)
		w.failed(t, id, reason)
		if got := w.queue.take("cancel"); !slices.Equal(got, []int64{id}) {
			t.Errorf("got cancelled %v, want %d", got, id)
		}
		if err := w.Cancel(t.Context(), owner(), id); err == nil || err.Error() != "Export is not in progress" {
			t.Errorf("a second time: got %v", err)
		}
	})
	t.Run("at work, by the heartbeat", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Beat = time.Microsecond
		id := w.create(t)
		source := &held{Source: w.Engine.Source, taken: make(chan struct{})}
		w.Engine.Source = source
		var wait sync.WaitGroup
		wait.Go(func() {
			if again, err := w.Do(context.Background(), id); again != 0 || err != nil {
				t.Errorf("got %v, %v, want its end", again, err)
			}
		})
		<-source.taken
		if err := w.Cancel(t.Context(), owner(), id); err != nil {
			t.Error(err)
		}
		wait.Wait()
		w.failed(t, id, reason)
		if diff := cmp.Diff([]string{"demo requested", "demo failed"}, w.notes.take()); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
	t.Run("too late", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.create(t)
		w.do(t, id)
		if err := w.Cancel(t.Context(), owner(), id); err == nil || err.Error() != "Export is not in progress" {
			t.Errorf("got %v", err)
		}
		w.succeeded(t, id)
	})
}

// held is a source that gives no snapshot before the work ends.
type held struct {
	realmport.Source
	taken chan struct{}
}

func (h *held) Snapshot(ctx context.Context) (realmport.Snapshot, error) {
	close(h.taken)
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// TestPausedWorker stops a worker at a step until another has taken its export over, and then lets it go on.
func TestPausedWorker(t *testing.T) {
	t.Parallel()
	for _, step := range steps()[1:] {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.create(t)
			paused, goOn := make(chan struct{}), make(chan struct{})
			first := *w.Worker
			first.At = func(s string) {
				if s == step {
					close(paused)
					<-goOn
				}
			}
			var wait sync.WaitGroup
			wait.Go(func() { _, _ = first.Do(context.Background(), id) })
			<-paused
			w.later(2 * w.Stale)
			w.do(t, id)
			w.succeeded(t, id)
			close(goOn)
			wait.Wait()
			w.succeeded(t, id)
		})
	}
}

// TestManyWorkers gives one export to many workers at once.
func TestManyWorkers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if again, err := w.Do(context.Background(), id); err != nil || again != 0 && again != w.Stale {
				t.Errorf("got %v, %v", again, err)
			}
		})
	}
	wait.Wait()
	w.succeeded(t, id)
	if got := w.status(t, id).Run.Attempt; got != 1 {
		t.Errorf("got %d attempts, want 1", got)
	}
}

// TestTakenOverByTheReference checks that what a crash leaves behind fails under the reference's policy, too, and is cleaned up.
func TestTakenOverByTheReference(t *testing.T) {
	t.Parallel()
	for _, step := range steps()[2:6] {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Policy.FailRedelivered, w.Policy.Attempts = true, 1
			id := w.create(t)
			w.crash(t, id, step)
			w.later(time.Second)
			if err := errors.Join(w.TakeOver(t.Context()), w.Reap(t.Context(), w.queue)); err != nil {
				t.Fatal(err)
			}
			if got := w.queue.take("requeue"); !slices.Contains(got, id) {
				t.Fatalf("got queued %v, want %d", got, id)
			}
			w.do(t, id)
			if got := w.status(t, id).Export.Status; got != realmport.Failed {
				t.Errorf("got status %d, want it failed", got)
			}
			if got := append(w.stored(t), below(t, w.Work)...); len(got) > 0 {
				t.Errorf("got files %q, want none", got)
			}
		})
	}
}

// TestCancelledAndKilled checks that what a killed worker leaves of an export that had been cancelled is removed at the next start.
func TestCancelledAndKilled(t *testing.T) {
	t.Parallel()
	for _, step := range []string{exports.StepWrite, exports.StepBuilt, exports.StepFinish} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.create(t)
			w.crash(t, id, step)
			if err := errors.Join(w.Cancel(t.Context(), owner(), id), w.TakeOver(t.Context())); err != nil {
				t.Fatal(err)
			}
			w.failed(t, id, "cancelled by user 10")
		})
	}
}

// TestClockSetBack checks that a worker who died before the clock was set back is not taken for alive.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	w.crash(t, id, exports.StepWrite)
	w.later(-24 * time.Hour)
	if err := errors.Join(w.TakeOver(t.Context()), w.Reap(t.Context(), w.queue)); err != nil {
		t.Fatal(err)
	}
	w.do(t, id)
	w.succeeded(t, id)
}

// TestIDsComeAgain checks that an export gets nothing of an earlier one that had its id, as after a restored backup.
func TestIDsComeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	w.crash(t, id, exports.StepFinish)
	w.later(24 * time.Hour)
	if _, err := w.db.ExecContext(t.Context(), "DELETE FROM zerver_realmexport WHERE id = ?", id); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.ExecContext(t.Context(), "UPDATE sqlite_sequence SET seq = ? WHERE name = 'zerver_realmexport'", id-1); err != nil {
		t.Fatal(err)
	}
	again, err := w.Create(t.Context(), owner(), realmport.Public)
	if err != nil || again != id {
		t.Fatalf("got %d, %v, want the id %d again", again, err, id)
	}
	w.do(t, again)
	s := w.status(t, again)
	if s.Export.Status != realmport.Succeeded || s.Run.Summary.Type != "public" || s.Run.Attempt != 1 {
		t.Errorf("got status %d, a %s archive, attempt %d, want its own", s.Export.Status, s.Run.Summary.Type, s.Run.Attempt)
	}
}

// late is a store of exports whose list of pending ones is old by the time it is used.
type late struct {
	realmport.Exports
	meanwhile func()
}

func (l *late) Pending(ctx context.Context) ([]realmport.Export, error) {
	list, err := l.Exports.Pending(ctx)
	l.meanwhile()
	return list, err
}

// TestReapLate checks that the reaper leaves alone what has ended since it looked.
func TestReapLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	w.Exports = &late{w.Exports, func() { w.do(t, id) }}
	if err := w.Reap(t.Context(), w.queue); err != nil {
		t.Fatal(err)
	}
	if got := w.queue.take("requeue"); len(got) > 0 {
		t.Errorf("got queued %v, want nothing", got)
	}
}

// TestRedelivered is acceptance case 97: the reference fails what its queue delivers twice.
func TestRedelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Policy.FailRedelivered, w.Policy.Attempts = true, 1
	id := w.create(t)
	w.do(t, id)
	w.succeeded(t, id)
	w.notes.take()
	w.do(t, id)
	if got := w.status(t, id).Export; got.Status != realmport.Failed || got.Succeeded.IsZero() || got.Failed.IsZero() || got.Path == "" {
		t.Errorf("got %+v, want it failed with what it was as a success", got)
	}
	if diff := cmp.Diff([]string{"demo failed"}, w.notes.take()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	// And what crashed.
	other := w.create(t)
	w.crash(t, other, exports.StepWrite)
	w.later(2 * w.Stale)
	w.do(t, other)
	if got := w.status(t, other); got.Export.Status != realmport.Failed || got.Run.Owner != "" {
		t.Errorf("got status %d, owner %q, want it failed", got.Export.Status, got.Run.Owner)
	}
	if got := below(t, w.Work); len(got) > 0 {
		t.Errorf("got temporary files %q, want none", got)
	}
}
