package jobs_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/realmport/realmport/internal/jobs"
)

// TestRounds checks that whatever happens to an export's jobs, in any order, one of them at most is to be worked on.
func TestRounds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := state{jobs.Options{SQLite: path}, openSQLite(t, path), "river_job", "json(errors)"}
	q := s.inserter(t, impatient)
	const (
		over  = "finalized_at IS NOT NULL"
		given = "metadata ->> 'cancel_attempted_at' IS NOT NULL"
	)
	export := int64(0)
	rapid.Check(t, func(r *rapid.T) {
		export++
		count := func(where string) int {
			var n int
			query := "SELECT count(*) FROM river_job WHERE args ->> 'export' = ? AND " + where
			ok(t, s.db.QueryRowContext(t.Context(), query, export).Scan(&n))
			return n
		}
		// change is what a worker or the engine does to the jobs.
		change := func(set, where string) func(*rapid.T) {
			statement := fmt.Sprintf("UPDATE river_job SET %s WHERE args ->> 'export' = %d AND %s", set, export, where)
			return func(*rapid.T) { s.change(t, statement) }
		}
		const finished = "finalized_at = '2026-01-02 03:04:05'"
		r.Repeat(map[string]func(*rapid.T){
			"fetch":   change("state = 'running', attempt = 1, attempted_at = '2026-01-02 03:04:05'", "state = 'available'"),
			"finish":  change("state = 'completed', "+finished, "state = 'running' AND NOT "+given),
			"snooze":  change("state = 'scheduled', attempt = 0", "state = 'running' AND NOT "+given),
			"awake":   change("state = 'available'", "state = 'scheduled'"),
			"rescue":  change("state = 'cancelled', "+finished, "state = 'running' AND "+given),
			"cleaner": func(*rapid.T) { s.change(t, "DELETE FROM river_job WHERE "+over) },
			"Enqueue": func(r *rapid.T) {
				ok(t, q.Enqueue(t.Context(), export))
				if got := count("NOT (" + over + ")"); got == 0 {
					r.Fatalf("got no job that is not over, want one")
				}
			},
			"Requeue": func(r *rapid.T) {
				ok(t, q.Requeue(t.Context(), export))
				if got := count("state IN ('available', 'scheduled')"); got != 1 {
					r.Fatalf("got %d jobs that will run, want 1", got)
				}
			},
			"Cancel": func(r *rapid.T) {
				ok(t, q.Cancel(t.Context(), export))
				if got := count("NOT (" + over + ") AND NOT (" + given + ")"); got != 0 {
					r.Fatalf("got %d jobs that go on, want none", got)
				}
			},
			"": func(r *rapid.T) {
				if got := count("NOT (" + over + ") AND NOT (" + given + ")"); got > 1 {
					r.Fatalf("got %d jobs to be worked on, want 1 at most", got)
				}
			},
		})
	})
}
