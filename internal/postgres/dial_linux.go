package postgres

import (
	"strings"
	"syscall"
)

// Values of <linux/tcp.h>.
const (
	tcpUserTimeout = 18     // TCP_USER_TIMEOUT
	maxSilence     = 60_000 // milliseconds
)

// limitSilence bounds how long what was sent may stay unacknowledged: without it the system tries for a quarter of an hour.
func limitSilence(network, _ string, raw syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, maxSilence)
	})
	if err != nil {
		return err
	}
	return failed
}
