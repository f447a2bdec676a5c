package idset_test

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/realmport/realmport/internal/idset"
)

// ids are close together, far apart, or at the edges of the range.
var ids = rapid.OneOf(rapid.Int64Range(0, 50), rapid.Int64Range(65530, 65540), rapid.Int64Range(1<<32-5, 1<<32+5),
	rapid.Int64Range(0, math.MaxInt64), rapid.Just(int64(math.MaxInt64)))

// model is what a set must be like.
type model = map[int64]bool

func sorted(m model) []int64 { return slices.Sorted(maps.Keys(m)) }

func check(t *rapid.T, what string, got *idset.Set, want model) {
	t.Helper()
	if ids := got.Slice(); !slices.Equal(ids, sorted(want)) { // Diff alone is slow
		t.Fatalf("%s (-want +got):\n%s", what, cmp.Diff(sorted(want), ids))
	}
	if got.Len() != len(want) {
		t.Fatalf("%s: got length %d, want %d", what, got.Len(), len(want))
	}
}

// draw makes a set and its model.
func draw(t *rapid.T, label string) (*idset.Set, model) {
	list := rapid.SliceOf(ids).Draw(t, label)
	m := model{}
	for _, id := range list {
		m[id] = true
	}
	return idset.New(list...), m
}

func TestSetIsLikeAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, m := draw(t, "set")
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				id := ids.Draw(t, "id")
				s.Add(id)
				m[id] = true
			},
			"add all": func(t *rapid.T) {
				other, model := draw(t, "other")
				s.AddAll(other)
				maps.Copy(m, model)
				other.Add(12345) // the sets stay apart
				check(t, "other", other, with(model, 12345))
			},
			"remove": func(t *rapid.T) {
				other, model := draw(t, "other")
				s.Remove(other)
				maps.DeleteFunc(m, func(id int64, _ bool) bool { return model[id] })
				check(t, "other", other, model)
			},
			"itself": func(*rapid.T) { s.AddAll(s) },
			"": func(t *rapid.T) {
				check(t, "set", s, m)
				if id := ids.Draw(t, "asked"); s.Has(id) != m[id] {
					t.Fatalf("Has(%d) = %v, want %v", id, s.Has(id), m[id])
				}
			},
		})
		s.Remove(s)
		check(t, "set without itself", s, nil)
	})
}

// with returns a copy of m with one id more.
func with(m model, id int64) model {
	m = maps.Clone(m)
	m[id] = true
	return m
}

func TestAlgebra(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, ma := draw(t, "a")
		b, mb := draw(t, "b")
		c, mc := draw(t, "c")
		union, minus, both := model{}, model{}, model{}
		for _, m := range []model{ma, mb, mc} {
			maps.Copy(union, m)
		}
		for id := range ma {
			if mb[id] {
				both[id] = true
			} else {
				minus[id] = true
			}
		}
		results := map[string]struct {
			set   *idset.Set
			model model
		}{
			"union": {idset.Union(a, b, c), union}, "minus": {idset.Minus(a, b), minus}, "intersect": {idset.Intersect(a, b), both},
			"union of one": {idset.Union(a), ma}, "union of none": {idset.Union(), model{}},
		}
		for name, r := range results {
			check(t, name, r.set, r.model)
			for id := range int64(60) { // results are the caller's own
				r.set.Add(id)
			}
		}
		check(t, "a", a, ma)
		check(t, "b", b, mb)
		check(t, "c", c, mc)
	})
}

func TestBatches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, m := draw(t, "set")
		n := rapid.IntRange(1, 10).Draw(t, "n")
		var batches [][]int64
		for batch := range s.Batches(n) {
			batches = append(batches, batch)
		}
		want := slices.Collect(slices.Chunk(sorted(m), n))
		if diff := cmp.Diff(want, batches, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("batches of %d (-want +got):\n%s", n, diff)
		}
	})
}

func TestBatchesStops(t *testing.T) {
	t.Parallel()
	for batch := range idset.New(1, 2, 3).Batches(2) {
		if diff := cmp.Diff([]int64{1, 2}, batch); diff != "" {
			t.Errorf("batch (-want +got):\n%s", diff)
		}
		break
	}
}

func TestBatchTakesNoMoreThanTheSet(t *testing.T) {
	t.Parallel()
	for batch := range idset.New(1, 2, 3).Batches(1 << 40) {
		if cap(batch) > 3 {
			t.Errorf("got room for %d ids, want 3", cap(batch))
		}
	}
}
