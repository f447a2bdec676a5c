package archive

import (
	"hash/crc32"
	"testing"

	"pgregory.net/rapid"
)

func TestCombineCRC(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOf(rapid.Byte()).Draw(t, "a")
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "b")
		got := CombineCRC(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), int64(len(b)))
		if want := crc32.ChecksumIEEE(append(a, b...)); got != want {
			t.Errorf("CombineCRC: got %08x, want %08x", got, want)
		}
	})
}

// Lengths beyond what a test can hash must still add up.
func TestCombineCRCAssociative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) content {
			return content{
				crc: rapid.Uint32().Draw(t, name+" crc"),
				len: rapid.Int64Range(0, 1<<61).Draw(t, name+" len"),
			}
		}
		a, b, c := draw("a"), draw("b"), draw("c")
		if got, want := a.join(b).join(c), a.join(b.join(c)); got != want {
			t.Errorf("(a b) c: got %+v, want a (b c) = %+v", got, want)
		}
	})
}

func TestCombineCRCLong(t *testing.T) {
	t.Parallel()
	const size = 1 << 28
	zeros := make([]byte, 1<<20)
	crc := crc32.ChecksumIEEE([]byte("realm"))
	want := crc
	var tail uint32
	for range size / len(zeros) {
		want = crc32.Update(want, crc32.IEEETable, zeros)
		tail = crc32.Update(tail, crc32.IEEETable, zeros)
	}
	if got := CombineCRC(crc, tail, size); got != want {
		t.Errorf("CombineCRC over 256 MiB: got %08x, want %08x", got, want)
	}
}
