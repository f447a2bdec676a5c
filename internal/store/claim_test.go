package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/store"
)

// tick lets a moment pass, which the server's clock does by itself.
func (s *state) tick(t *testing.T) {
	t.Helper()
	if s.d == store.SQLite {
		s.later(t, time.Millisecond)
	}
}

// limited is a claim of an export of realm id/100.
func limited(id int64, owner string, server, realm int) realmport.Claim {
	return realmport.Claim{ExportID: id, RealmID: id / 100, Owner: owner, Stale: stale, ServerLimit: server, RealmLimit: realm}
}

// asks compares verdicts on claims by a worker for each export. After each of them a moment passes.
func (s *state) asks(t *testing.T, r *store.Runs, server, realm int, want realmport.Verdict, ids ...int64) {
	t.Helper()
	for _, id := range ids {
		run, got, err := r.Claim(t.Context(), limited(id, "a", server, realm))
		if err != nil || got != want || (run != nil) != (want == realmport.Claimed) {
			t.Fatalf("export %d: got %v, verdict %d, %v, want verdict %d", id, run, got, err, want)
		}
		s.tick(t)
	}
}

func (s *state) releases(t *testing.T, r *store.Runs, ids ...int64) {
	t.Helper()
	for _, id := range ids {
		must(t, r.Release(t.Context(), id, "a", "", false))
		s.tick(t)
	}
}

func TestLimits(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		r := s.new(t)
		s.asks(t, r, 2, 1, realmport.Claimed, 100)
		s.asks(t, r, 2, 1, realmport.Claimed, 100) // the answer was lost
		if _, verdict, err := r.Claim(t.Context(), limited(100, "b", 2, 1)); verdict != realmport.Busy || err != nil {
			t.Errorf("got verdict %d, %v, want that another is at work", verdict, err)
		}
		s.asks(t, r, 2, 1, realmport.NoRoom, 101)
		s.asks(t, r, 2, 1, realmport.Claimed, 200)
		s.asks(t, r, 2, 1, realmport.NoRoom, 300, 101)
		run := read(t, r, 101)
		if run.Attempt != 0 || run.Owner != "" {
			t.Errorf("got %+v, want that waiting is no attempt", run)
		}
		if silent, err := r.Silent(t.Context(), 0); err != nil || slices.Contains(silent, 101) {
			t.Errorf("got silent %v, %v, want no one who waits", silent, err)
		}
		s.asks(t, r, 3, 0, realmport.Claimed, 300)
		s.asks(t, r, 0, 1, realmport.NoRoom, 101)
		s.asks(t, r, 0, 2, realmport.Claimed, 101)
		s.asks(t, r, 4, 0, realmport.NoRoom, 400)
		s.asks(t, r, 0, 0, realmport.Claimed, 400)
		// What was cancelled only has to be ended.
		must(t, r.Cancel(t.Context(), 102, "user 1"))
		s.asks(t, r, 1, 1, realmport.Claimed, 102)
		// The dead do not count.
		s.asks(t, r, 1, 1, realmport.NoRoom, 500)
		s.later(t, stale+time.Second)
		s.asks(t, r, 1, 1, realmport.Claimed, 500)
	})
}

// TestTurns lets one organization with many exports, and others with one, share a single place.
func TestTurns(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		r := s.new(t)
		many := []int64{100, 101, 102, 103, 104, 105, 106, 107, 108, 109}
		s.asks(t, r, 1, 1, realmport.Claimed, many[0])
		s.asks(t, r, 1, 1, realmport.NoRoom, many[1:]...)
		s.asks(t, r, 1, 1, realmport.NoRoom, 200)
		s.releases(t, r, 100)
		s.asks(t, r, 1, 1, realmport.NoRoom, many[1:]...) // they have waited for longer, but one of theirs has just ended
		s.asks(t, r, 1, 1, realmport.NoRoom, 300)
		s.asks(t, r, 1, 1, realmport.Claimed, 200)
		s.releases(t, r, 200)
		s.asks(t, r, 1, 1, realmport.NoRoom, 300, 102, 109)
		s.asks(t, r, 1, 1, realmport.Claimed, 101)
		s.releases(t, r, 101)
		s.asks(t, r, 1, 1, realmport.NoRoom, 102)
		// It stops asking: nobody waits for it for ever.
		s.later(t, 2*stale+time.Second)
		s.asks(t, r, 1, 1, realmport.Claimed, 102)
		s.asks(t, r, 1, 1, realmport.NoRoom, 300)
		s.releases(t, r, 102)
		// Cancelled before its turn, it is in nobody's way.
		must(t, r.Cancel(t.Context(), 300, "user 1"))
		s.asks(t, r, 1, 1, realmport.Claimed, 103)
	})
}

// TestTurnsOfPlaces gives places that are free at once to those who come first, whoever asks first.
func TestTurnsOfPlaces(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		r := s.new(t)
		s.asks(t, r, 2, 2, realmport.Claimed, 100, 101)
		s.asks(t, r, 2, 2, realmport.NoRoom, 102, 200, 300)
		s.releases(t, r, 100)
		s.asks(t, r, 2, 2, realmport.NoRoom, 102, 300)
		s.releases(t, r, 101)
		// Two places: 200 has one in any case.
		s.asks(t, r, 2, 2, realmport.NoRoom, 102)
		s.asks(t, r, 2, 2, realmport.Claimed, 300, 200)
		// An organization with an export at work comes after one without.
		s.asks(t, r, 2, 2, realmport.NoRoom, 201, 400)
		s.releases(t, r, 300)
		s.asks(t, r, 2, 2, realmport.NoRoom, 201, 400)
		s.asks(t, r, 2, 2, realmport.Claimed, 102)
	})
}

// TestTurnsOfAll queues several exports of 20 organizations, three of which may be at work. The one that was begun first ends first, and all
// that wait ask in an order that is not theirs.
func TestTurnsOfAll(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		r := s.new(t)
		var waiting, running []int64
		left, begun := map[int64]int{}, map[int64]int{}
		for realm := range int64(20) {
			for i := range 1 + realm%2 {
				waiting = append(waiting, realm*100+i)
				left[realm]++
			}
		}
		for len(waiting)+len(running) > 0 {
			if len(running) > 0 {
				s.releases(t, r, running[0])
				running = running[1:]
			}
			// Twice: who is refused in the first round may be the next in the second.
			for range 2 {
				waiting = slices.DeleteFunc(waiting, func(id int64) bool {
					_, verdict, err := r.Claim(t.Context(), limited(id, "a", 3, 1))
					must(t, err)
					s.tick(t)
					if verdict != realmport.Claimed {
						return false
					}
					running = append(running, id)
					begun[id/100]++
					left[id/100]--
					for realm, n := range left {
						if n > 0 && begun[realm] < begun[id/100]-1 {
							t.Errorf("organization %d has begun %d exports, and %d only %d", id/100, begun[id/100], realm, begun[realm])
						}
					}
					return true
				})
				slices.Reverse(waiting)
			}
			if len(running) > 3 || len(running) < 3 && len(waiting) > 3 {
				t.Fatalf("got %v at work and %v waiting, want three at work", running, waiting)
			}
		}
	})
}

// TestLimitsAtOnce lets several processes claim exports of 20 organizations at once: never are more at work than may be, and all end.
func TestLimitsAtOnce(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		queue := make(chan int64, 100)
		var all sync.WaitGroup
		for realm := range int64(20) {
			for i := range int64(2) {
				queue <- realm*100 + i
				all.Add(1)
			}
		}
		var mu sync.Mutex
		total, most, active := 0, 0, map[int64]int{}
		count := func(id int64, by int) {
			mu.Lock()
			defer mu.Unlock()
			total += by
			active[id/100] += by
			if most = max(most, total); total > 3 || active[id/100] > 1 {
				t.Errorf("export %d is one of %d at work, %d of its organization, want 3 and 1 at most", id, total, active[id/100])
			}
		}
		for worker := range 6 {
			r, name := s.new(t), fmt.Sprint("worker ", worker)
			go func() {
				for id := range queue {
					_, verdict, err := r.Claim(t.Context(), limited(id, name, 3, 1))
					if err == nil && verdict == realmport.Claimed {
						count(id, 1)
						_, err = r.Beat(t.Context(), id, name, realmport.Progress{})
						count(id, -1)
						if err == nil {
							err = r.Release(t.Context(), id, name, "", false)
						}
						all.Done()
					} else if err == nil {
						queue <- id
					}
					if err != nil {
						t.Errorf("export %d: %v", id, err)
					}
				}
			}()
		}
		all.Wait()
		close(queue)
		t.Logf("%d at work at once at most", most)
	})
}
