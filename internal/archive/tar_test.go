package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var modified = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

func TestHeaderBytes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header Header
		size   int // of the header in bytes: 512 without PAX records
		want   tar.Header
	}{
		"file": {
			Header{Name: "root/realm.json", Size: 512, Modified: modified, Mode: 0o644},
			512,
			tar.Header{Typeflag: tar.TypeReg, Name: "root/realm.json", Size: 512, ModTime: modified, Mode: 0o644},
		},
		"folder": {
			Header{Name: "root", Modified: modified, Mode: 0o700, Dir: true},
			512,
			tar.Header{Typeflag: tar.TypeDir, Name: "root/", ModTime: modified, Mode: 0o700},
		},
		"part of a second": {
			Header{Name: "a", Modified: modified.Add(999 * time.Millisecond)},
			512,
			tar.Header{Typeflag: tar.TypeReg, Name: "a", ModTime: modified},
		},
		"part of a second before 1970": {
			Header{Name: "a", Modified: time.Unix(-10, 5e8)},
			1536,
			tar.Header{Typeflag: tar.TypeReg, Name: "a", ModTime: time.Unix(-10, 0)},
		},
		"no time": {
			Header{Name: "a"},
			512,
			tar.Header{Typeflag: tar.TypeReg, Name: "a", ModTime: time.Unix(0, 0)},
		},
		"8 GiB less a byte": {
			Header{Name: "a", Size: 8<<30 - 1, Modified: modified},
			512,
			tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 8<<30 - 1, ModTime: modified},
		},
		"9 TiB": {
			Header{Name: "a", Size: 9 << 40, Modified: modified},
			1536,
			tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 9 << 40, ModTime: modified},
		},
		"not ASCII": {
			Header{Name: "root/прив\tет 😀", Modified: modified},
			1536,
			tar.Header{Typeflag: tar.TypeReg, Name: "root/прив\tет 😀", ModTime: modified},
		},
		"long": {
			Header{Name: "root/" + strings.Repeat("n", 240), Modified: modified},
			1536,
			tar.Header{Typeflag: tar.TypeReg, Name: "root/" + strings.Repeat("n", 240), ModTime: modified},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := tc.header.Bytes()
			if err != nil {
				t.Fatalf("Bytes: %v", err)
			}
			if len(b) != tc.size {
				t.Errorf("got %d bytes, want %d", len(b), tc.size)
			}
			got, err := tar.NewReader(bytes.NewReader(b)).Next()
			if err != nil {
				t.Fatalf("Next: %v", err)
			}
			got.Format, got.PAXRecords, got.AccessTime, got.ChangeTime = 0, nil, time.Time{}, time.Time{}
			if diff := cmp.Diff(tc.want, *got); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeaderRefused(t *testing.T) {
	t.Parallel()
	for _, h := range []Header{
		{Name: ""},
		{Name: "."},
		{Name: "/etc/passwd"},
		{Name: "root/../../etc"},
		{Name: "root//a"},
		{Name: "root/"},
		{Name: "root/\xff"},
		{Name: "root/\x00"},
		{Name: "root", Dir: true, Size: 1},
		{Name: "root/a", Size: -1},
	} {
		if b, err := h.Bytes(); err == nil {
			t.Errorf("%+v: got %d bytes, want an error", h, len(b))
		}
		b := newPool(t, 1, 1<<20).Builder()
		var source *SourceError
		if err := b.File(h, strings.NewReader(""), false); !errors.As(err, &source) || b.Len() != 0 {
			t.Errorf("File of %+v: got %v and length %d, want a SourceError and 0", h, err, b.Len())
		}
		b.Discard()
	}
}

func TestEntryRefused(t *testing.T) {
	t.Parallel()
	pool := newPool(t, 1, 1<<20)
	s := segment(t, pool, []byte("x"))
	b := pool.Builder()
	for _, h := range []Header{{Name: "../a"}, {Name: "a", Dir: true}} {
		if err := b.Entry(h, s); err == nil || b.Len() != 0 {
			t.Errorf("Entry of %+v: got error %v and length %d, want an error and 0", h, err, b.Len())
		}
	}
	if err := b.Entry(Header{Name: "a"}, s); err != nil {
		t.Errorf("Entry after that: got %v, want nil", err)
	}
	finish(t, b)
}

// A body that is not what its header says leaves no trace, byte for byte.
func TestFileSourceError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	body := func() io.Reader { return bytes.NewReader(text(1, 200_000)) }
	for name, tc := range map[string]struct {
		r    func() io.Reader
		want error
	}{
		"short":             {func() io.Reader { return io.LimitReader(body(), 199_999) }, io.ErrUnexpectedEOF},
		"short by a buffer": {func() io.Reader { return io.LimitReader(body(), maxStored) }, io.ErrUnexpectedEOF},
		"none":              {func() io.Reader { return nil }, io.ErrUnexpectedEOF},
		"empty":             {func() io.Reader { return strings.NewReader("") }, io.ErrUnexpectedEOF},
		"long":              {func() io.Reader { return io.MultiReader(body(), strings.NewReader("x")) }, errLonger},
		"broken": {func() io.Reader {
			return io.MultiReader(io.LimitReader(body(), 70_000), iotest.ErrReader(broken))
		}, broken},
		"broken at the end": {func() io.Reader { return io.MultiReader(body(), iotest.ErrReader(broken)) }, broken},
	} {
		for _, stored := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/stored=%t", name, stored), func(t *testing.T) {
				t.Parallel()
				pool := newPool(t, 5, 1000)
				build := func(between func(*Builder)) []byte {
					b := pool.Builder()
					addFile(t, b, "before", text(2, 5000))
					between(b)
					addFile(t, b, "after", text(2, 5000))
					blocks, err := compressed(finish(t, b))
					if err != nil {
						t.Fatal(err)
					}
					return blocks
				}
				want := build(func(b *Builder) { b.Mark() })
				got := build(func(b *Builder) {
					err := b.File(Header{Name: "a", Size: 200_000}, tc.r(), stored)
					var source *SourceError
					if !errors.As(err, &source) || source.Name != "a" || !errors.Is(err, tc.want) {
						t.Errorf("File: got %v, want a SourceError of %v", err, tc.want)
					}
				})
				if !bytes.Equal(got, want) {
					t.Errorf("got %d bytes, want the same %d as without the file", len(got), len(want))
				}
			})
		}
	}
}

func addFile(t *testing.T, b *Builder, name string, body []byte) {
	t.Helper()
	h := Header{Name: name, Size: int64(len(body)), Modified: modified, Mode: 0o644}
	if err := b.File(h, iotest.HalfReader(bytes.NewReader(body)), false); err != nil {
		t.Fatalf("File %s: %v", name, err)
	}
}

// What an entry looks like in the tar does not depend on how it was added.
func TestEntryEqualsFile(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 511, 512, 513, 100_000} {
		pool := newPool(t, 5, 1000)
		body := text(3, size)
		whole, pieces := pool.Builder(), pool.Builder()
		addFile(t, whole, "root/a", body)
		h := Header{Name: "root/a", Size: 12345, Modified: modified, Mode: 0o644}
		if err := pieces.Entry(h, segment(t, pool, body[:size/3]), segment(t, pool, body[size/3:])); err != nil {
			t.Fatalf("Entry: %v", err)
		}
		blocks, err := compressed(finish(t, whole))
		if err != nil {
			t.Fatal(err)
		}
		want, err := inflate(blocks)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkSegment(finish(t, pieces), want); err != nil {
			t.Errorf("entry of %d bytes: %v", size, err)
		}
	}
}
