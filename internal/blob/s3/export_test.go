package s3

import (
	"context"
	"net"
)

// Metadata is for the fuzz test.
var Metadata = metadata

// DialAll makes the client connect to that address, whatever host is named: a name server for tests.
func (c *Client) DialAll(addr string) {
	c.transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
}

// PartSizes returns the size of each part that an archive can have, and how many are on their way while it is written.
func PartSizes(first int64) (sizes []int64, besides []int) {
	s := &Stock{partSize: first}
	for i := range maxParts {
		sizes, besides = append(sizes, s.sizeOf(i)), append(besides, beside(s.sizeOf(i)))
	}
	return sizes, besides
}
