package main

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// stall stands between the program and its server, and holds back what the server says after a number
// of bytes, until it is told to go on: so a test knows that the program is in the middle.
type stall struct {
	dsn     string        // by which the server is reached through it
	stalled chan struct{} // closed when it holds something back
	release func()        // lets everything through; the test's end does it too

	mu   sync.Mutex
	left int64 // bytes to let through; +checklocks:mu
}

func newStall(t *testing.T, dsn string, after int64) *stall {
	t.Helper()
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Host = listener.Addr().String()
	released := make(chan struct{})
	s := &stall{
		dsn: u.String(), stalled: make(chan struct{}), left: after,
		release: sync.OnceFunc(func() { close(released) }),
	}
	once := sync.OnceFunc(func() { close(s.stalled) })
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	var open sync.WaitGroup
	open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer client.Close()
				server, err := net.Dial(network, address)
				if err != nil {
					t.Error(err)
					return
				}
				open.Go(func() {
					_, _ = io.Copy(server, client)
					_ = server.Close() // the program is gone
				})
				s.answer(client, server, once, released)
			})
		}
	})
	t.Cleanup(func() {
		s.release()
		_ = listener.Close()
		open.Wait()
	})
	return s
}

// answer copies what the server says, up to the bound of all connections together.
func (s *stall) answer(client io.Writer, server io.Reader, hold func(), released <-chan struct{}) {
	buf := make([]byte, 8<<10)
	for {
		n, err := server.Read(buf)
		if n > 0 && s.take(n) {
			hold()
			<-released
		}
		if _, failed := client.Write(buf[:n]); failed != nil || err != nil {
			return
		}
	}
}

// take counts n bytes, and tells whether they are too many.
func (s *stall) take(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left -= int64(n)
	return s.left < 0
}
