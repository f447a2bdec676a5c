package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/realmport/realmport"
)

// ArchivesPlace is a place of archives that a test may look behind.
type ArchivesPlace struct {
	realmport.Archives
	// Left lists all that is there, finished or not.
	Left func(t *testing.T) []string
	// Large is how many bytes make an archive that is not written by a single request, where that is a difference; 0 is a few.
	Large int
}

// TestArchives tests a place that setup makes anew for each call.
func TestArchives(t *testing.T, setup func(t *testing.T) ArchivesPlace) {
	t.Helper()
	t.Run("life", func(t *testing.T) { t.Parallel(); testLife(t, setup(t)) })
	t.Run("sizes", func(t *testing.T) { t.Parallel(); testSizes(t, setup(t)) })
	t.Run("abort", func(t *testing.T) { t.Parallel(); testAbort(t, setup(t)) })
	t.Run("remove what is unfinished", func(t *testing.T) { t.Parallel(); testUnfinished(t, setup(t)) })
	t.Run("names", func(t *testing.T) { t.Parallel(); testArchiveNames(t, setup(t)) })
	t.Run("seek", func(t *testing.T) { t.Parallel(); testSeek(t, setup(t)) })
	t.Run("side by side", func(t *testing.T) { t.Parallel(); testSideBySide(t, setup(t)) })
}

const archiveName = "exports/2/secret/zulip-export-abc.tar.gz"

func begin(t *testing.T, a realmport.Archives, name string, content []byte) realmport.Output {
	t.Helper()
	out, err := a.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	// In pieces that fit nothing.
	for rest := content; len(rest) > 0; {
		n, err := out.Write(rest[:min(len(rest), 100_003)])
		if err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	return out
}

// Store stores an archive.
func Store(t *testing.T, a realmport.Archives, name string, content []byte) {
	t.Helper()
	if err := begin(t, a, name, content).Commit(); err != nil {
		t.Fatal(err)
	}
}

func isAbsent(t *testing.T, a realmport.Archives, name string) {
	t.Helper()
	if f, err := a.Open(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open %q: got %v, %v, want that there is none", name, f, err)
	}
}

func isEmpty(t *testing.T, place ArchivesPlace) {
	t.Helper()
	if left := place.Left(t); len(left) > 0 {
		t.Errorf("got %q, want nothing left", left)
	}
}

// Holds makes sure that an archive has that content.
func Holds(t *testing.T, a realmport.Archives, name string, want []byte) {
	t.Helper()
	f, err := a.Open(t.Context(), name)
	if err != nil {
		t.Errorf("open %q: %v", name, err)
		return
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if err != nil || f.Size != int64(len(want)) || f.Modified.IsZero() {
		t.Errorf("read %q: got error %v, size %d, modified %v, want size %d", name, err, f.Size, f.Modified, len(want))
	}
	same(t, name, got, want)
}

func testLife(t *testing.T, place ArchivesPlace) {
	isAbsent(t, place, archiveName)
	out := begin(t, place, archiveName, []byte("content"))
	isAbsent(t, place, archiveName)
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := out.Abort(); err != nil { // does nothing
		t.Error(err)
	}
	Holds(t, place, archiveName, []byte("content"))
	// Its neighbour stays.
	const other = "exports/2/other/zulip-export-def.tar.gz"
	neighbour := begin(t, place, other, []byte("more"))
	for range 2 { // a second time there is nothing to remove
		if err := place.Remove(t.Context(), archiveName); err != nil {
			t.Fatal(err)
		}
	}
	isAbsent(t, place, archiveName)
	if err := neighbour.Commit(); err != nil {
		t.Fatal(err)
	}
	Holds(t, place, other, []byte("more"))
	if err := place.Remove(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	isEmpty(t, place)
}

func testSizes(t *testing.T, place ArchivesPlace) {
	for i, n := range []int{0, 1, place.Large - 1, place.Large, place.Large + 1, 2*place.Large + 12345} {
		if n < 0 {
			continue
		}
		content := Bytes(uint64(i), n)
		name := "sizes/" + string(rune('a'+i))
		Store(t, place, name, content)
		Holds(t, place, name, content)
	}
}

func testAbort(t *testing.T, place ArchivesPlace) {
	for _, n := range []int{0, 4, 2*place.Large + 4} {
		out := begin(t, place, archiveName, Bytes(1, n))
		for range 2 {
			if err := out.Abort(); err != nil {
				t.Error(err)
			}
		}
		isAbsent(t, place, archiveName)
		if _, err := out.Write([]byte("x")); err == nil {
			t.Error("write after abort: got no error")
		}
		if err := out.Commit(); err == nil {
			t.Error("commit after abort: got no error")
		}
		isAbsent(t, place, archiveName)
		if err := place.Remove(t.Context(), archiveName); err != nil {
			t.Error(err)
		}
		isEmpty(t, place)
	}
	// Also when that on whose behalf it was written has ended.
	ctx, cancel := context.WithCancel(t.Context())
	out, err := place.Create(ctx, archiveName)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write(Bytes(1, 2*place.Large+4)); err != nil {
		t.Error(err)
	}
	cancel()
	if err := out.Abort(); err != nil {
		t.Error(err)
	}
	if err := place.Remove(t.Context(), archiveName); err != nil {
		t.Error(err)
	}
	isEmpty(t, place)
}

func testUnfinished(t *testing.T, place ArchivesPlace) {
	out := begin(t, place, archiveName, Bytes(1, 2*place.Large+4))
	for range 2 {
		if err := place.Remove(t.Context(), archiveName); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Commit(); err == nil {
		t.Error("committed after it was removed: got no error")
	}
	isAbsent(t, place, archiveName)
	_ = out.Abort() // which may find nothing
	isEmpty(t, place)
}

func testArchiveNames(t *testing.T, place ArchivesPlace) {
	for _, name := range []string{"", ".", "..", "../x", "/x", "a/../../x", "a//x", "a/", "a/.hidden", ".x.partial", "a\x00b"} {
		if f, err := place.Open(t.Context(), name); err == nil {
			f.Close()
			t.Errorf("open %q: got no error", name)
		}
		if out, err := place.Create(t.Context(), name); err == nil {
			_ = out.Abort()
			t.Errorf("create %q: got no error", name)
		}
		_ = place.Remove(t.Context(), name)
	}
	for _, name := range oddNames {
		if name[0] == '.' {
			continue
		}
		Store(t, place, "odd/"+name, []byte(name))
		Holds(t, place, "odd/"+name, []byte(name))
		if err := place.Remove(t.Context(), "odd/"+name); err != nil {
			t.Error(err)
		}
	}
	isEmpty(t, place)
}

func testSeek(t *testing.T, place ArchivesPlace) {
	content := Bytes(3, 300_000)
	Store(t, place, archiveName, content)
	f, err := place.Open(t.Context(), archiveName)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, tt := range []struct {
		offset int64
		whence int
		want   int64
	}{
		{0, io.SeekEnd, 300_000},
		{0, io.SeekStart, 0},
		{200_000, io.SeekStart, 200_000},
		{-100, io.SeekCurrent, 199_910},
		{-5, io.SeekEnd, 299_995},
		{1, io.SeekStart, 1},
		{1, io.SeekStart, 1},
	} {
		at, err := f.Seek(tt.offset, tt.whence)
		if at != tt.want || err != nil {
			t.Errorf("seek %d from %d: got %d, %v, want %d", tt.offset, tt.whence, at, err, tt.want)
		}
		want := content[tt.want:min(len(content), int(tt.want)+10)]
		got := make([]byte, len(want))
		if _, err := io.ReadFull(f, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("read at %d: got %x, %v, want %x", tt.want, got, err, want)
		}
	}
	if _, err := f.Seek(-1, io.SeekStart); err == nil {
		t.Error("seek before the start: got no error")
	}
	if _, err := f.Seek(10, io.SeekEnd); err != nil {
		t.Error(err)
	}
	if n, err := f.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read after the end: got %d, %v, want EOF", n, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Error(err)
	}
	got, err := io.ReadAll(f)
	if err != nil {
		t.Error(err)
	}
	same(t, "all of it again", got, content)
}

// testSideBySide makes and removes archives of one organization at the same time, beside others that stay: folders that come and go
// are no matter of all places.
func testSideBySide(t *testing.T, place ArchivesPlace) {
	var wait sync.WaitGroup
	for _, secret := range []string{"a", "b", "c", "d"} {
		keep := "exports/2/" + secret + "/keep"
		Store(t, place, keep, nil)
		wait.Go(func() {
			for range 10 {
				name := "exports/2/" + secret + "/x.tar.gz"
				out, err := place.Create(context.Background(), name)
				if err == nil {
					err = errors.Join(out.Commit(), place.Remove(context.Background(), name))
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	for _, secret := range []string{"a", "b", "c", "d"} {
		keep := "exports/2/" + secret + "/keep"
		Holds(t, place, keep, nil)
		if err := place.Remove(t.Context(), keep); err != nil {
			t.Error(err)
		}
	}
	isEmpty(t, place)
}

// age is far more than a test takes.
const age = time.Hour
