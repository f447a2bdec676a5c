package s3_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/blobtest"
	"github.com/realmport/realmport/internal/fault"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

// spoilt returns a proxy in front of the server, how to get through it, and a bucket. The client has patience enough for what a
// busy machine adds, unless it is changed.
func spoilt(t *testing.T) (proxy *fault.HTTP, through, direct s3.Config, bucket string) {
	t.Helper()
	direct, bucket = s3test.Bucket(t)
	proxy = fault.NewHTTP(t, strings.TrimPrefix(direct.Endpoint, "http://"))
	through = direct
	through.Endpoint = "http://" + proxy.Addr()
	return proxy, through, direct, bucket
}

// kinds are the requests that the adapter makes.
var kinds = map[string]func(*http.Request) bool{
	"get":      func(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.RawQuery == "" },
	"list":     func(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.Query().Has("list-type") },
	"head":     func(r *http.Request) bool { return r.Method == http.MethodHead },
	"put":      func(r *http.Request) bool { return r.Method == http.MethodPut && r.URL.RawQuery == "" },
	"begin":    func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploads") },
	"part":     func(r *http.Request) bool { return isPart(r) && r.Header.Get("X-Amz-Copy-Source") == "" },
	"copy":     func(r *http.Request) bool { return isPart(r) && r.Header.Get("X-Amz-Copy-Source") != "" },
	"complete": func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") },
	"abort":    func(r *http.Request) bool { return r.Method == http.MethodDelete && r.URL.Query().Has("uploadId") },
	"uploads":  func(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.Query().Has("uploads") },
	"delete":   func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("delete") },
}

func isPart(r *http.Request) bool {
	return r.Method == http.MethodPut && r.URL.Query().Has("partNumber")
}

// life does all that the adapter can, and makes sure that it was done.
func life(t *testing.T, client *s3.Client, direct s3.Config, bucket string) {
	t.Helper()
	stock := s3.OpenStock(client, s3.StockConfig{Bucket: bucket, PartSize: partSize})
	files := s3.OpenFiles(client, s3.FilesConfig{Uploads: bucket})
	want := blobtest.Join(t, stock, "x/joined", []blobtest.Piece{
		{Bytes: []byte("header")},
		{Bytes: blobtest.Bytes(1, 2*partSize+1), Stored: true},
		{Bytes: []byte("small"), Stored: true},
		{Bytes: []byte("trailer")},
	})
	blobtest.Holds(t, stock, "x/joined", want)
	var names []string
	check(t, files.List(t.Context(), realmport.Uploads, "pieces", func(name string) error {
		names = append(names, name)
		return nil
	}))
	if diff := cmp.Diff([]string{"b", "c"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	f, err := files.Open(t.Context(), realmport.Uploads, "pieces/b")
	check(t, err)
	got, err := io.ReadAll(f)
	f.Close()
	if err != nil || !bytes.Equal(got, blobtest.Bytes(1, 2*partSize+1)) {
		t.Errorf("read: got %d bytes, %v", len(got), err)
	}
	check(t, stock.Remove(t.Context(), "x/joined"))
	out, err := stock.Create(t.Context(), "x/aborted")
	check(t, err)
	if _, err := out.Write(make([]byte, partSize+1)); err != nil {
		t.Error(err)
	}
	check(t, out.Abort())
	for _, folder := range []string{"x", "pieces"} {
		if _, err := stock.Sweep(t.Context(), folder, 0); err != nil {
			t.Error(err)
		}
	}
	if left := s3test.Keys(t, direct, bucket); len(left) > 0 {
		t.Errorf("got %q left, want nothing", left)
	}
}

// TestFaultsPass lets each kind of request fail for a while.
func TestFaultsPass(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		times int
		fault fault.Fault
		but   string // kinds that are left out
	}{
		"slow down":        {3, fault.Answer(http.StatusServiceUnavailable, "SlowDown"), ""},
		"error in good":    {1, fault.Answer(http.StatusOK, "InternalError"), "get list head put begin part abort uploads delete"}, // kept alive until it failed
		"reset":            {2, fault.Reset(0), ""},                                                                                // after the work was done
		"reset on the way": {1, fault.ResetRequest(1000), ""},
		"silence":          {1, fault.Stall(-1), "part copy complete"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, through, direct, bucket := spoilt(t)
			through.Stall = time.Second
			for kind, match := range kinds {
				if !slices.Contains(strings.Fields(tt.but), kind) {
					proxy.Spoil(tt.times, match, tt.fault)
				}
			}
			life(t, open(t, through), direct, bucket)
		})
	}
}

// TestBodyIsResumed cuts an answer three times.
func TestBodyIsResumed(t *testing.T) {
	t.Parallel()
	want := blobtest.Bytes(1, 4<<20)
	for name, cut := range map[string]fault.Fault{"cut": fault.Reset(1 << 20), "silence": fault.Stall(1 << 20)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, through, direct, bucket := spoilt(t)
			through.Stall = time.Second
			s3test.Put(t, direct, bucket, s3test.Object{Key: "a", Body: want})
			proxy.Spoil(3, kinds["get"], cut)
			f, err := s3.OpenFiles(open(t, through), s3.FilesConfig{Uploads: bucket}).Open(t.Context(), realmport.Uploads, "a")
			check(t, err)
			defer f.Close()
			got, err := io.ReadAll(f)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("got %d bytes, %v, want all as they are", len(got), err)
			}
			requests := proxy.Requests(nil)
			if len(requests) != 4 || requests[0].Header.Get("Range") != "" {
				t.Fatalf("got %d requests, want one and three to resume", len(requests))
			}
			for _, r := range requests[1:] {
				if !strings.HasPrefix(r.Header.Get("Range"), "bytes=") || r.Header.Get("If-Match") != `"`+f.Object.ETag+`"` {
					t.Errorf("got range %q if %q", r.Header.Get("Range"), r.Header.Get("If-Match"))
				}
			}
			_, down := proxy.Bytes()
			if limit := int64(len(want)) + 4<<20; down > limit {
				t.Errorf("got %d bytes, want no more than %d: it began anew", down, limit)
			}
		})
	}
}

func TestObjectChangesWhileRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(t *testing.T, direct s3.Config, bucket string)
		want   string
	}{
		"replaced": {func(t *testing.T, direct s3.Config, bucket string) {
			t.Helper()
			s3test.Put(t, direct, bucket, s3test.Object{Key: "a", Body: blobtest.Bytes(2, 4<<20)})
		}, "replaced while it was read"},
		"removed": {func(t *testing.T, direct s3.Config, bucket string) {
			t.Helper()
			check(t, s3.OpenStock(open(t, direct), s3.StockConfig{Bucket: bucket}).Remove(t.Context(), "a"))
		}, "removed while it was read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, through, direct, bucket := spoilt(t)
			s3test.Put(t, direct, bucket, s3test.Object{Key: "a", Body: blobtest.Bytes(1, 4<<20)})
			proxy.Spoil(1, kinds["get"], fault.Reset(1<<20))
			f, err := s3.OpenFiles(open(t, through), s3.FilesConfig{Uploads: bucket}).Open(t.Context(), realmport.Uploads, "a")
			check(t, err)
			defer f.Close()
			tt.change(t, direct, bucket)
			n, err := io.Copy(io.Discard, f)
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, fs.ErrNotExist) || n > 1<<20 {
				t.Errorf("got %d bytes, error %v, want one that says %q", n, err, tt.want)
			}
		})
	}
}

// TestStorageIsDown wants to hear that, wherever it is found out.
func TestStorageIsDown(t *testing.T) {
	t.Parallel()
	ops := map[string]func(t *testing.T, client *s3.Client, bucket string, down func()) error{
		"open": func(t *testing.T, client *s3.Client, bucket string, down func()) error {
			t.Helper()
			down()
			_, err := s3.OpenFiles(client, s3.FilesConfig{Uploads: bucket}).Open(t.Context(), realmport.Uploads, "a")
			return err
		},
		"read": func(t *testing.T, client *s3.Client, bucket string, down func()) error {
			t.Helper()
			f, err := s3.OpenFiles(client, s3.FilesConfig{Uploads: bucket}).Open(t.Context(), realmport.Uploads, "a")
			check(t, err)
			defer f.Close()
			down()
			_, err = io.Copy(io.Discard, f)
			return err
		},
		"list": func(t *testing.T, client *s3.Client, bucket string, down func()) error {
			t.Helper()
			down()
			return s3.OpenFiles(client, s3.FilesConfig{Uploads: bucket}).List(t.Context(), realmport.Uploads, "", func(string) error { return nil })
		},
		"commit": func(t *testing.T, client *s3.Client, bucket string, down func()) error {
			t.Helper()
			out, err := s3.OpenStock(client, s3.StockConfig{Bucket: bucket}).Create(t.Context(), "x")
			check(t, err)
			down()
			return out.Commit()
		},
		"write": func(t *testing.T, client *s3.Client, bucket string, down func()) error {
			t.Helper()
			out, err := s3.OpenStock(client, s3.StockConfig{Bucket: bucket, PartSize: partSize}).Create(t.Context(), "x")
			check(t, err)
			_, err = out.Write(make([]byte, 2*partSize))
			check(t, err)
			down()
			for err == nil {
				_, err = out.Write(make([]byte, 1<<20))
			}
			return err
		},
		"remove": func(t *testing.T, client *s3.Client, bucket string, down func()) error {
			t.Helper()
			down()
			return s3.OpenStock(client, s3.StockConfig{Bucket: bucket}).Remove(t.Context(), "x")
		},
		"check": func(t *testing.T, client *s3.Client, bucket string, down func()) error {
			t.Helper()
			down()
			return client.Check(t.Context(), bucket)
		},
	}
	for name, op := range ops {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, through, direct, bucket := spoilt(t)
			if name == "read" { // more than lies between
				s3test.Put(t, direct, bucket, s3test.Object{Key: "a", Body: make([]byte, 20<<20)})
			}
			through.Patience = 300 * time.Millisecond
			err := op(t, open(t, through), bucket, proxy.Refuse)
			if realmport.ErrorCode(err) != realmport.Unavailable || !strings.Contains(err.Error(), through.Endpoint) || !strings.Contains(err.Error(), bucket) {
				t.Errorf("got error %v with code %s, want that the storage is unavailable", err, realmport.ErrorCode(err))
			}
		})
	}
}

// TestOneObjectIsBroken wants that nobody takes it for more.
func TestOneObjectIsBroken(t *testing.T) {
	t.Parallel()
	proxy, through, direct, bucket := spoilt(t)
	s3test.Put(t, direct, bucket, s3test.Object{Key: "good", Body: []byte("x")}, s3test.Object{Key: "bad", Body: []byte("x")})
	proxy.Always(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/bad") }, fault.Answer(http.StatusInternalServerError, "InternalError"))
	through.Patience = 300 * time.Millisecond
	files := s3.OpenFiles(open(t, through), s3.FilesConfig{Uploads: bucket})
	_, err := files.Open(t.Context(), realmport.Uploads, "bad")
	if realmport.ErrorCode(err) != realmport.Internal || !strings.Contains(err.Error(), bucket+"/bad") {
		t.Errorf("got error %v with code %s, want one about the object", err, realmport.ErrorCode(err))
	}
	f, err := files.Open(t.Context(), realmport.Uploads, "good")
	check(t, err)
	f.Close()
}

// TestCommitAnswerIsLost has the storage finish an archive, and whoever aborts it then not know.
func TestCommitAnswerIsLost(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, partSize + 1} {
		proxy, through, direct, bucket := spoilt(t)
		through.Patience = time.Millisecond
		proxy.Spoil(1, func(r *http.Request) bool { return kinds["put"](r) || kinds["complete"](r) }, fault.Reset(0))
		out, err := s3.OpenStock(open(t, through), s3.StockConfig{Bucket: bucket, PartSize: partSize}).Create(t.Context(), "x")
		check(t, err)
		_, err = out.Write(make([]byte, n))
		check(t, err)
		if err := out.Commit(); err == nil {
			t.Error("got no error")
		}
		check(t, out.Abort())
		if left := s3test.Keys(t, direct, bucket); len(left) > 0 {
			t.Errorf("after %d bytes: got %q left, want nothing", n, left)
		}
	}
}
