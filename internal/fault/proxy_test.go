package fault_test

import (
	"io"
	"net"
	"testing"

	"github.com/realmport/realmport/internal/fault"
)

// echo starts a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, p *fault.Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// exchange sends s and returns what comes back before the connection ends or all of s is there.
func exchange(c net.Conn, s string) string {
	_, _ = io.WriteString(c, s)
	b := make([]byte, len(s))
	n, _ := io.ReadFull(c, b)
	return string(b[:n])
}

func TestProxy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(*fault.Proxy)
		// what comes back on a connection that was there before, and on a new one
		old, fresh string
	}{
		"forwards":         {func(*fault.Proxy) {}, "hello", "hello"},
		"cuts":             {(*fault.Proxy).Cut, "", "hello"},
		"refuses":          {(*fault.Proxy).Refuse, "hello", ""},
		"accepts again":    {func(p *fault.Proxy) { p.Refuse(); p.Accept() }, "hello", "hello"},
		"cuts after bytes": {func(p *fault.Proxy) { p.CutAfter(3) }, "hello", "hel"},
		"cuts at once":     {func(p *fault.Proxy) { p.CutAfter(0) }, "hello", ""},
		"no longer cuts":   {func(p *fault.Proxy) { p.CutAfter(3); p.CutAfter(-1) }, "hello", "hello"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := fault.NewProxy(t, echo(t))
			old := dial(t, p)
			if got := exchange(old, "first"); got != "first" {
				t.Fatalf("before the fault: got %q, want first", got)
			}
			tt.spoil(p)
			if got := exchange(old, "hello"); got != tt.old {
				t.Errorf("old connection: got %q, want %q", got, tt.old)
			}
			if got := exchange(dial(t, p), "hello"); got != tt.fresh {
				t.Errorf("new connection: got %q, want %q", got, tt.fresh)
			}
		})
	}
}

func TestProxyWithoutServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := fault.NewProxy(t, l.Addr().String())
	_ = l.Close()
	if got := exchange(dial(t, p), "hello"); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
	if got := p.Taken(); got != 0 {
		t.Errorf("got %d connections let through, want none", got)
	}
}
