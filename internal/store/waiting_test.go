package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/store"
)

// free is a claim of an export of realm id/100 by a process that could begin that many.
func free(id int64, server, realm, free int) realmport.Claim {
	c := limited(id, "a", server, realm)
	c.Free = free
	return c
}

// oneByOne works on a queue in its order as a process with one place does: nobody asks while it is busy, and what is refused goes
// to the end. It returns the order in which exports were begun.
func (s *state) oneByOne(t *testing.T, r *store.Runs, queue []int64, server, realm int) (order []int64) {
	t.Helper()
	for refused := 0; len(queue) > 0; queue = queue[1:] {
		id := queue[0]
		_, verdict, err := r.Claim(t.Context(), free(id, server, realm, 1))
		must(t, err)
		s.tick(t)
		if verdict != realmport.Claimed {
			if refused++; refused > len(queue) {
				t.Fatalf("got none of %v begun, want one", queue)
			}
			queue = append(queue, id)
			continue
		}
		refused = 0
		order = append(order, id)
		s.later(t, stale-time.Second) // it takes its time, and the reaper comes by
		for _, id := range queue[1:] {
			must(t, r.Wait(t.Context(), id, id/100))
			s.tick(t)
		}
		s.releases(t, r, id)
	}
	return order
}

// TestTurnsOfBusyProcess queues ten exports of one organization before one of another in a process with one place, under various limits.
func TestTurnsOfBusyProcess(t *testing.T) {
	for _, limit := range []struct{ server, realm int }{{0, 0}, {0, 1}, {1, 1}, {10, 0}} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			eachState(t, func(t *testing.T, s *state) {
				r := s.new(t)
				queue := []int64{100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 200}
				for _, id := range queue {
					must(t, r.Wait(t.Context(), id, id/100))
					s.tick(t)
				}
				got := s.oneByOne(t, r, queue, limit.server, limit.realm)
				slices.Sort(got[2:])
				if diff := cmp.Diff([]int64{100, 200, 101, 102, 103, 104, 105, 106, 107, 108, 109}, got); diff != "" {
					t.Errorf("order (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestFree lets no more go before than the process has places.
func TestFree(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		r := s.new(t)
		for _, id := range []int64{100, 200, 300} {
			must(t, r.Wait(t.Context(), id, id/100))
			s.tick(t)
		}
		for _, tt := range []struct {
			free int
			want realmport.Verdict
		}{{1, realmport.NoRoom}, {2, realmport.NoRoom}, {3, realmport.Claimed}} {
			if _, got, err := r.Claim(t.Context(), free(300, 0, 1, tt.free)); got != tt.want || err != nil {
				t.Errorf("with %d places: got verdict %d, %v, want %d", tt.free, got, err, tt.want)
			}
		}
	})
}

// TestWait shows which exports hold up others.
func TestWait(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		r := s.new(t)
		wait := func(id int64) {
			t.Helper()
			must(t, r.Wait(t.Context(), id, id/100))
			s.tick(t)
		}
		// held tells whether the export 900, which was asked for last, is held up by the one that waits.
		held := func(what string, want bool) {
			t.Helper()
			_, verdict, err := r.Claim(t.Context(), free(900, 0, 0, 1))
			if got := verdict == realmport.NoRoom; err != nil || got != want {
				t.Errorf("%s: got verdict %d, %v, want held up %t", what, verdict, err, want)
			}
			must(t, r.Forget(t.Context(), 900))
		}
		held("nobody waits", false)
		wait(100)
		held("one waits", true)
		if run := read(t, r, 100); run.Attempt != 0 || run.Owner != "" || run.RealmID != 1 {
			t.Errorf("got %+v, want that waiting is no attempt", run)
		}
		must(t, r.Leave(t.Context(), 100))
		held("it has ended", false)
		wait(100)
		s.later(t, 2*stale-time.Second)
		held("it was seen a while ago", true)
		s.later(t, 2*time.Second)
		held("it is seen no more", false)
		wait(100)
		held("it is seen again", true)
		must(t, r.Cancel(t.Context(), 100, "user 1"))
		held("it was cancelled", false)
		wait(100)
		held("what was cancelled needs no turn", false)
		s.asks(t, r, 0, 0, realmport.Claimed, 200)
		wait(200)
		s.releases(t, r, 200)
		held("it was at work when it was noted", false)
		wait(200)
		s.asks(t, r, 0, 0, realmport.Claimed, 200)
		s.releases(t, r, 200)
		held("it was made", false)
		wait(300)
		must(t, r.Forget(t.Context(), 300))
		held("it was forgotten", false)
		must(t, r.Leave(t.Context(), 300)) // nothing is known of it
	})
}

// TestWaitedFor counts from the first time.
func TestWaitedFor(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		r := s.new(t)
		for _, id := range []int64{200, 100, 200} {
			must(t, r.Wait(t.Context(), id, id/100))
			s.later(t, time.Second)
		}
		for _, want := range []realmport.Verdict{realmport.NoRoom, realmport.Claimed} {
			id := map[realmport.Verdict]int64{realmport.NoRoom: 100, realmport.Claimed: 200}[want]
			if _, got, err := r.Claim(t.Context(), free(id, 0, 0, 1)); got != want || err != nil {
				t.Errorf("export %d: got verdict %d, %v, want %d", id, got, err, want)
			}
		}
	})
}

// TestActiveIsSmall has PostgreSQL explain how it finds what is at work or waits among 100,000 exports that have ended.
func TestActiveIsSmall(t *testing.T) {
	t.Parallel()
	db := openPostgres(t, pgtest.Database(t))
	r, err := store.NewRuns(t.Context(), db, store.PostgreSQL, store.RunsOptions{})
	must(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO realmport.export_runs (export_id, realm_id, attempt, owner, heartbeat, ended, path, spool, cancelled, reason)
		SELECT n, 1 + n % 2, 1, '', now(), now(), '', '', '', '' FROM generate_series(1000, 100999) AS n`)
	must(t, err)
	_, err = db.ExecContext(t.Context(), "ANALYZE realmport.export_runs")
	must(t, err)
	must(t, r.Wait(t.Context(), 100, 1))
	must(t, r.Wait(t.Context(), 200, 2))
	_, verdict, err := r.Claim(t.Context(), free(100, 1, 1, 1))
	if verdict != realmport.Claimed || err != nil {
		t.Fatalf("got verdict %d, %v", verdict, err)
	}
	plan := value[string](t, &world{db: db}, "EXPLAIN (ANALYZE, TIMING OFF, FORMAT json) "+store.ListActive(r),
		int64(300), stale.Microseconds(), 2*stale.Microseconds())
	for _, index := range []string{"export_runs_active", "export_runs_ended", "export_runs_pkey"} {
		if !strings.Contains(plan, index) {
			t.Errorf("the plan does not use %s", index)
		}
	}
	if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, `"Node Type": "Sort"`) {
		t.Error("the plan reads whole tables")
	}
	if t.Failed() {
		t.Log(plan)
	}
}
