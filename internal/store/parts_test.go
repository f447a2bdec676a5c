package store_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/store"
)

// bench is a database of parts.
type bench struct {
	dsn string
	db  *sql.DB
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{dsn: pgtest.Database(t)}
	b.db = openPostgres(t, b.dsn)
	return b
}

// new makes parts as another process does.
func (b *bench) new(t testing.TB) *store.Parts {
	t.Helper()
	p, err := store.NewParts(t.Context(), openPostgres(t, b.dsn), store.PartsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// later lets time pass: the server's clock goes as it goes, so what was noted is moved back.
func (b *bench) later(t testing.TB, by time.Duration) {
	t.Helper()
	_, err := b.db.Exec(fmt.Sprintf(`UPDATE realmport.parts SET heartbeat = heartbeat - %[1]d * interval '1 microsecond';
		UPDATE realmport.part_plans SET heartbeat = heartbeat - %[1]d * interval '1 microsecond'`, by.Microseconds()))
	if err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// looks compares what the coordinator sees.
func looks(t testing.TB, p *store.Parts, attempt string, want ...realmport.PartState) {
	t.Helper()
	got, err := p.Look(t.Context(), attempt, stale)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Fatalf("look: %v\n%s", err, diff)
	}
}

// claims compares how a claim ends; want is the spec, "" for none.
func claims(t testing.TB, p *store.Parts, attempt string, number int, worker, want string) {
	t.Helper()
	spec, ok, err := p.Claim(t.Context(), attempt, number, worker, stale)
	if err != nil || string(spec) != want || ok != (want != "") {
		t.Fatalf("claim of part %d by %s: got %q, %v, %v, want %q", number, worker, spec, ok, err, want)
	}
}

func TestPartsLife(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	p, other := b.new(t), b.new(t)
	must(t, p.Begin(ctx, "x", []byte("plan")))
	must(t, p.Begin(ctx, "x", []byte("plan"))) // the answer was lost
	wantCode(t, other.Begin(ctx, "x", []byte("mine")), realmport.Conflict)
	wantCode(t, p.Begin(ctx, "", nil), realmport.Invalid)
	looks(t, p, "x")
	if plan, err := other.Plan(ctx, "x", stale); err != nil || string(plan) != "plan" {
		t.Errorf("got plan %q, %v", plan, err)
	}
	for i := range 4 {
		must(t, p.Add(ctx, "x", i, fmt.Appendf(nil, "spec %d", i)))
	}
	must(t, p.Add(ctx, "x", 1, []byte("another"))) // changes nothing
	idle := func(n, tries int) realmport.PartState {
		return realmport.PartState{Number: n, Tries: tries, Idle: true}
	}
	looks(t, p, "x", idle(0, 0), idle(1, 0), idle(2, 0), idle(3, 0))

	claims(t, other, "x", 1, "b", "spec 1")
	claims(t, other, "x", 1, "b", "spec 1") // the answer was lost
	claims(t, other, "x", 1, "c", "")
	claims(t, other, "x", 9, "c", "")
	claims(t, other, "y", 1, "c", "")
	must(t, other.Beat(ctx, "x", 1, "b"))
	looks(t, p, "x", idle(0, 0), idle(2, 0), idle(3, 0))
	must(t, other.Finish(ctx, "x", 1, "b", []byte("made")))
	must(t, other.Finish(ctx, "x", 1, "b", []byte("made"))) // the answer was lost
	wantCode(t, other.Finish(ctx, "x", 1, "b", []byte("other")), realmport.Conflict)
	wantCode(t, other.Finish(ctx, "x", 1, "b", nil), realmport.Invalid)
	must(t, other.Beat(ctx, "x", 1, "b"))
	must(t, other.GiveBack(ctx, "x", 1, "b", "late", false, true)) // it is made
	made := realmport.PartState{Number: 1, Tries: 2, Result: []byte("made")}
	for range 2 { // until it is dropped
		looks(t, p, "x", idle(0, 0), made, idle(2, 0), idle(3, 0))
	}
	claims(t, other, "x", 1, "c", "")
	b.later(t, 2*stale)
	claims(t, other, "x", 1, "c", "") // however long ago
	must(t, p.Drop(ctx, "x", 1))
	must(t, p.Drop(ctx, "x", 1))
	looks(t, p, "x", idle(0, 0), idle(2, 0), idle(3, 0))
	claims(t, other, "x", 1, "c", "")
	wantCode(t, other.Beat(ctx, "x", 1, "b"), realmport.Conflict)
	wantCode(t, other.Finish(ctx, "x", 1, "b", []byte("made")), realmport.Conflict)

	claims(t, other, "x", 0, "b", "spec 0")
	must(t, other.GiveBack(ctx, "x", 0, "b", "stopping", true, false))
	claims(t, other, "x", 2, "b", "spec 2")
	must(t, other.GiveBack(ctx, "x", 2, "b", "no\x00room", false, false))
	claims(t, other, "x", 3, "b", "spec 3")
	must(t, other.GiveBack(ctx, "x", 3, "b", "broken", false, true))
	claims(t, other, "x", 3, "b", "")
	back := realmport.PartState{Number: 0, Reason: "stopping", Idle: true}
	failed := realmport.PartState{Number: 2, Tries: 1, Reason: "no\uFFFDroom", Idle: true}
	given := realmport.PartState{Number: 3, Tries: 1, Reason: "broken", GivenUp: true}
	looks(t, p, "x", back, failed, given)
	claims(t, other, "x", 2, "c", "spec 2")
	looks(t, p, "x", back, given)

	must(t, p.End(ctx, "x"))
	must(t, p.End(ctx, "x"))
	wantCode(t, other.Finish(ctx, "x", 2, "c", []byte("late")), realmport.Conflict)
	claims(t, other, "x", 0, "c", "")
	wantCode(t, p.Add(ctx, "x", 7, nil), realmport.NotFound)
	_, err := p.Look(ctx, "x", stale)
	wantCode(t, err, realmport.NotFound)
	_, err = other.Plan(ctx, "x", stale)
	wantCode(t, err, realmport.NotFound)
	var left int
	must(t, b.db.QueryRow(`SELECT (SELECT count(*) FROM realmport.parts) + (SELECT count(*) FROM realmport.part_plans)`).Scan(&left))
	if left != 0 {
		t.Errorf("got %d rows after the end, want none", left)
	}
}

// TestPartsTakeover lets a worker who was thought dead come back.
func TestPartsTakeover(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	p := b.new(t)
	must(t, p.Begin(ctx, "x", nil))
	must(t, p.Add(ctx, "x", 0, []byte("spec")))
	claims(t, p, "x", 0, "old", "spec")
	b.later(t, 2*stale)
	looks(t, p, "x", realmport.PartState{Tries: 1, Idle: true})
	must(t, p.Beat(ctx, "x", 0, "old")) // nobody took its place: it goes on
	looks(t, p, "x")
	claims(t, p, "x", 0, "new", "")
	b.later(t, 2*stale)
	claims(t, p, "x", 0, "new", "spec")
	for _, ghost := range []string{"old", "", "NEW", "new "} {
		wantCode(t, p.Beat(ctx, "x", 0, ghost), realmport.Conflict, "part 0")
		wantCode(t, p.Finish(ctx, "x", 0, ghost, []byte("ghost")), realmport.Conflict)
		must(t, p.GiveBack(ctx, "x", 0, ghost, "ghost", true, true))
	}
	looks(t, p, "x")
	// A heartbeat from the future is as dead as an old one: the clock was set back since.
	b.later(t, -2*stale)
	looks(t, p, "x", realmport.PartState{Tries: 2, Idle: true})
	claims(t, p, "x", 0, "newer", "spec")
	must(t, p.Finish(ctx, "x", 0, "newer", []byte("made")))
	looks(t, p, "x", realmport.PartState{Tries: 3, Result: []byte("made")})
	_, _, err := p.Claim(ctx, "x", 0, "", stale)
	wantCode(t, err, realmport.Invalid)
}

// TestPartsSilence lets coordinators fall silent.
func TestPartsSilence(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	p := b.new(t)
	silent := func(want ...string) {
		t.Helper()
		got, err := p.Silent(ctx, stale)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	for _, attempt := range []string{"x", "y"} {
		must(t, p.Begin(ctx, attempt, []byte("plan")))
	}
	silent()
	b.later(t, 2*stale)
	silent("x", "y")
	looks(t, p, "y") // a sign of life
	silent("x")
	_, err := p.Plan(ctx, "x", stale)
	wantCode(t, err, realmport.NotFound)
	if _, err := p.Plan(ctx, "y", stale); err != nil {
		t.Error(err)
	}
	must(t, p.End(ctx, "x"))
	silent()
}
