package export

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/realmport/realmport/internal/idset"
)

func numbered(n int, fail int, running *atomic.Int64, most *atomic.Int64) iter.Seq[task[int]] {
	return func(yield func(task[int]) bool) {
		for i := range n {
			if !yield(func(context.Context) (int, error) {
				now := running.Add(1)
				for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
				}
				defer running.Add(-1)
				if i == fail {
					return 0, errors.New("planned")
				}
				return i, nil
			}) {
				return
			}
		}
	}
}

func ignore(int) {}

// TestOrderedLosesNoResult checks that what was made is either used or discarded, whoever fails and when.
func TestOrderedLosesNoResult(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		workers, failing, last := rapid.IntRange(1, 5).Draw(rt, "workers"), rapid.IntRange(-1, 30).Draw(rt, "failing"), rapid.IntRange(0, 30).Draw(rt, "last")
		var made, got atomic.Int64
		tasks := func(yield func(task[int]) bool) {
			for i := range 30 {
				if !yield(func(context.Context) (int, error) {
					if i == failing {
						return 0, errors.New("planned")
					}
					made.Add(1)
					return i, nil
				}) {
					return
				}
			}
		}
		err := ordered(t.Context(), workers, tasks, func(i int) error {
			got.Add(1)
			if i == last {
				return errors.New("enough")
			}
			return nil
		}, func(int) { got.Add(1) })
		if made.Load() != got.Load() {
			rt.Errorf("%d results were made, and %d used or discarded; error %v", made.Load(), got.Load(), err)
		}
	})
}

func TestOrderedKeepsTheOrder(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 2, 7} {
		var running, most atomic.Int64
		var got []int
		err := ordered(t.Context(), workers, numbered(100, -1, &running, &most), func(i int) error {
			got = append(got, i)
			return nil
		}, ignore)
		if err != nil || len(got) != 100 || !slices.IsSorted(got) {
			t.Errorf("%d workers: got %v, %v", workers, got, err)
		}
		if most.Load() > int64(workers) {
			t.Errorf("%d workers: %d tasks ran at a time", workers, most.Load())
		}
	}
}

func TestOrderedEndsWithTheFirstError(t *testing.T) {
	t.Parallel()
	var running, most atomic.Int64
	err := ordered(t.Context(), 3, numbered(1000, 40, &running, &most), func(int) error { return nil }, ignore)
	if err == nil || err.Error() != "planned" {
		t.Errorf("got %v, want the task's error", err)
	}
	stop := errors.New("enough")
	n := 0
	err = ordered(t.Context(), 3, numbered(1000, -1, &running, &most), func(int) error {
		n++
		if n == 5 {
			return stop
		}
		return nil
	}, ignore)
	if !errors.Is(err, stop) || n != 5 {
		t.Errorf("got %v after %d results, want the consumer's error after 5", err, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ordered(ctx, 2, numbered(10, -1, &running, &most), func(int) error { return nil }, ignore); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before it began: got %v", err)
	}
}

func TestSpoolGivesBackWhatItTook(t *testing.T) {
	t.Parallel()
	s, err := newSpool(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	want := [][][]byte{{[]byte("a"), {}}, {{}, []byte("bc")}, {make([]byte, 1<<20), []byte("d")}}
	for _, fields := range want {
		if err := s.add(fields...); err != nil {
			t.Fatal(err)
		}
	}
	var got [][][]byte
	if err := s.read(2, func(f [][]byte) error { got = append(got, f); return nil }); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(want, got) { // of a megabyte, a difference would take minutes to find
		t.Errorf("got other bytes than were added")
	}
	if _, err := newSpool("/nowhere"); err == nil {
		t.Error("a spool in a folder that does not exist: no error")
	}
}

func TestOnlyKeepsKnownIDs(t *testing.T) {
	t.Parallel()
	set := idset.New(2, 1<<40)
	ids := slices.Concat(integer(1), integer(2), integer(3), integer(1<<40))
	if diff := cmp.Diff(slices.Concat(integer(2), integer(1<<40)), only(ids, set)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInventedIsStable(t *testing.T) {
	t.Parallel()
	a, b := seed{1}, seed{2}
	if again := (seed{1}); again.address(7) != a.address(7) || a.address(7) == a.address(8) || a.address(7) == b.address(7) {
		t.Error("addresses must depend on export and user alone")
	}
	if len(a.address(7)) != len("exported-user-")+32 {
		t.Errorf("address %q is not of the usual form", a.address(7))
	}
	if c := a.colour(7); string(c) != string(a.colour(7)) || len(c) != 7 {
		t.Errorf("colour %q", c)
	}
}

func TestMessageFilesBeyondAMillion(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{1: "messages-000001", 999_999: "messages-999999", 1_000_000: "messages-1000000"} {
		if got := (MessageFile{Number: n}).name(); got != want {
			t.Errorf("file %d: got %s, want %s", n, got, want)
		}
	}
}
