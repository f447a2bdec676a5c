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

// PartSizes returns the size of each part that an archive can have.
func PartSizes(first int64) []int64 {
	o := &output{stock: &Stock{partSize: first}}
	sizes := make([]int64, maxParts)
	for i := range sizes {
		sizes[i] = o.partSize()
		o.parts = append(o.parts, nil)
	}
	return sizes
}
