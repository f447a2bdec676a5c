package postgres

import (
	"net"
	"time"
)

// dialer notices within about a minute that a server vanished without a farewell, as when the network is cut.
func dialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3},
		Control:         limitSilence,
	}
}
