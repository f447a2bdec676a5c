package archive

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// program is a Builder with the bytes it should hold. Its actions are drawn at random.
type program struct {
	b     *Builder
	data  []byte
	marks []programMark
	other *Segment // something to append
}

type programMark struct {
	mark Mark
	len  int
}

// op is one action on a program, the same each time it runs.
type op func(*program) error

// drawPiece draws bytes to write: rows, noise, or a repetition of what was written, which a
// compressor would refer back to.
func drawPiece(t *rapid.T) []byte {
	seed := rapid.Uint64Range(0, 9).Draw(t, "seed")
	n := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 150_000)).Draw(t, "size")
	if rapid.Bool().Draw(t, "noise") {
		return noise(seed, n)
	}
	return text(seed, n)
}

func drawOp(t *rapid.T) op {
	switch rapid.SampledFrom([]string{"write", "write", "stored", "append", "mark", "rollback"}).Draw(t, "op") {
	case "write":
		piece := drawPiece(t)
		return func(p *program) error {
			p.data = append(p.data, piece...)
			return whole(piece)(p.b.Write(piece))
		}
	case "stored":
		piece := drawPiece(t)
		return func(p *program) error {
			p.data = append(p.data, piece...)
			return whole(piece)(p.b.WriteStored(piece))
		}
	case "append":
		return func(p *program) error {
			p.data = append(p.data, appended...)
			return p.b.Append(p.other)
		}
	case "mark":
		return func(p *program) error {
			p.marks = append(p.marks, programMark{p.b.Mark(), len(p.data)})
			return nil
		}
	default:
		back := rapid.IntRange(0, 3).Draw(t, "back")
		return func(p *program) error { return p.rollback(back) }
	}
}

const appended = "what another builder made, made, made"

func whole(p []byte) func(int, error) error {
	return func(n int, err error) error {
		if err == nil && n != len(p) {
			err = fmt.Errorf("wrote %d of %d bytes", n, len(p))
		}
		return err
	}
}

// rollback returns to the mark that is so many before the latest.
func (p *program) rollback(back int) error {
	i := len(p.marks) - 1 - back
	if i < 0 {
		return nil
	}
	m := p.marks[i]
	p.marks, p.data = p.marks[:i+1], p.data[:m.len:m.len]
	return p.b.Rollback(m.mark)
}

// run runs the actions on a new Builder of the pool.
func run(pool *Pool, ops []op) (*Segment, []byte, error) {
	other := pool.Builder()
	if _, err := other.Write([]byte(appended)); err != nil {
		return nil, nil, err
	}
	s, err := other.Finish()
	if err != nil {
		return nil, nil, err
	}
	defer release(s)
	p := &program{b: pool.Builder(), other: s}
	for _, op := range ops {
		if err := op(p); err != nil {
			return nil, nil, err
		}
		if got, want := p.b.Len(), int64(len(p.data)); got != want {
			return nil, nil, fmt.Errorf("Builder.Len: got %d, want %d", got, want)
		}
	}
	built, err := p.b.Finish()
	return built, p.data, err
}

// checkBuilder says that Segments of any actions hold what they should, alone and joined,
// and that spilling or a used pool does not change a byte.
func checkBuilder(t *rapid.T) {
	level := rapid.IntRange(0, 9).Draw(t, "level")
	memory := rapid.SampledFrom([]int{0, 1, 1000, 65536, 100_000, 200_000}).Draw(t, "memory")
	pool := mustPool(t, level, memory)
	var joined content
	var blocks, data []byte
	for range rapid.IntRange(1, 4).Draw(t, "segments") {
		ops := make([]op, rapid.IntRange(0, 8).Draw(t, "ops"))
		for i := range ops {
			ops[i] = drawOp(t)
		}
		s, want, err := run(pool, ops)
		if err != nil {
			t.Fatalf("spilling builder: %v", err)
		}
		defer release(s)
		if err := checkSegment(s, want); err != nil {
			t.Fatalf("segment: %v", err)
		}
		fresh, _, err := run(mustPool(t, level, 1<<30), ops)
		if err != nil {
			t.Fatalf("builder in memory: %v", err)
		}
		defer release(fresh)
		got, err := compressed(s)
		if err != nil {
			t.Fatalf("WriteTo: %v", err)
		}
		if want, err := compressed(fresh); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("got %d bytes, want the same %d as in memory and of a new pool (err %v)", len(got), len(want), err)
		}
		joined, blocks, data = joined.join(s.content), append(blocks, got...), append(data, want...)
	}
	got, err := inflate(blocks)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("joined segments inflate to %d bytes, err %v; want the %d written", len(got), err, len(data))
	}
	if want := crcOf(data); joined != want {
		t.Errorf("joined content: got %+v, want %+v", joined, want)
	}
}

// release is for tests that have no Cleanup; others test the error.
func release(s *Segment) { _ = s.Release() }

func crcOf(data []byte) content {
	b := Builder{}
	b.count(data)
	return b.content
}

func mustPool(t *rapid.T, level, memory int) *Pool {
	p, err := NewPool(level, "", memory)
	if err != nil {
		t.Fatalf("NewPool: %v", err)
	}
	return p
}

func TestBuilder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, checkBuilder)
}

func FuzzBuilder(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(noise(seed, 4096))
	}
	f.Fuzz(rapid.MakeFuzz(checkBuilder))
}

// However a caller cuts what it writes, and whatever the compressor did before.
func TestBuilderDeterministic(t *testing.T) {
	t.Parallel()
	data := append(text(1, 300_000), noise(2, 100_000)...)
	for level := range 10 {
		t.Run(fmt.Sprint("level ", level), func(t *testing.T) {
			t.Parallel()
			want, err := compressed(segment(t, newPool(t, level, 1<<30), data))
			if err != nil {
				t.Fatal(err)
			}
			pool := newPool(t, level, 0)
			for _, cut := range []int{1 << 30, 65536, 65535, 4099, 100} {
				// The same rows at other places are what stale tables would find.
				segment(t, pool, append([]byte("shift"), data[cut%7777:]...))
				b := pool.Builder()
				for rest := data; len(rest) > 0; rest = rest[min(cut, len(rest)):] {
					if _, err := b.Write(rest[:min(cut, len(rest))]); err != nil {
						t.Fatalf("Write: %v", err)
					}
				}
				got, err := compressed(finish(t, b))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("written by %d: got %d bytes, err %v; want the same %d", cut, len(got), err, len(want))
				}
			}
		})
	}
}

func TestBuilderConcurrent(t *testing.T) {
	t.Parallel()
	pool := newPool(t, 1, 100_000)
	var wg sync.WaitGroup
	for i := range uint64(8) {
		wg.Go(func() {
			data := append(text(i, 500_000), noise(i, 300_000)...)
			s := segment(t, pool, data)
			wg.Go(func() { // a Segment may be read twice at once
				if err := checkSegment(s, data); err != nil {
					t.Errorf("segment %d: %v", i, err)
				}
			})
			if err := checkSegment(s, data); err != nil {
				t.Errorf("segment %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func TestBuilderEmpty(t *testing.T) {
	t.Parallel()
	b := newPool(t, 5, 0).Builder()
	if _, err := b.Write(nil); err != nil {
		t.Errorf("Write of nothing: %v", err)
	}
	s := finish(t, b)
	if s.Size() != 0 || s.Len() != 0 || s.CRC() != 0 {
		t.Errorf("got size %d, length %d, CRC %08x, want zeros", s.Size(), s.Len(), s.CRC())
	}
}

func TestBuilderEnded(t *testing.T) {
	t.Parallel()
	b := newPool(t, 5, 0).Builder()
	s := segment(t, b.pool, []byte("x"))
	finish(t, b)
	b.Discard()
	for name, call := range map[string]func() error{
		"Write":       func() error { _, err := b.Write([]byte("x")); return err },
		"WriteStored": func() error { _, err := b.WriteStored([]byte("x")); return err },
		"Append":      func() error { return b.Append(s) },
		"Rollback":    func() error { return b.Rollback(b.Mark()) },
		"Finish":      func() error { _, err := b.Finish(); return err },
	} {
		if got := call(); !errors.Is(got, errEnded) {
			t.Errorf("%s after Finish: got %v, want %v", name, got, errEnded)
		}
	}
}

func TestRollbackInvalid(t *testing.T) {
	t.Parallel()
	b := newPool(t, 5, 1<<20).Builder()
	defer b.Discard()
	early := b.Mark()
	if _, err := b.Write([]byte("x")); err != nil {
		t.Fatalf("Write: %v", err)
	}
	late := b.Mark()
	if err := b.Rollback(early); err != nil {
		t.Fatalf("Rollback: %v", err)
	}
	if err := b.Rollback(late); !errors.Is(err, errMark) {
		t.Errorf("Rollback to a later mark: got %v, want %v", err, errMark)
	}
}

func TestPoolLevel(t *testing.T) {
	t.Parallel()
	for _, level := range []int{-1, 10} {
		if _, err := NewPool(level, "", 0); err == nil {
			t.Errorf("NewPool(%d): got no error, want one", level)
		}
	}
}
