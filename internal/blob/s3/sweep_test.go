package s3_test

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/blobtest"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/fault"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

// later has the storage tell all times, of objects and of its answers, by so much later.
func later(d time.Duration) fault.Fault {
	times := regexp.MustCompile(`(<LastModified>|<Initiated>)([^<]*)`)
	return fault.Edit(func(header http.Header, body []byte) []byte {
		if now, err := http.ParseTime(header.Get("Date")); err == nil {
			header.Set("Date", now.Add(d).Format(http.TimeFormat))
		}
		return times.ReplaceAllFunc(body, func(found []byte) []byte {
			parts := times.FindSubmatch(found)
			made, err := time.Parse(time.RFC3339, string(parts[2]))
			if err != nil {
				return found
			}
			return append(parts[1], made.Add(d).Format("2006-01-02T15:04:05.000Z")...)
		})
	})
}

// TestSweepHasNoClock sweeps a storage whose clock is not that of this machine.
func TestSweepHasNoClock(t *testing.T) {
	t.Parallel()
	listed := func(r *http.Request) bool { return kinds["list"](r) || kinds["uploads"](r) }
	for name, tt := range map[string]struct {
		fault fault.Fault
		age   time.Duration
		want  int
	}{
		"all, ahead":       {later(time.Hour), 0, 2},
		"all, behind":      {later(-time.Hour), 0, 2},
		"what is new":      {later(time.Hour), time.Minute, 0},
		"new, but behind":  {later(-time.Hour), time.Minute, 0},
		"as old by itself": {fault.Edit(onlyNow(time.Hour)), time.Minute, 2},
		"it tells no time": {fault.Edit(noDate), time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, through, _, bucket := spoilt(t)
			stock := s3.OpenStock(open(t, through), s3.StockConfig{Bucket: bucket, PartSize: partSize})
			blobtest.Store(t, stock, "x/a", []byte("a"))
			unfinished(t, stock, "x/b")
			proxy.Spoil(2, listed, tt.fault)
			if n, err := stock.Sweep(t.Context(), "x", tt.age); n != tt.want || err != nil {
				t.Errorf("got %d, %v, want %d", n, err, tt.want)
			}
		})
	}
}

// onlyNow has the storage answer so much later than it made what it lists.
func onlyNow(d time.Duration) func(http.Header, []byte) []byte {
	return func(header http.Header, body []byte) []byte {
		header.Set("Date", clock.Now().Add(d).UTC().Format(http.TimeFormat))
		return body
	}
}

func noDate(header http.Header, body []byte) []byte {
	header["Date"] = nil
	return body
}

// TestUploadsComeInPages has the storage end a page of unfinished uploads after the first.
func TestUploadsComeInPages(t *testing.T) {
	t.Parallel()
	proxy, through, direct, bucket := spoilt(t)
	stock := s3.OpenStock(open(t, through), s3.StockConfig{Bucket: bucket, PartSize: partSize})
	for _, name := range []string{"x/a", "x/b", "x/c", "y/a"} {
		unfinished(t, stock, name)
	}
	first := regexp.MustCompile(`(?s)<Upload>.*?<Key>(.*?)</Key>.*?</Upload>`)
	proxy.Spoil(1, kinds["uploads"], fault.Edit(func(_ http.Header, body []byte) []byte {
		all := first.FindAllSubmatch(body, -1)
		if len(all) == 0 {
			t.Errorf("got no upload in %s", body)
			return body
		}
		upload := slices.MinFunc(all, func(a, b [][]byte) int { return bytes.Compare(a[1], b[1]) })
		return fmt.Appendf(nil, "<ListMultipartUploadsResult><EncodingType>url</EncodingType>"+
			"<IsTruncated>true</IsTruncated><NextKeyMarker>%s</NextKeyMarker>"+
			"%s</ListMultipartUploadsResult>", upload[1], upload[0])
	}))
	if n, err := stock.Sweep(t.Context(), "x", 0); n != 3 || err != nil {
		t.Errorf("got %d, %v, want 3", n, err)
	}
	if diff := cmp.Diff([]string{"y/a (unfinished)"}, s3test.Keys(t, direct, bucket)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

// unfinished leaves an archive without an end, as who is killed does.
func unfinished(t *testing.T, stock *s3.Stock, name string) {
	t.Helper()
	out, err := stock.Create(t.Context(), name)
	check(t, err)
	_, err = out.Write(make([]byte, partSize+1))
	check(t, err)
	t.Cleanup(func() { _ = out.Abort() })
}
