package store_test

import (
	"database/sql"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/store"
)

const stale = time.Minute

// state is a database of the state.
type state struct {
	d     store.Dialect
	open  func(t testing.TB) *sql.DB
	later func(t testing.TB, by time.Duration) // lets time pass
	now   func() time.Time
}

// new makes runs as another process does.
func (s *state) new(t testing.TB) *store.Runs {
	t.Helper()
	r, err := store.NewRuns(t.Context(), s.open(t), s.d, store.RunsOptions{Now: s.now})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// eachState runs a test on an empty database of each kind.
func eachState(t *testing.T, fn func(t *testing.T, s *state)) {
	t.Helper()
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "state.sqlite")
		var passed atomic.Int64
		fn(t, &state{
			d:     store.SQLite,
			open:  func(t testing.TB) *sql.DB { t.Helper(); return openState(t, path) },
			later: func(_ testing.TB, by time.Duration) { passed.Add(int64(by)) },
			now:   func() time.Time { return start.Add(time.Duration(passed.Load())) },
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		dsn := pgtest.Database(t)
		open := func(t testing.TB) *sql.DB { t.Helper(); return openPostgres(t, dsn) }
		fn(t, &state{
			d: store.PostgreSQL, open: open,
			// The server's clock goes as it goes: what was noted is moved back.
			later: func(t testing.TB, by time.Duration) {
				t.Helper()
				_, err := open(t).Exec(`UPDATE realmport.export_runs SET heartbeat = heartbeat - by, started = started - by, ended = ended - by,
					waiting_since = waiting_since - by, waiting_seen = waiting_seen - by
					FROM (SELECT $1 * interval '1 microsecond') AS passed (by)`, by.Microseconds())
				if err != nil {
					t.Fatal(err)
				}
			},
			// It must not be asked.
			now: func() time.Time { panic("the clock of this machine was used") },
		})
	})
}

// claimOf is a claim without limits.
func claimOf(id int64, owner string) realmport.Claim {
	return realmport.Claim{ExportID: id, RealmID: acme, Owner: owner, Stale: stale}
}

func claim(t testing.TB, r *store.Runs, id int64, owner string) *realmport.Run {
	t.Helper()
	run, verdict, err := r.Claim(t.Context(), claimOf(id, owner))
	if err != nil || verdict != realmport.Claimed {
		t.Fatalf("claim by %s: got %v, %v", owner, verdict, err)
	}
	return run
}

func read(t testing.TB, r *store.Runs, id int64) *realmport.Run {
	t.Helper()
	run, err := r.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// anyTime lets times be what they are, but keeps whether they are set.
var anyTime = cmp.Comparer(func(a, b time.Time) bool { return a.IsZero() == b.IsZero() })

func TestRunLife(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		r, ctx := s.new(t), t.Context()
		expect := realmport.Run{ExportID: 5}
		check := func(what string, got *realmport.Run) {
			t.Helper()
			if diff := cmp.Diff(&expect, got, anyTime); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
			if diff := cmp.Diff(got, read(t, r, 5)); diff != "" {
				t.Errorf("%s: read again: %s", what, diff)
			}
		}
		check("nothing", read(t, r, 5))

		run := claim(t, r, 5, "a")
		expect = realmport.Run{ExportID: 5, RealmID: acme, Attempt: 1, Owner: "a", Heartbeat: start, Started: start}
		check("claimed", run)
		if !run.Heartbeat.Equal(run.Started) || run.Heartbeat.Location() != time.UTC {
			t.Errorf("got %v and %v", run.Heartbeat, run.Started)
		}
		if _, verdict, err := r.Claim(ctx, claimOf(5, "b")); verdict != realmport.Busy || err != nil {
			t.Errorf("claimed twice: %v, %v", verdict, err)
		}

		if err := r.Plan(ctx, 5, "a", "/p", "/tmp/s"); err != nil {
			t.Fatal(err)
		}
		expect.Path, expect.Spool = "/p", "/tmp/s"
		check("planned", read(t, r, 5))
		s.later(t, time.Second)
		began := read(t, r, 5).Heartbeat
		expect.Progress = realmport.Progress{Phase: "messages", Done: 0.25, Messages: 1 << 40, Bytes: 7}
		if cancelled, err := r.Beat(ctx, 5, "a", expect.Progress); cancelled || err != nil {
			t.Errorf("beat: got %v, %v", cancelled, err)
		}
		check("beat", read(t, r, 5))
		if beat := read(t, r, 5).Heartbeat; !beat.After(began) {
			t.Errorf("the heartbeat went from %v to %v", began, beat)
		}
		expect.Summary = &realmport.Summary{Realm: "acme", Messages: 3, Seconds: 1.5, Missing: map[string]int{"upload": 1}}
		expect.Missing = []realmport.Missing{{Kind: "upload", Table: "zerver_attachment", ID: 4, Path: "a\x00b\u2028", Reason: `no "file"`}}
		if err := r.Built(ctx, 5, "a", expect.Summary, expect.Missing); err != nil {
			t.Fatal(err)
		}
		check("built", read(t, r, 5))

		// It crashes here. Whoever comes next knows what there is.
		s.later(t, stale+time.Second)
		run = claim(t, r, 5, "b")
		expect.Attempt, expect.Owner, expect.Progress = 2, "b", realmport.Progress{}
		check("claimed after a crash", run)
		if err := r.Plan(ctx, 5, "b", "/q", ""); err != nil {
			t.Fatal(err)
		}
		expect.Path, expect.Spool, expect.Summary, expect.Missing = "/q", "", nil, nil
		check("planned anew", read(t, r, 5))
		if err := r.Release(ctx, 5, "b", "disk full\x00\xff", false); err != nil {
			t.Fatal(err)
		}
		expect.Owner, expect.Reason = "", "disk full\uFFFD\uFFFD"
		check("failed", read(t, r, 5))
		run = claim(t, r, 5, "c")
		expect.Attempt, expect.Owner = 3, "c"
		check("claimed after a failure", run)
		if err := r.Release(ctx, 5, "c", "", true); err != nil {
			t.Fatal(err)
		}
		expect.Attempt, expect.Owner, expect.Reason = 2, "", ""
		check("asked to stop", read(t, r, 5))
		if run := claim(t, r, 5, "d"); run.Attempt != 3 {
			t.Errorf("got attempt %d, want 3", run.Attempt)
		}

		if err := r.Forget(ctx, 5); err != nil {
			t.Fatal(err)
		}
		expect = realmport.Run{ExportID: 5}
		check("forgotten", read(t, r, 5))
	})
}

// TestFencing lets one who was thought dead come back.
func TestFencing(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		r, ctx := s.new(t), t.Context()
		claim(t, r, 1, "old")
		if _, err := r.Beat(ctx, 1, "old", realmport.Progress{}); err != nil {
			t.Fatal(err)
		}
		s.later(t, stale+time.Second)
		// Nobody took its place: it goes on.
		if _, err := r.Beat(ctx, 1, "old", realmport.Progress{}); err != nil {
			t.Errorf("beat of a silent owner: %v", err)
		}
		s.later(t, stale+time.Second)
		claim(t, r, 1, "new")
		for _, ghost := range []string{"old", "", "NEW", "new "} {
			before := read(t, r, 1)
			_, err := r.Beat(ctx, 1, ghost, realmport.Progress{Phase: "ghost"})
			wantCode(t, err, realmport.Conflict, "export 1")
			wantCode(t, r.Plan(ctx, 1, ghost, "/ghost", "/ghost"), realmport.Conflict)
			wantCode(t, r.Built(ctx, 1, ghost, &realmport.Summary{}, nil), realmport.Conflict)
			if err := r.Release(ctx, 1, ghost, "ghost", true); err != nil {
				t.Errorf("release by %q: %v", ghost, err)
			}
			if diff := cmp.Diff(before, read(t, r, 1)); diff != "" {
				t.Errorf("%q changed it: %s", ghost, diff)
			}
		}
		// After a release the owner is nobody, and nobody may do anything.
		if err := r.Release(ctx, 1, "new", "", false); err != nil {
			t.Fatal(err)
		}
		for _, ghost := range []string{"new", ""} {
			_, err := r.Beat(ctx, 1, ghost, realmport.Progress{})
			wantCode(t, err, realmport.Conflict)
			wantCode(t, r.Plan(ctx, 1, ghost, "", ""), realmport.Conflict)
		}
		_, err := r.Beat(ctx, 99, "new", realmport.Progress{})
		wantCode(t, err, realmport.Conflict)
		_, _, err = r.Claim(ctx, claimOf(1, ""))
		wantCode(t, err, realmport.Invalid)
	})
}

func TestSilent(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		r, ctx := s.new(t), t.Context()
		silent := func(want ...int64) {
			t.Helper()
			got, err := r.Silent(ctx, stale)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		}
		for _, id := range []int64{30, 10, 20} {
			claim(t, r, id, "a")
		}
		if err := r.Cancel(ctx, 40, "user 1"); err != nil {
			t.Fatal(err)
		}
		silent()
		s.later(t, stale/2)
		if _, err := r.Beat(ctx, 20, "a", realmport.Progress{}); err != nil {
			t.Fatal(err)
		}
		s.later(t, stale/2+time.Second)
		silent(10, 30)
		if _, verdict, err := r.Claim(ctx, claimOf(20, "b")); verdict != realmport.Busy || err != nil {
			t.Errorf("claim of a living one: %v, %v", verdict, err)
		}
		if err := r.Release(ctx, 30, "a", "", false); err != nil {
			t.Fatal(err)
		}
		silent(10)
		claim(t, r, 10, "b")
		silent()
		s.later(t, time.Second)
		if got, err := r.Silent(ctx, 0); err != nil || len(got) != 2 {
			t.Errorf("all that are owned: got %v, %v", got, err)
		}
	})
}

func TestCancel(t *testing.T) {
	eachState(t, func(t *testing.T, s *state) {
		r, ctx := s.new(t), t.Context()
		beat := func(want bool) {
			t.Helper()
			if got, err := r.Beat(ctx, 1, "a", realmport.Progress{}); got != want || err != nil {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		}
		claim(t, r, 1, "a")
		beat(false)
		for _, reason := range []string{"user 10\x00", "user 11"} {
			if err := r.Cancel(ctx, 1, reason); err != nil {
				t.Fatal(err)
			}
		}
		beat(true)
		if run := read(t, r, 1); run.Cancelled != "user 10\uFFFD" || run.Owner != "a" || run.RealmID != acme {
			t.Errorf("got %+v", run)
		}
		// Before anybody began.
		if err := r.Cancel(ctx, 2, "user 10"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&realmport.Run{ExportID: 2, Cancelled: "user 10"}, read(t, r, 2)); diff != "" {
			t.Error(diff)
		}
		if run := claim(t, r, 2, "a"); run.Cancelled != "user 10" || run.Attempt != 1 || run.RealmID != acme {
			t.Errorf("got %+v", run)
		}
		wantCode(t, r.Cancel(ctx, 3, ""), realmport.Invalid)
	})
}
