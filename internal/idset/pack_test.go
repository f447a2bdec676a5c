package idset_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/realmport/realmport/internal/idset"
)

func TestPack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := idset.New(rapid.SliceOf(rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, 1<<62))).Draw(t, "ids")...).Slice()
		got, err := idset.Unpack(idset.Pack(ids))
		if err != nil || !slices.Equal(got, ids) {
			t.Errorf("got %v, %v, want %v", got, err, ids)
		}
	})
	var many []int64
	for i := range int64(64_000) {
		many = append(many, 1<<40+i)
	}
	if got := len(idset.Pack(many)); got > 16 {
		t.Errorf("consecutive ids: got %d bytes, want a few", got)
	}
}

// FuzzUnpack checks that whatever bytes there are, they become ascending ids or an error.
func FuzzUnpack(f *testing.F) {
	f.Add(idset.Pack([]int64{1, 2, 3, 1 << 33}))
	f.Add([]byte{})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 64 {
			return
		}
		ids, err := idset.Unpack(b)
		if err != nil {
			return
		}
		if len(ids) > 0 && ids[0] < 0 || !slices.IsSorted(ids) {
			t.Errorf("got %d ids that do not ascend, from %x", len(ids), b)
		}
		if again, err := idset.Unpack(idset.Pack(ids)); err != nil || !slices.Equal(again, ids) {
			t.Errorf("packed again: got %d ids, %v, want the same %d", len(again), err, len(ids))
		}
	})
}
