package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
)

// operation is a method of a path that wants a login.
type operation struct{ method, target string }

func operations() []operation {
	return []operation{
		{"POST", basePath},
		{"GET", basePath},
		{"HEAD", basePath},
		{"DELETE", basePath + "/1"},
		{"GET", basePath + "/consents"},
		{"HEAD", basePath + "/consents"},
		{"PATCH", "/api/v1/settings"},
		{"PATCH", "/api/v1/settings/display"},
		{"PATCH", "/api/v1/settings/notifications"},
		{"POST", "/api/v1/register"},
		{"GET", eventsPath},
		{"DELETE", eventsPath},
		{"GET", "/realmport/v1/exports/1"},
		{"HEAD", "/realmport/v1/exports/1"},
		{"GET", "/realmport/v1/exports/1/events"},
		{"POST", "/realmport/v1/exports/1/cancel"},
	}
}

func withLogin(o *Options) { o.Login = &Login{Key: bytes.Repeat([]byte("k"), minKey)} }

// TestCommonAnswers checks what all operations have in common.
func TestCommonAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], func(o *Options) {
		withLogin(o)
		o.RateLimit = "60:1"
	})
	for _, op := range operations() {
		r := request{method: op.method, target: op.target}
		if got := w.do(r); got.status != http.StatusUnauthorized || got.header.Get("Www-Authenticate") == "" {
			t.Errorf("%v without a login: got %d", op, got.status)
		}
		if op.method == http.MethodHead {
			continue
		}
		browser := r
		browser.header = []string{"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
		if got := w.do(browser); got.status != http.StatusFound || !strings.HasPrefix(got.header.Get("Location"), "/login/?next=%2F") {
			t.Errorf("%v of a browser: got %d to %q", op, got.status, got.header.Get("Location"))
		}
		elsewhere := r
		elsewhere.host = "evil.test"
		w.do(elsewhere).wantPage(t, http.StatusBadRequest)
		w.clock.Advance(2 * time.Minute)
		if op.target == eventsPath {
			w.do(request{target: eventsPath + "?dont_block=true", as: ownerO})
		} else {
			w.get(ownerO)
		}
		r.as = ownerO
		if got := w.do(r); got.status != http.StatusTooManyRequests || got.header.Get("X-RateLimit-Limit") != "1" {
			t.Errorf("%v too often: got %d", op, got.status)
		}
		if op.method != http.MethodGet {
			r.length = 26 << 20
			w.do(r).wantPage(t, http.StatusRequestEntityTooLarge)
		}
	}
}

// faulty is a directory that does not work.
type faulty struct {
	realmport.Directory
	crash bool
}

func (f faulty) fail() error {
	if f.crash {
		panic("the directory is broken")
	}
	return errors.New("disk on fire")
}

func (f faulty) UserByKey(context.Context, string) (*realmport.User, error) { return nil, f.fail() }

func (f faulty) RealmByStringID(context.Context, string) (*realmport.Realm, error) {
	return nil, f.fail()
}

// TestFaults checks that whatever breaks is answered as documented, and told in the log only.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		w := newWorld(t, kinds()[0], func(o *Options) { o.Exports.Directory = faulty{o.Exports.Directory, crash} })
		for _, op := range append(operations(), operation{"GET", "/api/v1/server_settings"}) {
			if op.method == http.MethodHead {
				continue
			}
			w.do(request{method: op.method, target: op.target, as: adminI}).
				want(t, http.StatusInternalServerError, `{"result":"error","msg":"Internal server error"}`).
				wantHeader(t, "Cache-Control", "", "Expires", "")
		}
		want := "disk on fire"
		if crash {
			want = "the directory is broken"
		}
		if log := w.log.String(); strings.Count(log, want) != 14 || strings.Contains(log, keyOf(adminI)) || strings.Contains(log, "Basic") {
			t.Errorf("got log %q, want the fault every time, and no secrets", log)
		}
	}
}

// TestClientGone checks that a request whose client has gone is no fault.
func TestClientGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], func(o *Options) { o.Exports.Directory = faulty{o.Exports.Directory, false} })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "https://acme.example.com"+basePath, nil)
	r.SetBasicAuth(emailOf(adminI), keyOf(adminI))
	recorder := httptest.NewRecorder()
	func() {
		defer func() {
			if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // it is the value itself
				t.Errorf("got panic %v, want that the answer is given up", v)
			}
		}()
		w.api.ServeHTTP(recorder, r)
	}()
	if recorder.Body.Len() != 0 || w.log.String() != "" {
		t.Errorf("got %q, log %q, want silence", recorder.Body, w.log.String())
	}
}

// TestMethods checks the answers to OPTIONS and to methods that there are not.
func TestMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], withLogin)
	for _, c := range []struct{ target, allow string }{
		{basePath, "GET, HEAD, POST"},
		{basePath + "/1", "DELETE"},
		{basePath + "/consents", "GET, HEAD"},
		{"/api/v1/settings", "PATCH"},
		{"/api/v1/settings/display", "PATCH"},
		{"/api/v1/settings/notifications", "PATCH"},
		{"/api/v1/register", "POST"},
		{eventsPath, "OPTIONS, GET, DELETE"},
		{"/realmport/v1/exports/1", "GET, HEAD"},
		{"/realmport/v1/exports/1/events", "GET"},
		{"/realmport/v1/exports/1/cancel", "POST"},
	} {
		w.do(request{method: http.MethodOptions, target: c.target}).want(t, http.StatusNoContent, "").wantHeader(t, "Allow", c.allow)
	}
	for _, c := range []struct{ method, target, allow string }{
		{"HEAD", eventsPath, "OPTIONS, GET, DELETE"},
		{"POST", eventsPath, "OPTIONS, GET, DELETE"},
		{"POST", "/health", "GET, HEAD"},
		{"OPTIONS", "/realmport/v1/openapi.json", "GET, HEAD"},
		{"POST", "/user_avatars/exports/x", "GET, HEAD"},
		{"PUT", "/login/", "GET, HEAD, POST"},
		{"GET", "/logout/", "POST"},
		{"GET", "/api/v1/register", "POST"},
	} {
		if got := w.do(request{method: c.method, target: c.target}); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != c.allow {
			t.Errorf("%v: got %d, allowed %q", c, got.status, got.header.Get("Allow"))
		}
	}
	w.do(request{method: http.MethodOptions, target: eventsPath}).wantHeader(t, "Access-Control-Allow-Methods", "OPTIONS, GET, DELETE")
	for _, target := range []string{"/x", "/api/v1", "/api/v1/exports", "/json/export/realm", "/realmport/v1/exports/x", "/login"} {
		w.do(request{target: target}).wantPage(t, http.StatusNotFound)
	}
}

// TestHome checks the page of a server that has one, and that there is none beside a Zulip server.
func TestHome(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], withLogin)
	w.do(request{target: "/"}).wantPage(t, http.StatusOK)
	w.do(request{method: http.MethodHead, target: "/"}).wantEmpty(t, http.StatusOK)
	w.do(request{method: http.MethodPost, target: "/"}).wantHeader(t, "Allow", "GET, HEAD")
	other := newWorld(t, kinds()[0], nil)
	other.do(request{target: "/"}).wantPage(t, http.StatusNotFound)
	// There, browsers ask for the address and the key themselves.
	r := other.do(request{target: "/realmport/v1/exports/1", header: []string{"Accept: text/html"}})
	if r.status != http.StatusUnauthorized || r.header.Get("Www-Authenticate") == "" {
		t.Errorf("got %d, want to be asked for a login", r.status)
	}
}

// TestLargeBodies checks that only few large ones are held at a time.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	for range largeBodies {
		w.api.large <- struct{}{}
	}
	body := "x=" + strings.Repeat("y", unauthenticatedBody)
	if r := w.post(adminI, body); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d %s, want it refused", r.status, r.body)
	}
	<-w.api.large
	if r := w.post(adminI, body); r.status != http.StatusOK {
		t.Errorf("got %d %s, want an export", r.status, r.body)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	for _, target := range []string{basePath, basePath + "/consents", "/api/v1/server_settings", "/health"} {
		get := w.do(request{target: target, as: adminI})
		w.do(request{method: http.MethodHead, target: target, as: adminI}).wantEmpty(t, http.StatusOK).
			wantHeader(t, "Content-Length", fmt.Sprint(len(get.body)), "Content-Type", "application/json")
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], func(o *Options) { o.MaxBody = 1 << 20 })
	large := "a=" + strings.Repeat("x", unauthenticatedBody)
	w.do(request{method: "POST", target: basePath, form: large}).
		wantUnauthorized(t, "Not logged in: API authentication or user session required")
	w.post(adminI, large+"&export_type=2").want(t, http.StatusOK, `{"result":"success","msg":"","id":1,"ignored_parameters_unsupported":["a"]}`)
	w.post(adminI, "a"+strings.Repeat("&a", maxFields)).wantPage(t, http.StatusBadRequest)
	w.do(request{target: basePath + "?a" + strings.Repeat("&a", maxFields), as: adminI}).wantPage(t, http.StatusBadRequest)
	w.do(request{method: "POST", target: basePath, as: adminI, body: "x", header: []string{"Content-Type: multipart/form-data"}}).
		wantPage(t, http.StatusBadRequest)
	const chunked = "Transfer-Encoding: chunked\r\nContent-Type: application/x-www-form-urlencoded"
	conn := w.send(request{method: "PATCH", target: "/api/v1/settings", as: memberM, header: []string{chunked}})
	_, err := io.WriteString(conn.conn, "21\r\nallow_private_data_export=true&x=\r\n0\r\n\r\n")
	must(t, err)
	conn.answer().want(t, http.StatusOK, `{"result":"success","msg":"","ignored_parameters_unsupported":["x"]}`)
	// Of a length that is not said beforehand, more than is allowed.
	conn = w.send(request{method: "PATCH", target: "/api/v1/settings", as: memberM, header: []string{chunked}})
	chunk := fmt.Sprintf("%x\r\n%s\r\n", unauthenticatedBody, strings.Repeat("x", unauthenticatedBody))
	for range (1<<20)/unauthenticatedBody + 1 {
		if _, err := io.WriteString(conn.conn, chunk); err != nil {
			break // the server has seen enough
		}
	}
	conn.answer().wantPage(t, http.StatusRequestEntityTooLarge)
	w.wantRows(t, 1)
}

func TestGzip(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	for range 10 {
		w.row(acmeRealm, realmport.Failed, adminI, now)
	}
	plain := w.get(adminI).wantHeader(t, "Content-Encoding", "", "Vary", "Accept-Language, Accept-Encoding")
	for accept, want := range map[string]string{
		"gzip, deflate": "gzip", "*": "gzip", "deflate": "", "gzip;q=0": "", "GZIP; q=0.5": "gzip", "gzip;q=x": "",
	} {
		r := w.do(request{target: basePath, as: adminI, header: []string{"Accept-Encoding: " + accept}})
		r.wantHeader(t, "Content-Encoding", want, "Content-Length", fmt.Sprint(len(r.body)))
		if want == "gzip" {
			zr, err := gzip.NewReader(strings.NewReader(r.body))
			must(t, err)
			body, err := io.ReadAll(zr)
			must(t, err)
			r.body = string(body)
		}
		if r.body != plain.body {
			t.Errorf("%s: got %q, want %q", accept, r.body, plain.body)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var wrong error
	w := newWorld(t, kinds()[0], func(o *Options) { o.Health = func(context.Context) error { return wrong } })
	w.do(request{target: "/health", host: "127.0.0.1"}).want(t, http.StatusOK, done)
	wrong = errors.New("the database at secret.host does not answer")
	r := w.do(request{target: "/health"})
	if r.status != http.StatusServiceUnavailable || strings.Contains(r.body, "secret.host") || !strings.Contains(w.log.String(), "secret.host") {
		t.Errorf("got %d %s, log %s, want what is wrong in the log only", r.status, r.body, w.log.String())
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	for name, change := range map[string]func(*Options){
		"no exports":    func(o *Options) { o.Exports = nil },
		"scheme":        func(o *Options) { o.Hosts.Scheme = "ftp" },
		"external host": func(o *Options) { o.Hosts.ExternalHost = "a b" },
		"rate limit":    func(o *Options) { o.RateLimit = "many" },
		"link key":      func(o *Options) { o.Download = Download{TTL: time.Hour, Key: []byte("short")} },
		"link time":     func(o *Options) { o.Download.TTL = -1 },
		"session key":   func(o *Options) { o.Login = &Login{Key: []byte("short")} },
	} {
		o := w.api.o
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// refusing is a store of exports whose role lacks a right, which is no refusal of the user who asks.
type refusing struct{ realmport.Exports }

func (refusing) Create(context.Context, realmport.NewExport) (int64, error) {
	return 0, &realmport.Error{Code: realmport.NotAllowed, Message: "the role lacks a right", Err: errors.New("42501")}
}

// TestFaultsAreNoRefusals checks that what the database refuses realmport is not told as if realmport refused the user.
func TestFaultsAreNoRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], func(o *Options) { o.Exports.Exports = refusing{o.Exports.Exports} })
	w.post(adminI, "").want(t, http.StatusInternalServerError, `{"result":"error","msg":"Internal server error"}`)
	if !strings.Contains(w.log.String(), "the role lacks a right") {
		t.Errorf("got log %q, want the fault", w.log.String())
	}
}
