package s3_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/blobtest"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

// partSize is the smallest that there is.
const partSize = 5 << 20

func stock(t *testing.T) blobtest.StockPlace {
	t.Helper()
	config, bucket := s3test.Bucket(t)
	return blobtest.StockPlace{
		Stock: s3.OpenStock(open(t, config), s3.StockConfig{Bucket: bucket, PartSize: partSize}),
		Left:  func(t *testing.T) []string { t.Helper(); return s3test.Keys(t, config, bucket) },
		Large: partSize,
	}
}

func TestArchives(t *testing.T) {
	t.Parallel()
	blobtest.TestArchives(t, func(t *testing.T) blobtest.ArchivesPlace {
		t.Helper()
		s := stock(t)
		return blobtest.ArchivesPlace{Archives: s, Left: s.Left, Large: s.Large}
	})
}

func TestStock(t *testing.T) {
	t.Parallel()
	blobtest.TestStock(t, stock)
}

// TestVersions removes archives from a bucket that keeps what is removed.
func TestVersions(t *testing.T) {
	t.Parallel()
	config, bucket := s3test.Bucket(t)
	s3test.KeepVersions(t, config, bucket)
	stock := s3.OpenStock(open(t, config), s3.StockConfig{Bucket: bucket, PartSize: partSize})
	for _, name := range []string{"x/a", "x/a", "x/ab", "y/a", "y/a"} {
		blobtest.Store(t, stock, name, []byte(name))
	}
	check(t, stock.Remove(t.Context(), "x/a"))
	if n, err := stock.Sweep(t.Context(), "y", 0); n != 1 || err != nil {
		t.Errorf("sweep: got %d, %v, want 1", n, err)
	}
	if diff := cmp.Diff([]string{"x/ab"}, s3test.Keys(t, config, bucket)); diff != "" {
		t.Errorf("keys with all versions (-want +got):\n%s", diff)
	}
	check(t, stock.Remove(t.Context(), "x/ab"))
	check(t, stock.Remove(t.Context(), "x/ab"))
}

// TestPartSizes makes sure that parts do not run out, and do not take much memory before they would.
func TestPartSizes(t *testing.T) {
	t.Parallel()
	total := int64(0)
	sizes, besides := s3.PartSizes(8 << 20)
	for i, size := range sizes {
		total += size
		if n := int64(besides[i]); n < 2 && i < 3000 || n < 1 && i < 4000 || n > 0 && (n+1)*size > 64<<20 || size > 64<<20 && i < 6000 {
			t.Fatalf("part %d of %d bytes: got %d beside it, want what 64 MiB hold", i, size, n)
		}
		if limit := int64(1<<20) * int64(8+i/20); size > limit && i < 5000 || size > 320<<20 {
			t.Fatalf("part %d: got %d bytes, want %d at most", i, size, limit)
		}
	}
	if total < 850<<30 {
		t.Errorf("got %d bytes in all, want more", total)
	}
}

// TestMemory counts what is allocated to write an archive of large parts, of which one alone is most of what it may take. It is not
// parallel, since others allocate too.
func TestMemory(t *testing.T) {
	const part, parts = 40 << 20, 6
	config, bucket := s3test.Bucket(t)
	stock := s3.OpenStock(open(t, config), s3.StockConfig{Bucket: bucket, PartSize: part})
	piece := blobtest.Bytes(1, 1<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out, err := stock.Create(t.Context(), "x")
	check(t, err)
	for range parts * part / len(piece) {
		_, err := out.Write(piece)
		check(t, err)
	}
	check(t, out.Commit())
	runtime.ReadMemStats(&after)
	// The first buffer is doubled until it is large enough, and then goes on to be used.
	if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(3*part+part/2); got > limit {
		t.Errorf("got %d MiB allocated, want %d at most", got>>20, limit>>20)
	}
	f, err := stock.Open(t.Context(), "x")
	check(t, err)
	defer f.Close()
	for range parts * part / len(piece) {
		got := make([]byte, len(piece))
		if _, err := io.ReadFull(f, got); err != nil || !bytes.Equal(got, piece) {
			t.Fatalf("got other bytes than were written, or error %v", err)
		}
	}
}
