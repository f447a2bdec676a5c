package httpapi

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// request is a request as it is sent: nothing is added to it but what is needed to find its end.
type request struct {
	method string // GET if empty
	target string // path and query
	host   string // acme's if empty
	as     int64  // who asks, with their own address and key
	form   string // a form's body, with its Content-Type
	body   string // another body
	header []string
	length int // a Content-Length that is not the body's; 0 for the body's
}

// response is what came back.
type response struct {
	status int
	header http.Header
	body   string
}

// raw is the request on the wire.
func (r request) raw() string {
	var b strings.Builder
	method, host := r.method, r.host
	if method == "" {
		method = http.MethodGet
	}
	if host == "" {
		host = acmeHost
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, r.target, host)
	if r.as != nobody {
		fmt.Fprintf(&b, "Authorization: %s\r\n", basic(emailOf(r.as), keyOf(r.as)))
	}
	body := r.body
	if r.form != "" {
		body = r.form
		b.WriteString("Content-Type: application/x-www-form-urlencoded\r\n")
	}
	for _, line := range r.header {
		b.WriteString(line + "\r\n")
	}
	if body != "" || method == http.MethodPost || r.length != 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", max(len(body), r.length))
	}
	return b.String() + "\r\n" + body
}

func basic(email, key string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(email+":"+key))
}

// connection is a connection on which one request was sent.
type connection struct {
	t    *testing.T
	w    *world
	r    request
	conn net.Conn
	in   *bufio.Reader
}

// send sends a request.
func (w *world) send(r request) *connection {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.address)
	must(w.t, err)
	w.t.Cleanup(func() { conn.Close() })
	_, err = io.WriteString(conn, r.raw())
	must(w.t, err)
	return &connection{t: w.t, w: w, r: r, conn: conn, in: bufio.NewReader(conn)}
}

// response reads the answer's head. Its body is read by the caller.
func (c *connection) response() *http.Response {
	c.t.Helper()
	method := c.r.method
	if method == "" {
		method = http.MethodGet
	}
	resp, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, c.r.target, err)
	}
	return resp
}

// answer reads the whole answer.
func (c *connection) answer() response {
	c.t.Helper()
	resp := c.response()
	body, err := io.ReadAll(resp.Body)
	must(c.t, err)
	_ = resp.Body.Close()
	a := response{status: resp.StatusCode, header: resp.Header, body: string(body)}
	c.described(a)
	return a
}

// described holds an answer to openapi.yaml.
func (c *connection) described(a response) {
	c.t.Helper()
	path, _, _ := strings.Cut(c.r.target, "?")
	route, _ := c.w.api.find(collapse(path))
	method := c.r.method
	if method == "" {
		method = http.MethodGet
	}
	if a.header.Get("Content-Encoding") == "" {
		if problem := described().check(route.name, method, a); problem != "" {
			c.t.Errorf("%s %s answers %d %.300q: openapi.yaml: %s", method, c.r.target, a.status, a.body, problem)
		}
	}
}

// do sends a request and reads the answer.
func (w *world) do(r request) response {
	w.t.Helper()
	return w.send(r).answer()
}

// get and post are requests for an export's path.
func (w *world) get(as int64) response { w.t.Helper(); return w.do(request{target: basePath, as: as}) }

func (w *world) post(as int64, form string) response {
	w.t.Helper()
	return w.do(request{method: http.MethodPost, target: basePath, as: as, form: form})
}

func (w *world) remove(as int64, id string) response {
	w.t.Helper()
	return w.do(request{method: http.MethodDelete, target: basePath + "/" + id, as: as})
}

// want checks the status and the body, which ends with a newline if it is an envelope.
func (r response) want(t *testing.T, status int, body string) response {
	t.Helper()
	if strings.HasPrefix(r.header.Get("Content-Type"), "application/json") {
		body += "\n"
	}
	if r.status != status || r.body != body {
		t.Fatalf("got %d %q, want %d %q", r.status, r.body, status, body)
	}
	return r
}

// wantHeader checks headers: names and values in turn. The value "" is for none.
func (r response) wantHeader(t *testing.T, pairs ...string) response {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := strings.Join(r.header.Values(pairs[i]), ", "); got != pairs[i+1] {
			t.Errorf("got %s: %q, want %q", pairs[i], got, pairs[i+1])
		}
	}
	return r
}

// The answers that api.md §7 abbreviates.
func ok(id int) string { return fmt.Sprintf(`{"result":"success","msg":"","id":%d}`, id) }

const done = `{"result":"success","msg":""}`

func refused(message string) string {
	return `{"result":"error","msg":"` + message + `","code":"BAD_REQUEST"}`
}

func (r response) wantRefused(t *testing.T, message string) {
	t.Helper()
	r.want(t, http.StatusBadRequest, refused(message)).wantHeader(t, "Content-Type", "application/json", "Cache-Control", "")
}

func (r response) wantUnauthorized(t *testing.T, message string) {
	t.Helper()
	r.want(t, http.StatusUnauthorized, `{"result":"error","msg":"`+message+`","code":"UNAUTHORIZED"}`).
		wantHeader(t, "Www-Authenticate", `Basic realm="zulip"`, "Cache-Control", "", "X-RateLimit-Limit", "")
}

func (r response) wantNoAdmin(t *testing.T) {
	t.Helper()
	r.want(t, http.StatusBadRequest, `{"result":"error","msg":"Must be an organization administrator","code":"UNAUTHORIZED_PRINCIPAL"}`).
		wantHeader(t, "X-RateLimit-Limit", "200")
}

func (r response) wantPage(t *testing.T, status int) {
	t.Helper()
	if r.status != status || !strings.HasPrefix(r.body, "<!DOCTYPE html>") {
		t.Fatalf("got %d %q, want a page with the status %d", r.status, r.body, status)
	}
	r.wantHeader(t, "Content-Type", "text/html; charset=utf-8")
}

// wantEmpty checks that there is no body.
func (r response) wantEmpty(t *testing.T, status int) response {
	t.Helper()
	if r.status != status || r.body != "" {
		t.Fatalf("got %d %q, want %d without a body", r.status, r.body, status)
	}
	return r
}
