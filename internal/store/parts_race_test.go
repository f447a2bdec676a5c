package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/store"
)

// TestOneMakes lets workers of several processes claim the same parts at once: new ones, then silent ones.
func TestOneMakes(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	processes := []*store.Parts{b.new(t), b.new(t), b.new(t)}
	must(t, processes[0].Begin(ctx, "x", nil))
	for try := 1; try <= 3; try++ {
		for number := range 5 {
			must(t, processes[0].Add(ctx, "x", number, []byte("spec")))
			var winners atomic.Int32
			var running sync.WaitGroup
			for i := range 9 {
				running.Go(func() {
					_, ok, err := processes[i%3].Claim(ctx, "x", number, fmt.Sprintf("%d of %d", i, try), stale)
					if err != nil {
						t.Error(err)
					} else if ok {
						winners.Add(1)
					}
				})
			}
			running.Wait()
			if winners.Load() != 1 {
				t.Errorf("part %d: %d won, want 1", number, winners.Load())
			}
		}
		b.later(t, stale+time.Second)
	}
	got, err := processes[0].Look(ctx, "x", stale)
	if err != nil || len(got) != 5 || slices.ContainsFunc(got, func(s realmport.PartState) bool { return s.Tries != 3 }) {
		t.Errorf("got %+v, %v, want five parts with three tries", got, err)
	}
}

// TestOneFinishes lets a late worker and their successor finish, while the coordinator drops the part: one of both results counts.
func TestOneFinishes(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	p, other := b.new(t), b.new(t)
	must(t, p.Begin(ctx, "x", nil))
	for number := range 40 {
		must(t, p.Add(ctx, "x", number, []byte("spec")))
		claims(t, p, "x", number, "old", "spec")
		b.later(t, 2*stale)
		var finished atomic.Int32
		var running sync.WaitGroup
		finish := func(p *store.Parts, worker string) {
			switch err := p.Finish(ctx, "x", number, worker, []byte(worker)); {
			case err == nil:
				finished.Add(1)
			case realmport.ErrorCode(err) != realmport.Conflict:
				t.Error(err)
			}
		}
		running.Go(func() { finish(p, "old") })
		running.Go(func() {
			if _, ok, err := other.Claim(ctx, "x", number, "new", stale); err != nil {
				t.Error(err)
			} else if ok {
				finish(other, "new")
			}
		})
		running.Wait()
		if finished.Load() != 1 {
			t.Errorf("part %d was finished %d times, want once", number, finished.Load())
		}
		must(t, p.Drop(ctx, "x", number))
	}
}

// TestEndAtOnce ends an attempt while parts are added, claimed and looked at: nothing is left of it.
func TestEndAtOnce(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	p, other := b.new(t), b.new(t)
	for round := range 20 {
		attempt := fmt.Sprint("attempt ", round)
		must(t, p.Begin(ctx, attempt, nil))
		var running sync.WaitGroup
		added := make(chan struct{})
		running.Go(func() {
			for number := 0; ; number++ {
				err := other.Add(ctx, attempt, number, nil)
				if number == 3 {
					close(added)
				}
				if err != nil {
					if realmport.ErrorCode(err) != realmport.NotFound || number < 3 {
						t.Errorf("add: %v", err)
					}
					return
				}
				if _, _, err := other.Claim(ctx, attempt, number, "a", stale); err != nil {
					t.Errorf("claim: %v", err)
				}
			}
		})
		running.Go(func() {
			for {
				if _, err := p.Look(ctx, attempt, stale); err != nil {
					if realmport.ErrorCode(err) != realmport.NotFound {
						t.Errorf("look: %v", err)
					}
					return
				}
			}
		})
		<-added
		must(t, p.End(ctx, attempt))
		running.Wait()
	}
	var left int
	must(t, b.db.QueryRow(`SELECT count(*) FROM realmport.parts`).Scan(&left))
	if left != 0 {
		t.Errorf("got %d parts, want none", left)
	}
}

// TestPartsAtOnce makes the tables from several processes.
func TestPartsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var running sync.WaitGroup
	for i := range 6 {
		db := openPostgres(t, b.dsn)
		running.Go(func() {
			var err error
			if i%2 == 0 {
				_, err = store.NewRuns(t.Context(), db, store.PostgreSQL, store.RunsOptions{})
			}
			p, failed := store.NewParts(t.Context(), db, store.PartsOptions{})
			if err = errors.Join(err, failed); err == nil {
				err = p.Begin(t.Context(), fmt.Sprint(i), nil)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
}
