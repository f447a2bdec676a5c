// Package fault makes things go wrong, for tests.
package fault

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy forwards TCP connections to a server until it is told to break them. Its
// methods are safe for concurrent use.
type Proxy struct {
	targets  []string
	listener net.Listener
	wait     sync.WaitGroup

	mu      sync.Mutex
	refuses bool                  // +checklocks:mu
	limit   int64                 // +checklocks:mu
	conns   map[net.Conn]struct{} // both ends of each connection; +checklocks:mu
	taken   int                   // +checklocks:mu
}

// NewProxy starts a proxy on a loopback port for the server at a target, HOST:PORT; of several, connections reach one
// after the other in turn. It stops, and ends its connections, with the test.
func NewProxy(tb testing.TB, targets ...string) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("start proxy: %v", err)
	}
	p := &Proxy{targets: targets, listener: listener, limit: -1, conns: map[net.Conn]struct{}{}}
	p.wait.Go(p.serve)
	tb.Cleanup(func() {
		_ = listener.Close()
		p.Refuse()
		p.Cut()
		p.wait.Wait()
	})
	return p
}

// Addr is where the proxy listens, HOST:PORT.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Taken is how many connections the proxy has let through so far.
func (p *Proxy) Taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

// Refuse makes the proxy close new connections at once. Those it has stay.
func (p *Proxy) Refuse() { p.set(func() { p.refuses = true }) }

// Accept makes the proxy let new connections through again.
func (p *Proxy) Accept() { p.set(func() { p.refuses = false }) }

// CutAfter makes the proxy cut each new connection once its server has sent n bytes; a
// negative n takes that back.
func (p *Proxy) CutAfter(n int64) { p.set(func() { p.limit = n }) }

// Cut breaks all connections.
func (p *Proxy) Cut() {
	p.set(func() {
		for c := range p.conns {
			_ = c.Close()
		}
	})
}

func (p *Proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *Proxy) serve() {
	for i := 0; ; i++ {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wait.Go(func() { p.forward(client, p.targets[i%len(p.targets)]) })
	}
}

// forward passes bytes on in both directions until either side ends.
func (p *Proxy) forward(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	limit, ok := p.admit(client, server)
	if !ok {
		return
	}
	defer p.forget(client, server)
	p.wait.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	if limit < 0 {
		_, _ = io.Copy(client, server)
	} else {
		_, _ = io.CopyN(client, server, limit)
	}
}

// admit registers a connection and tells how much of it may pass, unless the proxy refuses it.
func (p *Proxy) admit(client, server net.Conn) (limit int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuses {
		return 0, false
	}
	p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	p.taken++
	return p.limit, true
}

func (p *Proxy) forget(client, server net.Conn) {
	p.set(func() {
		delete(p.conns, client)
		delete(p.conns, server)
	})
}
