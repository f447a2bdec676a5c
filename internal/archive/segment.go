package archive

import (
	"errors"
	"io"
)

// Segment is a finished run of raw deflate blocks: it begins and ends at a byte, no
// block in it is final, and none refers to bytes before it. It does not change any more; all
// methods but Release may be called at the same time.
type Segment struct {
	out      spool
	content  content
	released bool
}

// content is what a run of deflate blocks inflates to.
type content struct {
	len int64
	crc uint32
}

// join returns the content of two runs, one behind the other.
func (c content) join(next content) content {
	return content{len: c.len + next.len, crc: CombineCRC(c.crc, next.crc, next.len)}
}

var errReleased = errors.New("segment was released")

// Len returns how many bytes the Segment inflates to.
func (s *Segment) Len() int64 { return s.content.len }

// Size returns how many bytes the Segment has, compressed.
func (s *Segment) Size() int64 { return s.out.size }

// CRC returns the CRC-32 (IEEE) of the bytes that the Segment inflates to.
func (s *Segment) CRC() uint32 { return s.content.crc }

// WriteTo writes the compressed bytes to w. It can be repeated until Release.
func (s *Segment) WriteTo(w io.Writer) (int64, error) {
	if s.released {
		return 0, errReleased
	}
	return s.out.WriteTo(w)
}

// Release frees the Segment's memory or temporary file. It is idempotent.
func (s *Segment) Release() error {
	s.released = true
	return s.out.close()
}
