package archive

import (
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// require ends a test that needs a program that is not there: it skips the test, or
// fails it where REALMPORT_TEST_REQUIRE is "all".
func require(t *testing.T, program string) {
	t.Helper()
	_, err := exec.LookPath(program)
	switch {
	case err == nil:
	case os.Getenv("REALMPORT_TEST_REQUIRE") == "all":
		t.Fatalf("%s is required: %v", program, err)
	default:
		t.Skipf("%s is missing: %v", program, err)
	}
}

func newPool(tb testing.TB, level, memory int) *Pool {
	tb.Helper()
	p, err := NewPool(level, tb.TempDir(), memory)
	if err != nil {
		tb.Fatalf("NewPool: %v", err)
	}
	return p
}

// finish ends b and releases its Segment at the end of the test.
func finish(tb testing.TB, b *Builder) *Segment {
	tb.Helper()
	s, err := b.Finish()
	if err != nil {
		tb.Fatalf("Finish: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Release(); err != nil {
			tb.Errorf("Release: %v", err)
		}
	})
	return s
}

// segment compresses data alone.
func segment(tb testing.TB, p *Pool, data []byte) *Segment {
	tb.Helper()
	b := p.Builder()
	if _, err := b.Write(data); err != nil {
		tb.Fatalf("Write: %v", err)
	}
	return finish(tb, b)
}

// compressed returns the bytes of s.
func compressed(s *Segment) ([]byte, error) {
	var buf bytes.Buffer
	n, err := s.WriteTo(&buf)
	if err == nil && (n != s.Size() || n != int64(buf.Len())) {
		err = fmt.Errorf("WriteTo said %d and wrote %d bytes, Size says %d", n, buf.Len(), s.Size())
	}
	return buf.Bytes(), err
}

// inflate returns what deflate blocks hold, none of which may be final.
func inflate(blocks []byte) ([]byte, error) {
	r := flate.NewReader(io.MultiReader(bytes.NewReader(blocks), strings.NewReader("\x03\x00")))
	return io.ReadAll(r)
}

// checkSegment tells how s, alone, differs from a Segment of data.
func checkSegment(s *Segment, data []byte) error {
	blocks, err := compressed(s)
	if err != nil {
		return err
	}
	got, err := inflate(blocks)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("segment inflates to %d bytes that differ from the %d written", len(got), len(data))
	}
	if got, want := s.Len(), int64(len(data)); got != want {
		return fmt.Errorf("Len: got %d, want %d", got, want)
	}
	if got, want := s.CRC(), crc32.ChecksumIEEE(data); got != want {
		return fmt.Errorf("CRC: got %08x, want %08x", got, want)
	}
	return nil
}

// text returns n bytes that compress about as well as rows do.
func text(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	var buf []byte
	for id := rng.IntN(1 << 20); len(buf) < n; id++ {
		buf = fmt.Appendf(buf, `{"id":%d,"user_profile":%d,"message":%d,"flags_mask":%d},`+"\n",
			id, rng.IntN(500), id/3, rng.IntN(3))
	}
	return buf[:n]
}

// noise returns n bytes that do not compress.
func noise(seed uint64, n int) []byte {
	key := [32]byte{byte(seed), byte(seed >> 8)}
	buf := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(buf) // it never fails
	return buf
}
