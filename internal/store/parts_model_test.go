package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/realmport/realmport"
)

// partModel is a part as the rules have it.
type partModel struct {
	worker, result, reason string
	silent, tries          int // silent counts the steps of time since the last sign of life
	givenUp                bool
}

// partsModel is an attempt as the rules have it.
type partsModel struct {
	ended  bool
	silent int
	parts  map[int]*partModel
}

// idle tells whether a part is to be made and nobody makes it.
func (m *partModel) idle() bool {
	return m.result == "" && !m.givenUp && (m.worker == "" || m.silent >= 2)
}

// looked is what the coordinator is told.
func (m *partsModel) looked() []realmport.PartState {
	var list []realmport.PartState
	for number := range 3 {
		if p := m.parts[number]; p != nil && (p.result != "" || p.givenUp || p.idle()) {
			s := realmport.PartState{Number: number, Tries: p.tries, Reason: p.reason, GivenUp: p.givenUp, Idle: p.idle()}
			if p.result != "" {
				s.Result = []byte(p.result)
			}
			list = append(list, s)
		}
	}
	return list
}

// TestPartsModel does what comes to mind to an attempt's parts, and compares them with the rules (parts.go at the root).
func TestPartsModel(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	p := b.new(t)
	rounds := 0
	later := func() { b.later(t, 2*stale/3+time.Second) } // two of these are too long
	rapid.Check(t, func(t *rapid.T) {
		rounds++
		attempt := fmt.Sprint("attempt ", rounds)
		m := &partsModel{parts: map[int]*partModel{}}
		if err := p.Begin(ctx, attempt, []byte("plan")); err != nil {
			t.Fatal(err)
		}
		want := func(t *rapid.T, err error, code realmport.Code) {
			t.Helper()
			if got := realmport.ErrorCode(err); got != code {
				t.Fatalf("got %v with code %q, want %q", err, got, code)
			}
		}
		number := func(t *rapid.T) int { return rapid.IntRange(0, 2).Draw(t, "number") }
		// draw returns a part, nil if there is none, and somebody, most often whose it is.
		draw := func(t *rapid.T) (int, *partModel, string) {
			n, worker := number(t), rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "worker, or its own")
			if worker == "" {
				worker = "d"
				if m.parts[n] != nil && m.parts[n].worker != "" {
					worker = m.parts[n].worker
				}
			}
			return n, m.parts[n], worker
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				n := number(t)
				err := p.Add(ctx, attempt, n, fmt.Append(nil, "spec ", n))
				if m.ended {
					want(t, err, realmport.NotFound)
					return
				}
				want(t, err, "")
				if m.parts[n] == nil {
					m.parts[n] = &partModel{}
				}
			},
			"claim": func(t *rapid.T) {
				n, part, worker := draw(t)
				spec, ok, err := p.Claim(ctx, attempt, n, worker, stale)
				want(t, err, "")
				may := part != nil && (part.idle() || part.worker == worker && part.result == "")
				if ok != may || ok && string(spec) != fmt.Sprint("spec ", n) {
					t.Fatalf("claim of %d by %s: got %q, %v, want %v", n, worker, spec, ok, may)
				}
				if !may {
					return
				}
				if part.worker != "" {
					part.reason = ""
				}
				part.worker, part.silent = worker, 0
				part.tries++
			},
			"beat": func(t *rapid.T) {
				n, part, worker := draw(t)
				err := p.Beat(ctx, attempt, n, worker)
				if part == nil || part.worker != worker {
					want(t, err, realmport.Conflict)
					return
				}
				want(t, err, "")
				part.silent = 0
			},
			"finish": func(t *rapid.T) {
				n, part, worker := draw(t)
				err := p.Finish(ctx, attempt, n, worker, []byte("by "+worker))
				if part == nil || part.worker != worker {
					want(t, err, realmport.Conflict)
					return
				}
				want(t, err, "")
				part.result, part.reason = "by "+worker, ""
			},
			"give back": func(t *rapid.T) {
				n, part, worker := draw(t)
				reason := rapid.SampledFrom([]string{"", "no room"}).Draw(t, "reason")
				uncounted, final := rapid.Bool().Draw(t, "uncounted"), rapid.Bool().Draw(t, "final")
				want(t, p.GiveBack(ctx, attempt, n, worker, reason, uncounted, final), "")
				if part == nil || part.worker != worker || part.result != "" {
					return
				}
				part.worker, part.reason, part.givenUp = "", reason, final
				if uncounted {
					part.tries--
				}
			},
			"drop": func(t *rapid.T) {
				n := number(t)
				want(t, p.Drop(ctx, attempt, n), "")
				delete(m.parts, n)
			},
			"time": func(*rapid.T) {
				later()
				m.silent++
				for _, part := range m.parts {
					part.silent++
				}
			},
			"end": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "not yet") == 0 {
					want(t, p.End(ctx, attempt), "")
					m.ended, m.parts = true, map[int]*partModel{}
				}
			},
			"plan": func(t *rapid.T) {
				_, err := p.Plan(ctx, attempt, stale)
				if m.ended || m.silent >= 2 {
					want(t, err, realmport.NotFound)
				} else {
					want(t, err, "")
				}
			},
			"look": func(t *rapid.T) {
				got, err := p.Look(ctx, attempt, stale)
				if m.ended {
					want(t, err, realmport.NotFound)
					return
				}
				want(t, err, "")
				m.silent = 0
				if diff := cmp.Diff(m.looked(), got, cmpopts.EquateEmpty()); diff != "" {
					t.Fatal(diff)
				}
			},
		})
		want(t, p.End(ctx, attempt), "")
	})
}
