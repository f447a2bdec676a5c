package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/realmport/realmport"
)

// archived makes an archive and returns its path and what it holds.
func archived(t *testing.T, w *world) (path, content string) {
	t.Helper()
	path = w.finished(t, "")
	r := w.do(request{target: path, host: "other.example.com"})
	sum := sha256.Sum256([]byte(r.body))
	if hex.EncodeToString(sum[:]) != w.export(1).SHA256 {
		t.Fatalf("got %d with %d bytes, want the archive", r.status, len(r.body))
	}
	return path, r.body
}

func TestDownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	path, content := archived(t, w)
	tag := `"` + w.export(1).SHA256 + `"`
	w.do(request{method: http.MethodHead, target: path}).wantEmpty(t, http.StatusOK).wantHeader(t, "Content-Length", strconv.Itoa(len(content)),
		"Etag", tag, "Cache-Control", "private, no-store", "Content-Security-Policy", "default-src 'none'; img-src 'self'",
		"Strict-Transport-Security", "max-age=15768000", "Vary", "", "Content-Language", "", "X-RateLimit-Limit", "")
	size := strconv.Itoa(len(content))
	for header, want := range map[string]string{
		"Range: bytes=0-9":                          "206 " + content[:10],
		"Range: bytes=-5":                           "206 " + content[len(content)-5:],
		"Range: bytes=100-":                         "206 " + content[100:],
		"Range: bytes=" + size + "-":                "416 ",
		"Range: bytes=0-0\r\nIf-Range: " + tag:      "206 " + content[:1],
		"Range: bytes=0-0\r\nIf-Range: \"other\"":   "200 " + content,
		"Range: bytes=0-0\r\nIf-Range: W/" + tag:    "200 " + content,
		"If-None-Match: " + tag:                     "304 ",
		"If-None-Match: \"other\"":                  "200 " + content,
		"If-Match: \"other\"":                       "412 ",
		"If-Modified-Since: " + farLater():          "304 ",
		"If-Unmodified-Since: " + farEarlier():      "412 ",
		"Range: lines=1-2":                          "200 " + content,
		"Accept-Encoding: gzip":                     "200 " + content,
		"Authorization: Basic eDp5\r\nCookie: a=b":  "200 " + content, // of no interest
		"Range: bytes=0-0,2-2\r\nX-Forwarded-For: ": "206",
	} {
		r := w.do(request{target: path, header: []string{header}})
		got := strconv.Itoa(r.status) + " " + r.body
		if r.status == http.StatusRequestedRangeNotSatisfiable || !strings.Contains(want, " ") {
			got = got[:len(want)]
		}
		if got != want {
			t.Errorf("%s: got %.40q, want %.40q", header, got, want)
		}
		if r.status == http.StatusRequestedRangeNotSatisfiable {
			r.wantHeader(t, "Content-Range", "bytes */"+size)
		}
	}
}

func farLater() string   { return "Fri, 01 Jan 2100 00:00:00 GMT" }
func farEarlier() string { return "Thu, 01 Jan 1970 00:00:01 GMT" }

// listening notes which names reach the storage.
type listening struct {
	realmport.Archives
	names []string
}

func (l *listening) Open(ctx context.Context, name string) (*realmport.Archive, error) {
	l.names = append(l.names, name)
	return l.Archives.Open(ctx, name)
}

func TestOnlyArchivesAreServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	path, _ := archived(t, w)
	storage := &listening{Archives: w.api.o.Exports.Archives}
	w.api.o.Exports.Archives = storage
	const notFound = "<p>File not found</p>"
	for _, target := range []string{
		"/user_avatars/", "/user_avatars/2/realm/icon.png", "/user_avatars/exports/", "/user_avatars/exports/../files/x",
		path + ".gz", path + "/", path[:len(path)-1], path[:len(path)-7], path + "%00", path + "%2f..", strings.ToUpper(path),
		strings.Replace(path, "/2/", "/2/../2/", 1), strings.Replace(path, "/2/", "/02/", 1), strings.Replace(path, "/2/", "/3/", 1),
		strings.Replace(path, "zulip-export-", "zulip-export_", 1),
		"/user_avatars/exports/2/" + strings.Repeat("a", 24) + "/zulip-export-abcdefgh.tar.gz",
		"/user_avatars/exports/99999999999999999999/" + strings.Repeat("a", 24) + "/zulip-export-abcdefgh.tar.gz",
	} {
		if strings.HasPrefix(target, "/USER") {
			w.do(request{target: target}).wantPage(t, http.StatusNotFound)
			continue
		}
		w.do(request{target: target}).want(t, http.StatusNotFound, notFound)
	}
	w.do(request{method: http.MethodHead, target: "/user_avatars/exports/x"}).wantEmpty(t, http.StatusNotFound)
	if len(storage.names) > 0 {
		t.Errorf("got %q asked of the storage, want nothing", storage.names)
	}
	if r := w.do(request{target: strings.Replace(path, "/exports/", "//exports///", 1)}); r.status != http.StatusOK {
		t.Errorf("doubled slashes: got %d", r.status)
	}
	// Neither is an export that has not succeeded, nor one whose archive is gone.
	for _, status := range []realmport.ExportStatus{realmport.Started, realmport.Failed, realmport.Deleted} {
		w.exec("UPDATE @zerver_realmexport SET status = $1", int(status))
		w.do(request{target: path}).want(t, http.StatusNotFound, notFound)
	}
	w.exec("UPDATE @zerver_realmexport SET status = 3")
	must(t, w.worker.Archives.Remove(t.Context(), storage.names[0]))
	w.do(request{target: path}).want(t, http.StatusNotFound, notFound)
	w.do(request{target: path, host: "evil.test"}).wantPage(t, http.StatusBadRequest)
}

// broken is a storage that does not work.
type broken struct{ realmport.Archives }

func (broken) Open(context.Context, string) (*realmport.Archive, error) {
	return nil, errors.New("input/output error")
}

func TestBrokenStorage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	path, _ := archived(t, w)
	w.api.o.Exports.Archives = broken{w.api.o.Exports.Archives}
	w.do(request{target: path}).want(t, http.StatusInternalServerError, `{"result":"error","msg":"Internal server error"}`)
}

func TestArchiveWithoutSum(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	path, content := archived(t, w)
	w.exec("UPDATE @zerver_realmexport SET sha256sum_hex = NULL")
	tag := w.do(request{target: path}).header.Get("Etag")
	if !strings.HasPrefix(tag, `"`+strconv.FormatInt(int64(len(content)), 16)+"-") {
		t.Errorf("got entity tag %s, want one of size and time", tag)
	}
}

func TestLinksExpire(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte("d"), minKey)
	w := newWorld(t, kinds()[0], func(o *Options) { o.Download = Download{TTL: time.Hour, Key: key} })
	queue := w.register(t, adminI, `["realm_export"]`)
	w.post(adminI, "")
	w.work(1, false)
	link := func() string {
		_, rest, ok := strings.Cut(w.get(adminI).body, `"export_url":"https://acme.example.com`)
		if !ok {
			t.Fatal("there is no link")
		}
		return rest[:strings.IndexByte(rest, '"')]
	}
	first := link()
	path, query, _ := strings.Cut(first, "?")
	if !strings.HasPrefix(query, "expires="+unix(now.Add(time.Hour))+"&sig=") {
		t.Errorf("got %s, want when it expires", query)
	}
	if r := w.poll(adminI, queue, 0); !strings.Contains(r.body, query) {
		t.Errorf("got %s, want the link in the event too", r.body)
	}
	if r := w.do(request{target: first}); r.status != http.StatusOK || int64(len(r.body)) != w.export(1).Size {
		t.Errorf("got %d with %d bytes", r.status, len(r.body))
	}
	w.clock.Advance(time.Minute)
	second := link()
	later := "expires=" + unix(now.Add(2*time.Hour)) + "&sig="
	_, sig, _ := strings.Cut(query, "&sig=")
	for _, target := range []string{
		path, path + "?expires=1&sig=" + sig, path + "?" + later + sig, path + "?" + query[:len(query)-1], path + "?expires=x&sig=" + sig,
		strings.Replace(first, "/2/", "/3/", 1), path + "?sig=" + sig,
	} {
		w.do(request{target: target}).wantPage(t, http.StatusGone)
	}
	w.clock.Advance(59 * time.Minute)
	w.do(request{target: first}).wantPage(t, http.StatusGone)
	if r := w.do(request{target: second}); r.status != http.StatusOK {
		t.Errorf("got %d, want the newer link to work", r.status)
	}
}

func TestDownloadWithLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], func(o *Options) { o.Download.RequireLogin = true })
	path := w.finished(t, "")
	const noLogin = "Not logged in: API authentication or user session required"
	w.do(request{target: path}).wantUnauthorized(t, noLogin)
	w.do(request{target: path, header: []string{"Accept: text/html"}}).wantUnauthorized(t, noLogin)
	if r := w.do(request{target: path, as: memberM}); r.status != http.StatusBadRequest || !strings.Contains(r.body, "UNAUTHORIZED_PRINCIPAL") {
		t.Errorf("a member: got %d %s", r.status, r.body)
	}
	w.do(request{target: path, as: stranger, host: "other.example.com"}).want(t, http.StatusNotFound, "<p>File not found</p>")
	for _, admin := range []int64{adminI, ownerO, adminAB} {
		if r := w.do(request{target: path, as: admin}); r.status != http.StatusOK || int64(len(r.body)) != w.export(1).Size {
			t.Errorf("user %d: got %d with %d bytes", admin, r.status, len(r.body))
		}
	}
	// Where there is a form for logging in, browsers are sent to it.
	w = newWorld(t, kinds()[0], func(o *Options) {
		withLogin(o)
		o.Download.RequireLogin = true
	})
	w.do(request{target: path, header: []string{"Accept: text/html"}}).want(t, http.StatusFound, "").
		wantHeader(t, "Location", "/login/?next="+strings.ReplaceAll(path, "/", "%2F"))
}

// slow is an archive that is read only as far as somebody lets it be.
type slow struct {
	io.ReadSeekCloser
	closed chan struct{}
	reads  int // after which it crashes; 0 for never
}

func (s *slow) Read(p []byte) (int, error) { // without an end
	if s.reads--; s.reads == 0 {
		panic("the disk is gone")
	}
	return len(p), nil
}

func (s *slow) Seek(_ int64, whence int) (int64, error) { return int64(whence) / 2 << 50, nil }
func (s *slow) Close() error                            { close(s.closed); return nil }

type slowStorage struct {
	realmport.Archives
	file *slow
}

func (s slowStorage) Open(context.Context, string) (*realmport.Archive, error) {
	return &realmport.Archive{ReadSeekCloser: s.file, Size: 1 << 50}, nil
}

// TestCrashDuringDownload checks that half an archive is not taken for a whole one.
func TestCrashDuringDownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	path, _ := archived(t, w)
	w.api.o.Exports.Archives = slowStorage{w.api.o.Exports.Archives, &slow{closed: make(chan struct{}), reads: 3}}
	resp := w.send(request{target: path}).response()
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK || !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) || n > 1<<20 {
		t.Errorf("got %d with %d bytes, error %v, want it cut", resp.StatusCode, n, err)
	}
	if !strings.Contains(w.log.String(), "request handler crashed") {
		t.Errorf("got log %q, want the crash", w.log.String())
	}
}

// TestClientGoesDuringDownload checks that the archive is let go when the client goes.
func TestClientGoesDuringDownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	path, _ := archived(t, w)
	file := &slow{closed: make(chan struct{})}
	w.api.o.Exports.Archives = slowStorage{w.api.o.Exports.Archives, file}
	c := w.send(request{target: path})
	resp := c.response()
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ContentLength != 1<<50 {
		t.Fatalf("got %d with %d bytes", resp.StatusCode, resp.ContentLength)
	}
	_, err := io.CopyN(io.Discard, resp.Body, 1<<20)
	must(t, err)
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		must(t, tcp.SetLinger(0))
	}
	must(t, c.conn.Close())
	<-file.closed
}
