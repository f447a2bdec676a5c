package exports_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo"
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
