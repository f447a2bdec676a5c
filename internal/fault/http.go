package fault

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// HTTP forwards HTTP requests to a server, and spoils those it is told to. The server sees the host that the client named, so that
// signatures of requests stay right. Its methods are safe for concurrent use.
type HTTP struct {
	target string // HOST:PORT
	server http.Server
	wait   sync.WaitGroup
	forth  *httputil.ReverseProxy
	out    *http.Transport

	mu       sync.Mutex
	plans    []*plan       // +checklocks:mu
	requests []Request     // +checklocks:mu
	delay    time.Duration // +checklocks:mu
	refuses  bool          // +checklocks:mu
	conns    map[net.Conn]struct{}
	up, down int64 // +checklocks:mu
}

// Request is what passed of a request.
type Request struct {
	Method, Path string
	Query        url.Values
	Header       http.Header
}

// Fault spoils a request; next forwards it.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// plan is a fault for the next requests of a kind.
type plan struct {
	left  int
	match func(*http.Request) bool
	fault Fault
}

// NewHTTP starts a proxy on a loopback port for the server at target, HOST:PORT. It stops with the test, which fails if a planned
// fault did not happen.
func NewHTTP(tb testing.TB, target string) *HTTP {
	tb.Helper()
	h, err := StartHTTP(target)
	if err != nil {
		tb.Fatalf("start proxy: %v", err)
	}
	tb.Cleanup(func() {
		if left := h.Stop(); left > 0 {
			tb.Errorf("planned faults did not happen, %d times", left)
		}
	})
	return h
}

// StartHTTP is NewHTTP outside of tests. The caller stops it.
func StartHTTP(target string) (*HTTP, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &HTTP{target: target, conns: map[net.Conn]struct{}{}, out: &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true}}
	h.forth = &httputil.ReverseProxy{
		Transport: h.out,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", target, r.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	h.server.Addr = listener.Addr().String()
	h.server.Handler = http.HandlerFunc(h.serve)
	h.server.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
	h.wait.Go(func() { _ = h.server.Serve(counting{listener, h}) })
	return h, nil
}

// Stop ends the proxy and its connections, and returns how often planned faults were still to happen.
func (h *HTTP) Stop() (left int) {
	_ = h.server.Close()
	h.wait.Wait()
	h.out.CloseIdleConnections()
	h.set(func() {
		for _, p := range h.plans {
			left += max(p.left, 0)
		}
	})
	return left
}

// Addr is where the proxy listens, HOST:PORT.
func (h *HTTP) Addr() string { return h.server.Addr }

// Spoil plans the fault for the next n requests that match; nil is any. Plans are tried in the order they were made.
func (h *HTTP) Spoil(n int, match func(*http.Request) bool, fault Fault) {
	h.set(func() { h.plans = append(h.plans, &plan{n, match, fault}) })
}

// Always plans the fault for all requests that match, from now on. It need not happen.
func (h *HTTP) Always(match func(*http.Request) bool, fault Fault) {
	h.set(func() { h.plans = append(h.plans, &plan{-1, match, fault}) })
}

// Delay makes the proxy hold each request for so long before it forwards it.
func (h *HTTP) Delay(d time.Duration) { h.set(func() { h.delay = d }) }

// Refuse makes the proxy close all connections, and new ones at once.
func (h *HTTP) Refuse() {
	h.set(func() {
		h.refuses = true
		for c := range h.conns {
			_ = c.Close()
		}
	})
}

// Accept makes the proxy let connections through again.
func (h *HTTP) Accept() { h.set(func() { h.refuses = false }) }

// Bytes is how many bytes came from clients, and went to them, so far: all that passed their sockets.
func (h *HTTP) Bytes() (up, down int64) {
	h.set(func() { up, down = h.up, h.down })
	return up, down
}

// Requests are those that match, in the order they came, spoilt or not; nil is any.
func (h *HTTP) Requests(match func(Request) bool) []Request {
	var list []Request
	h.set(func() {
		for _, r := range h.requests {
			if match == nil || match(r) {
				list = append(list, r)
			}
		}
	})
	return list
}

func (h *HTTP) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

// plan takes note of a request, and returns what is to become of it.
func (h *HTTP) plan(r *http.Request) (fault Fault, delay time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = append(h.requests, Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone()})
	i := slices.IndexFunc(h.plans, func(p *plan) bool { return p.left != 0 && (p.match == nil || p.match(r)) })
	if i < 0 {
		return nil, h.delay
	}
	if h.plans[i].left > 0 {
		h.plans[i].left--
	}
	return h.plans[i].fault, h.delay
}

func (h *HTTP) serve(w http.ResponseWriter, r *http.Request) {
	fault, delay := h.plan(r)
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	if fault == nil {
		h.forth.ServeHTTP(w, r)
		return
	}
	fault(w, r, h.forth)
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// reset ends a request's connection so that the client is told of a reset.
func reset(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*counted); ok {
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
	panic(http.ErrAbortHandler)
}

// counting is a listener whose connections count what passes, and are refused when they should be.
type counting struct {
	net.Listener
	h *HTTP
}

// Accept implements net.Listener.
func (l counting) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		refused := false
		l.h.set(func() {
			if refused = l.h.refuses; !refused {
				l.h.conns[c] = struct{}{}
			}
		})
		if !refused {
			return &counted{c, l.h}, nil
		}
		_ = c.Close()
	}
}

// counted counts what passes a connection.
type counted struct {
	net.Conn
	h *HTTP
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.h.set(func() { c.h.up += int64(n) })
	return n, err
}

// Write implements io.Writer.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.h.set(func() { c.h.down += int64(n) })
	return n, err
}

// Close implements io.Closer.
func (c *counted) Close() error {
	c.h.set(func() { delete(c.h.conns, c.Conn) })
	return c.Conn.Close()
}
