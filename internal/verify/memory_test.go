package verify

import (
	"bytes"
	"context"
	"runtime"
	"testing"
)

// sampling is a context that measures the heap when it is asked, now and then.
type sampling struct {
	context.Context
	calls int
	peak  uint64
}

func (s *sampling) Err() error {
	if s.calls++; s.calls%200 == 0 {
		s.peak = max(s.peak, liveHeap())
	}
	return nil
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// An archive of ten times the size must not take more memory, but for the ids themselves.
// Not parallel: it measures the whole process.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	need := func(files int) int64 {
		f := minimal()
		size := history(f, files, 10)
		data := f.build(t)
		f = nil
		ctx := &sampling{Context: context.Background()}
		before := liveHeap()
		report, err := Verify(ctx, bytes.NewReader(data), int64(len(data)), Options{})
		if err != nil || !report.Clean() {
			t.Fatal(err, lines(report))
		}
		if ctx.peak == 0 {
			t.Fatal("the heap was not measured")
		}
		t.Logf("%d bytes of JSON: %d bytes of heap", size, int64(ctx.peak)-int64(before))
		return int64(ctx.peak) - int64(before)
	}
	small, large := need(2), need(20)
	const allowed = 512 << 10
	if large > small+allowed {
		t.Errorf("got %d bytes of heap for ten times the archive, and %d for one: want at most %d more", large, small, allowed)
	}
}

// Ids strewn so that no compression helps are given up, and it is said so.
func TestSetsAreGivenUp(t *testing.T) {
	t.Parallel()
	b := &budget{max: 4 << 20}
	s := newSet(b)
	for i := range int64(1 << 18) {
		s.add(i << 20)
	}
	if !s.full || b.used != 0 {
		t.Errorf("got full %v with %d bytes in use, want true and 0", s.full, b.used)
	}
	if s.without(newSet(b)) != nil || !s.add(7) {
		t.Error("something is concluded from a set that was given up")
	}
	c := newCheck(10)
	c.spaces[streams].refs.full = true
	c.close()
	want := "the ids of every channel are too many, or too far apart, to be held in memory; references to them were not checked"
	if got := lines(c.report); len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
