package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// file is an entry of a test archive.
type file struct {
	Name   string
	Size   int64
	SHA256 string
}

// body is what the i-th file holds.
func (f file) body(i int) []byte {
	if i%3 == 0 {
		return noise(uint64(i), int(f.Size))
	}
	return text(uint64(i), int(f.Size))
}

// testFiles are the awkward entries, and some that are not.
func testFiles() []file {
	files := []file{
		{Name: "root/empty.json"},
		{Name: "root/block.json", Size: 512},
		{Name: "root/beyond-block.json", Size: 513},
		{Name: "root/" + strings.Repeat("l", 235), Size: 1000},
		{Name: "root/" + strings.Repeat("ünïcödé-名前-", 9) + "😀", Size: 1000},
		{Name: "root/" + strings.Repeat("folder/", 20) + "file", Size: 100},
		{Name: "root/large", Size: 3_000_000},
	}
	for i := range 20 {
		files = append(files, file{Name: fmt.Sprintf("root/uploads/%d", i), Size: int64(i * i * 400)})
	}
	for i, f := range files {
		files[i].SHA256 = fmt.Sprintf("%x", sha256.Sum256(f.body(i)))
	}
	return files
}

// build writes the files in every way there is: as files, as entries of segments in a
// part and in the joiner, compressed and stored.
func build(t *testing.T, pool *Pool, files []file) ([]byte, Sum) {
	t.Helper()
	var out bytes.Buffer
	j := NewJoiner(&out)
	root := pool.Builder()
	if err := root.File(Header{Name: "root", Modified: modified, Mode: 0o700, Dir: true}, nil, false); err != nil {
		t.Fatalf("folder: %v", err)
	}
	if err := j.Append(finish(t, root)); err != nil {
		t.Fatalf("Append: %v", err)
	}
	for i, f := range files {
		h := Header{Name: f.Name, Size: f.Size, Modified: modified, Mode: 0o600}
		body := f.body(i)
		b := pool.Builder()
		var err error
		switch i % 4 {
		case 0, 1:
			err = b.File(h, bytes.NewReader(body), i%4 == 1)
		case 2:
			err = b.Entry(h, segment(t, pool, body[:f.Size/2]), segment(t, pool, body[f.Size/2:]))
		case 3:
			err = j.Entry(h, segment(t, pool, body[:f.Size/2]), segment(t, pool, body[f.Size/2:]))
		}
		if err == nil {
			err = j.Append(finish(t, b))
		}
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
	}
	sum, err := j.Close()
	if err != nil {
		t.Fatalf("Close: %v", err)
	}
	return out.Bytes(), sum
}

// list reads a tar to its end.
func list(r io.Reader) ([]file, error) {
	var files []file
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return files, err
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		sha := sha256.New()
		if _, err := io.Copy(sha, tr); err != nil {
			return files, err
		}
		files = append(files, file{h.Name, h.Size, fmt.Sprintf("%x", sha.Sum(nil))})
	}
}

func TestJoiner(t *testing.T) {
	t.Parallel()
	files := testFiles()
	archive, sum := build(t, newPool(t, 5, 100_000), files)
	digest := sha256.Sum256(archive)
	if want := (Sum{Size: int64(len(archive)), SHA256: digest[:]}); !cmp.Equal(sum, want) {
		t.Errorf("sum: got %+v, want %+v", sum, want)
	}
	again, _ := build(t, newPool(t, 5, 0), files)
	if !bytes.Equal(again, archive) {
		t.Errorf("built again: got %d bytes, want the same %d", len(again), len(archive))
	}
	in := bytes.NewReader(archive)
	zr, err := gzip.NewReader(in)
	if err != nil {
		t.Fatalf("gzip: %v", err)
	}
	zr.Multistream(false)
	if zr.OS != 255 || !zr.ModTime.Equal(time.Time{}) {
		t.Errorf("gzip header: got system %d and time %v, want 255 and none", zr.OS, zr.ModTime)
	}
	got, err := list(zr)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	if diff := cmp.Diff(files, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if _, err := io.Copy(io.Discard, zr); err != nil {
		t.Errorf("to the end: %v", err)
	}
	if in.Len() != 0 {
		t.Errorf("got %d bytes behind the first member, want none", in.Len())
	}
}

func TestJoinerEmpty(t *testing.T) {
	t.Parallel()
	var archive bytes.Buffer
	if _, err := NewJoiner(&archive).Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	zr, err := gzip.NewReader(&archive)
	if err != nil {
		t.Fatalf("gzip: %v", err)
	}
	got, err := io.ReadAll(zr)
	if err != nil || !bytes.Equal(got, make([]byte, 1024)) {
		t.Errorf("got %d bytes, err %v; want 1024 zeros", len(got), err)
	}
}

// brokenWriter takes so many bytes.
type brokenWriter struct{ left int }

var errBroken = errors.New("broken")

func (w *brokenWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	if n < len(p) {
		return n, errBroken
	}
	return n, nil
}

// Wherever the writer breaks, everything after that says so.
func TestJoinerFault(t *testing.T) {
	t.Parallel()
	pool := newPool(t, 1, 0)
	s := segment(t, pool, text(1, 2000))
	join := func(w io.Writer) (errs []error) {
		j := NewJoiner(w)
		errs = append(errs, j.Append(s))
		errs = append(errs, j.Entry(Header{Name: "a"}, s))
		_, err := j.Close()
		return append(errs, err)
	}
	var whole bytes.Buffer
	if err := errors.Join(join(&whole)...); err != nil {
		t.Fatalf("without a fault: %v", err)
	}
	for size := range whole.Len() {
		errs := join(&brokenWriter{left: size})
		failed := false
		for i, err := range errs {
			failed = failed || err != nil
			if failed && !errors.Is(err, errBroken) {
				t.Errorf("writer of %d bytes, call %d: got %v, want %v", size, i, err, errBroken)
			}
		}
		if !failed {
			t.Errorf("writer of %d bytes: got no error, want %v", size, errBroken)
		}
	}
}

func TestJoinerMisuse(t *testing.T) {
	t.Parallel()
	s := segment(t, newPool(t, 1, 0), []byte("x"))
	j := NewJoiner(io.Discard)
	if err := j.Entry(Header{Name: "../a"}, s); err == nil {
		t.Error("Entry with a bad name: got no error, want one")
	}
	if err := j.Append(s); err != nil {
		t.Errorf("Append after a bad name: got %v, want nil", err)
	}
	if _, err := j.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := j.Append(s); !errors.Is(err, errClosed) {
		t.Errorf("Append after Close: got %v, want %v", err, errClosed)
	}
	if _, err := j.Close(); !errors.Is(err, errClosed) {
		t.Errorf("second Close: got %v, want %v", err, errClosed)
	}
}
