package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// setups are exports of all sizes by all numbers of workers.
func setups() map[string]setup {
	list := map[string]setup{}
	for _, messages := range []int{1, 999, 64_000, 1_234_567, 1e8, 1e9} {
		for _, workers := range []int{1, 3, 8, 64} {
			s := typical(messages, workers)
			list[fmt.Sprintf("%d by %d", messages, workers)] = s
			s.mostPart, s.source, s.width = 0, 1, 5
			list[fmt.Sprintf("%d by %d, narrow", messages, workers)] = s
		}
	}
	return list
}

// TestAllWorkIsDone adds up what was done, and by whom.
func TestAllWorkIsDone(t *testing.T) {
	t.Parallel()
	f := measured()
	for name, s := range setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := making{figures: f, setup: s, per: s.partMessages(), total: (s.messages + s.partMessages() - 1) / s.partMessages()}
			seconds := m.run()
			if want := float64(s.messages) * f.worker; math.Abs(m.work-want) > 1e-6*want+1e-6 {
				t.Errorf("got %v s of work, want %v", m.work, want)
			}
			if want := float64(s.messages) * f.source; math.Abs(m.sourceWork-want) > 1e-6*want+1e-6 {
				t.Errorf("got %v s of PostgreSQL's work, want %v", m.sourceWork, want)
			}
			if m.oldest != m.total || m.outstanding != 0 || len(m.waiting) != 0 || len(m.active) != 0 {
				t.Errorf("got %d of %d parts joined, %d outstanding, %d waiting, %d at work", m.oldest, m.total, m.outstanding, len(m.waiting), len(m.active))
			}
			if w, p := m.work/seconds/float64(s.workers), m.sourceWork/seconds/float64(s.source); w > 1+1e-6 || p > 1+1e-6 {
				t.Errorf("got workers busy for %v of their time, PostgreSQL for %v", w, p)
			}
			if o := simulate(f, s); o.seconds < seconds || o.snapshot < seconds {
				t.Errorf("got %v for parts that take %v s", o, seconds)
			}
		})
	}
}

// TestMoreWorkersAreNotSlower compares numbers of workers, all else being equal.
func TestMoreWorkersAreNotSlower(t *testing.T) {
	t.Parallel()
	for _, messages := range []int{1e5, 1e7, 1e9} {
		last := math.Inf(1)
		for _, workers := range []int{1, 2, 3, 4, 8, 16, 32, 64} {
			s := typical(messages, workers)
			s.width = 128
			o := simulate(measured(), s)
			if o.snapshot > last+2*lookEvery { // when a look comes is chance
				t.Errorf("%d messages by %d: got %v, want at most %v s", messages, workers, o, last)
			}
			last = o.snapshot
		}
	}
}

// TestLimitsOfTheStorage keeps the largest archives within what S3 allows, with nothing moved.
func TestLimitsOfTheStorage(t *testing.T) {
	t.Parallel()
	for name, s := range setups() {
		o := simulate(measured(), s)
		if o.uploadPieces > uploadParts {
			t.Errorf("%s: got %d pieces, want %d at most", name, o.uploadPieces, uploadParts)
		}
		if s.mostPart > 0 && s.messages >= 1e8 && o.moved > 1e9 {
			t.Errorf("%s: got %v bytes moved", name, o.moved)
		}
	}
}

// TestQueueIsWhole makes a week of exports and looks at each.
func TestQueueIsWhole(t *testing.T) {
	t.Parallel()
	f := measured()
	for name, h := range map[string]host{
		"fair":        {realms: 500, cores: 8, places: 8, fair: true, perRealm: 1, shares: true, perHost: 4, within: 600, greedy: 5, asks: 20},
		"by asking":   {realms: 500, cores: 8, places: 8, perHost: 4, within: 600, greedy: 5, asks: 20},
		"few places":  {realms: 200, cores: 64, places: 1, fair: true, perRealm: 1, perHost: 4, within: 60},
		"pauses":      {realms: 300, cores: 8, places: 4, fair: true, perRealm: 1, perHost: 4, within: 60, pause: 1.5},
		"many places": {realms: 200, cores: 2, places: 100, fair: true, shares: true, perHost: 1, within: 1e6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := h.requests(7)
			want := 0.0
			for _, q := range list {
				want += f.small + float64(q.messages)*max(f.worker, f.source)
			}
			busy := h.run(f, list)
			end := 0.0
			for _, q := range list {
				end = max(end, q.ended)
				if q.left > 1e-6 || q.begun < q.asked || q.ended <= q.begun {
					t.Fatalf("got an export asked for at %v, begun at %v, ended at %v, with %v left", q.asked, q.begun, q.ended, q.left)
				}
				all, own := 0, 0
				for _, other := range list {
					if other.begun <= q.begun && other.ended > q.begun {
						all++
						if other.realm == q.realm {
							own++
						}
					}
				}
				if all > h.places || h.perRealm > 0 && own > h.perRealm {
					t.Fatalf("got %d exports at once, %d of one organization", all, own)
				}
			}
			if busy > 1+1e-6 || math.Abs(busy*end*float64(h.cores)-want) > 1e-3*want {
				t.Errorf("got %v of the processors used for %v s, want %v s of work", busy, end, want)
			}
		})
	}
}

// TestMeasuredQueue holds the model against 209 exports of 200 organizations that were measured: one has 502,000 messages, one asks ten times. Those
// that waited asked every 3 s then.
func TestMeasuredQueue(t *testing.T) {
	t.Parallel()
	for _, m := range []struct{ pause, seconds float64 }{{0.1, 63}, {1.5, 160}} {
		h := host{realms: 200, cores: 2, places: 4, fair: true, perRealm: 1, shares: true, perHost: 2, greedy: 1, asks: 10, pause: m.pause}
		list := h.requests(1)
		for _, q := range list {
			q.messages = 2000
		}
		list[len(list)-1].messages = 502_000
		h.run(measured(), list)
		end := 0.0
		for _, q := range list {
			end = max(end, q.ended)
		}
		if end < m.seconds/2 || end > m.seconds*2 {
			t.Errorf("with pauses of %v s: got %.0f s, measured were %.0f", m.pause, end, m.seconds)
		}
	}
}

// TestMeasured holds the model against exports of 300,000 messages that were measured at compression 9, less what others took of the processors.
func TestMeasured(t *testing.T) {
	t.Parallel()
	f := measured()
	f.worker, f.archive = 180e-6, 145
	for workers, seconds := range map[int]float64{1: 55.9, 2: 30.7} {
		o := simulate(f, setup{messages: 300_000, density: 1, workers: workers, perHost: 1, source: 1, width: 32, mostFile: mostFiles, mostPart: mostParts})
		if o.seconds < seconds/1.2 || o.seconds > seconds*1.2 {
			t.Errorf("%d workers: got %v, measured were %v s", workers, o, seconds)
		}
	}
}

// TestTurns has one organization ask for many exports before all others, each of which asks for one.
func TestTurns(t *testing.T) {
	t.Parallel()
	h := host{realms: 100, cores: 4, places: 2, fair: true, perRealm: 1, shares: true, perHost: 1, greedy: 1, asks: 10}
	list := h.requests(3)
	h.run(measured(), list)
	greedy, others := 0.0, 0.0
	for _, q := range list {
		if q.realm == 0 {
			greedy = max(greedy, q.begun)
		} else {
			others = max(others, q.begun)
		}
	}
	if greedy < others {
		t.Errorf("got the last of the greedy one begun at %v, before the first of another at %v", greedy, others)
	}
}

// TestDocs wants the tables in the documentation to be those that the model makes.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := printTables(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), b.String()) {
		t.Error("the tables of docs/scale.md are not those of go run ./internal/bench/model")
	}
}
