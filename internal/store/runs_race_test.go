package store_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/store"
)

// TestOneClaims lets several processes claim the same exports at once: first new ones, then silent ones.
func TestOneClaims(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		var processes []*store.Runs
		for range 3 {
			processes = append(processes, s.new(t))
		}
		for attempt := 1; attempt <= 3; attempt++ {
			for id := range int64(5) {
				var winners atomic.Int32
				var running sync.WaitGroup
				for i := range 9 {
					running.Go(func() {
						run, verdict, err := processes[i%3].Claim(t.Context(), claimOf(id, fmt.Sprintf("%d of %d", i, attempt)))
						if err != nil {
							t.Error(err)
						} else if verdict == realmport.Claimed {
							winners.Add(1)
							if run.Attempt != attempt {
								t.Errorf("got attempt %d, want %d", run.Attempt, attempt)
							}
						}
					})
				}
				running.Wait()
				if winners.Load() != 1 {
					t.Errorf("export %d: %d won", id, winners.Load())
				}
			}
			s.later(t, stale+time.Second)
		}
	})
}

func TestMigrateAtOnce(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		var running sync.WaitGroup
		for i := range int64(6) {
			db := s.open(t)
			running.Go(func() {
				r, err := store.NewRuns(t.Context(), db, s.d, store.RunsOptions{Now: s.now})
				if err == nil {
					_, _, err = r.Claim(t.Context(), claimOf(i, "a"))
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		s.later(t, time.Second)
		got, err := s.new(t).Silent(t.Context(), 0)
		if diff := cmp.Diff([]int64{0, 1, 2, 3, 4, 5}, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

// TestPresent uses the clock of the machine where nothing else is said.
func TestPresent(t *testing.T) {
	t.Parallel()
	r, err := store.NewRuns(t.Context(), openState(t, filepath.Join(t.TempDir(), "state.sqlite")), store.SQLite, store.RunsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := clock.Now().Truncate(time.Microsecond)
	run := claim(t, r, 1, "a")
	if run.Started.Before(before) || run.Started.After(clock.Now()) {
		t.Errorf("got %v, want about %v", run.Started, before)
	}
}
