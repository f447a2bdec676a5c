package postgres

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

func TestDialerNoticesSilence(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := dialer().DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]struct{ level, option, want int }{
		"keepalive":    {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		"idle":         {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 30},
		"interval":     {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 10},
		"count":        {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 3},
		"user timeout": {syscall.IPPROTO_TCP, tcpUserTimeout, 60_000},
	} {
		var got int
		var failed error
		err := raw.Control(func(fd uintptr) { got, failed = syscall.GetsockoptInt(int(fd), option.level, option.option) })
		if err != nil || failed != nil || got != option.want {
			t.Errorf("%s: got %d, %v, %v, want %d", name, got, err, failed, option.want)
		}
	}
}

func TestDialerOfSockets(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := dialer().DialContext(t.Context(), "unix", name)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}
