package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
)

// Joiner writes a tar in one gzip member, from Segments that hold whole entries. It is used by
// one goroutine at a time. After an error every method returns that error, and what was
// written is of no use.
type Joiner struct {
	w       io.Writer
	sha     hash.Hash
	size    int64
	content content
	err     error
}

// Sum identifies a finished archive.
type Sum struct {
	Size   int64 // in bytes
	SHA256 [sha256.Size]byte
}

var errClosed = errors.New("archive was closed")

// NewJoiner returns a Joiner that writes to w, and begins the archive. The Joiner does
// not close w. An error of this first write is returned by whatever is called next.
func NewJoiner(w io.Writer) *Joiner {
	j := &Joiner{w: w, sha: sha256.New()}
	// Deflate, no flags, no time, no hint of the level, system unknown: the same for
	// everyone. An error stays in j.
	_, _ = j.write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff})
	return j
}

// Append adds what s holds. The Segment stays the caller's.
func (j *Joiner) Append(s *Segment) error {
	if j.err != nil {
		return j.err
	}
	if _, err := s.WriteTo(joinerWriter{j}); err != nil {
		j.err = err
		return err
	}
	j.content = j.content.join(s.content)
	return nil
}

// Entry adds one entry whose body are the contents of the Segments, in their order; h.Size is set
// from them. It is for few and large entries, as it does not compress the header. The
// Segments stay the caller's. If the header cannot be written, nothing is added and the
// Joiner can go on.
func (j *Joiner) Entry(h Header, bodies ...*Segment) error {
	head, end, err := frame(h, bodies)
	if err != nil {
		return err
	}
	j.stored(head)
	for _, body := range bodies {
		if err := j.Append(body); err != nil {
			return err
		}
	}
	j.stored(end)
	return j.err // of either stored
}

// Close ends the archive and returns its sum. Only then is the archive whole.
func (j *Joiner) Close() (Sum, error) {
	j.stored(make([]byte, 2*blockSize)) // the end of a tar
	trailer := []byte{3, 0}             // an empty final block of deflate
	trailer = binary.LittleEndian.AppendUint32(trailer, j.content.crc)
	trailer = binary.LittleEndian.AppendUint32(trailer, uint32(j.content.len))
	if _, err := j.write(trailer); err != nil {
		return Sum{}, err
	}
	j.err = errClosed
	return Sum{Size: j.size, SHA256: [sha256.Size]byte(j.sha.Sum(nil))}, nil
}

// stored adds p without compressing it.
func (j *Joiner) stored(p []byte) {
	if writeStored(joinerWriter{j}, p) == nil {
		j.content = j.content.join(content{len: int64(len(p)), crc: crc32.ChecksumIEEE(p)})
	}
}

// write adds bytes to the archive as they are.
func (j *Joiner) write(p []byte) (int, error) {
	if j.err != nil {
		return 0, j.err
	}
	n, err := j.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	j.sha.Write(p[:n])
	j.size += int64(n)
	j.err = err
	return n, err
}

// joinerWriter is the Joiner as an io.Writer of compressed bytes, which is nobody else's.
type joinerWriter struct{ *Joiner }

func (w joinerWriter) Write(p []byte) (int, error) { return w.write(p) }
