package exports_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/export"
)

// TestTurn lets an export wait for its turn: it is asked for soon again, nothing is logged, and no attempt is counted.
func TestTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var log bytes.Buffer
	w.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.ServerLimit = 1
	other := realmport.Claim{ExportID: 1000, RealmID: demo.RulesRealm + 1, Owner: "another process", Stale: w.Stale}
	if _, verdict, err := w.Runs.Claim(t.Context(), other); verdict != realmport.Claimed || err != nil {
		t.Fatalf("got verdict %d, %v", verdict, err)
	}
	id := w.create(t)
	log.Reset()
	for range 2 {
		again, err := w.Do(t.Context(), id)
		if err != nil || again < time.Second || again > 5*time.Second {
			t.Fatalf("got %v, %v, want to be asked again in some seconds", again, err)
		}
		w.later(again)
	}
	if s := w.status(t, id); s.Export.Status != realmport.Requested || s.Run.Attempt != 0 || s.Run.Owner != "" {
		t.Errorf("got status %d, attempt %d, owner %q, want that nothing was begun", s.Export.Status, s.Run.Attempt, s.Run.Owner)
	}
	if log.Len() > 0 {
		t.Errorf("got log %q, want none", log.String())
	}
	if err := w.Runs.Release(t.Context(), other.ExportID, other.Owner, "", false); err != nil {
		t.Fatal(err)
	}
	w.do(t, id)
	w.succeeded(t, id)
	if got := w.status(t, id).Run.Attempt; got != 1 {
		t.Errorf("got attempt %d, want 1", got)
	}
}

// TestTurnOfCancelled cancels an export that waits: it ends without a turn.
func TestTurnOfCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.RealmLimit = 1
	other := realmport.Claim{ExportID: 1000, RealmID: demo.RulesRealm, Owner: "another process", Stale: w.Stale}
	if _, verdict, err := w.Runs.Claim(t.Context(), other); verdict != realmport.Claimed || err != nil {
		t.Fatalf("got verdict %d, %v", verdict, err)
	}
	id := w.create(t)
	if again, err := w.Do(t.Context(), id); again == 0 || err != nil {
		t.Fatalf("got %v, %v, want that it waits", again, err)
	}
	if err := w.Runs.Cancel(t.Context(), id, "somebody"); err != nil {
		t.Fatal(err)
	}
	w.do(t, id)
	w.failed(t, id, "somebody")
}

// oneByOne works on a queue in its order as a process with one place does: nobody asks while it is busy, and what is to be asked again
// goes to the end. It returns the order in which exports were made.
func (w *world) oneByOne(t *testing.T, queue []int64) (order []int64) {
	t.Helper()
	for refused := 0; len(queue) > 0 && refused <= len(queue); queue = queue[1:] {
		id, begun := queue[0], false
		w.Prepare = func(ctx context.Context, _ *export.Options) error {
			begun = true
			defer w.later(w.Stale / 2) // it takes its time
			return w.Reap(ctx, w.queue)
		}
		again, err := w.Do(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		w.later(time.Millisecond)
		if refused++; begun {
			order, refused = append(order, id), 0
		}
		if again > 0 {
			queue = append(queue, id)
		}
	}
	return order
}

// others asks for an export of another organization.
func (w *world) others(t *testing.T) int64 {
	t.Helper()
	id, err := w.Exports.Create(t.Context(), realmport.NewExport{RealmID: demo.RulesRealm + 1, Type: realmport.Public, Now: w.time()})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestTurnInBusyProcess asks for ten exports of one organization, then for one of another, in a process that makes one after
// another: that is the second, though nobody could ask for its turn before.
func TestTurnInBusyProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.RealmLimit = 1
	var queue []int64
	for range 10 {
		queue = append(queue, w.create(t))
		w.later(time.Millisecond)
	}
	other := w.others(t)
	queue = append(queue, other)
	order := w.oneByOne(t, queue)
	slices.Sort(order[min(2, len(order)):])
	if diff := cmp.Diff(slices.Insert(queue[:10:10], 1, other), order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// TestTurnOfResting lets nobody wait for an export whose next attempt is not due yet.
func TestTurnOfResting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Engine.Source = &broken{w.Engine.Source, realmport.Errorf(realmport.Unavailable, "no answer"), 1}
	first := w.create(t)
	again, err := w.Do(t.Context(), first)
	if again == 0 || err != nil {
		t.Fatalf("got %v, %v, want another attempt later", again, err)
	}
	reap := func() {
		t.Helper()
		w.later(again / 2)
		if err := w.Reap(t.Context(), w.queue); err != nil {
			t.Fatal(err)
		}
	}
	reap()
	second := w.create(t)
	w.do(t, second)
	reap()
	third := w.create(t)
	if again, err := w.Do(t.Context(), third); again == 0 || err != nil {
		t.Errorf("got %v, %v, want that the one which is due goes first", again, err)
	}
	w.do(t, first)
	w.do(t, third)
}

// TestTurnOfEnded has an export end while it waits, by somebody else: when its job comes, it holds up nobody any more.
func TestTurnOfEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.create(t)
	w.later(time.Millisecond)
	second := w.create(t)
	if again, err := w.Do(t.Context(), second); again == 0 || err != nil {
		t.Fatalf("got %v, %v, want that it waits", again, err)
	}
	if ok, err := w.Exports.Fail(t.Context(), first, w.time(), false); !ok || err != nil {
		t.Fatalf("got %t, %v", ok, err)
	}
	w.do(t, first)
	w.do(t, second)
	w.succeeded(t, second)
}
