package idset_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/realmport/realmport/internal/idset"
)

func TestDenseIsTheSet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOf(rapid.Int64Range(0, 1<<25)).Draw(t, "ids")
		set := idset.New(ids...)
		dense := set.Dense()
		for _, id := range append(ids, rapid.SliceOf(rapid.Int64Range(0, 1<<26)).Draw(t, "others")...) {
			if got, want := dense.Has(id), set.Has(id); got != want {
				t.Fatalf("Has(%d) of %v: got %t, want %t", id, ids, got, want)
			}
		}
	})
}
