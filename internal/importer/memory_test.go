package importer

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// history writes an archive with so many messages, most of its rows as a server has them, to w.
func history(w io.Writer, messages int) error {
	zw, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(zw)
	add := func(name, text string) {
		h := tar.Header{Name: "a/" + name, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(text))}
		if err == nil {
			err = tw.WriteHeader(&h)
		}
		if err == nil {
			_, err = io.WriteString(tw, text)
		}
	}
	const perFile = 1000
	for n := range messages / perFile {
		text := []byte(`{"zerver_message":[`)
		received := []byte(`],"zerver_usermessage":[`)
		for i := range perFile {
			comma := ","
			if i == 0 {
				comma = ""
			}
			id := n*perFile + i + 1
			text = fmt.Appendf(text, `%s{"id":%d,"sender":5,"recipient":6,"realm":2,"content":"Message %[2]d of a history, as long as most.",`+
				`"rendered_content":null,"date_sent":17000000%02d.5,"sending_client":1}`, comma, id, i%100)
			received = fmt.Appendf(received, `%s{"id":%d,"user_profile":5,"message":%[2]d,"flags_mask":1}`, comma, id)
		}
		add(fmt.Sprintf("messages-%06d.json", n+1), string(append(append(text, received...), "]}"...)))
	}
	add("realm.json", `{"zerver_namedusergroup":[],"zerver_realm":[]}`)
	return errors.Join(err, tw.Close(), zw.Close())
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryIsBounded holds an archive against one of ten times its size. It measures the whole process, so it is not parallel.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	tables := newStrict(t).tables
	need := func(messages int) int64 {
		in, out := io.Pipe()
		go func() {
			w := bufio.NewWriter(out)
			err := history(w, messages)
			_ = out.CloseWithError(errors.Join(err, w.Flush()))
		}()
		s := &strict{tables: tables}
		before, peak := liveHeap(), uint64(0)
		s.insert = func() {
			if s.rows%5000 == 0 {
				peak = max(peak, liveHeap())
			}
		}
		_, err := Run(t.Context(), Options{
			Archive: in, Store: s, Uploads: filepath.Join(t.TempDir(), "uploads"), Secret: []byte("s"), Now: time.Unix(1700000000, 0),
		})
		if err == nil || s.rows != 2*messages || s.broken != nil { // it has messages only
			t.Fatalf("read %d rows of %d messages: %v, %v", s.rows, messages, err, s.broken)
		}
		t.Logf("%d messages: %d bytes of heap", messages, int64(peak)-int64(before))
		return int64(peak) - int64(before)
	}
	small, large := need(10_000), need(100_000)
	const allowed = 8 << 20 // of 25 MB of rows
	if large > small+allowed {
		t.Errorf("got %d bytes of heap for ten times the archive, and %d for one: want at most %d more", large, small, allowed)
	}
}
