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
	sha     hash.Hash // nil once bytes went by that were not seen
	size    int64
	content content
	err     error
}

// Sum identifies a finished archive.
type Sum struct {
	Size int64 // in bytes
	// SHA256 is nil if bytes were added unseen: see Stored.
	SHA256 []byte
}

var (
	errClosed = errors.New("archive was closed")
	errBegun  = errors.New("the archive was begun already")
)

// Opening returns the bytes that an archive begins with, before all Segments: the header of the gzip member. Deflate, no
// flags, no time, no hint of the level, system unknown: the same for everyone.
func Opening() []byte { return []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff} }

// NewJoiner returns a Joiner that writes to w. The Joiner does not close w.
func NewJoiner(w io.Writer) *Joiner { return &Joiner{w: w, sha: sha256.New()} }

// Stored is what is known of a run of Segments whose bytes are kept elsewhere.
type Stored struct {
	Size int64  // of the bytes
	Len  int64  // of what they inflate to
	CRC  uint32 // the CRC-32 (IEEE) of that
	// Opens says that the bytes begin with Opening.
	Opens bool
}

// Stored takes note of Segments that were added behind what was written so far, by other means than writing them to w. The
// archive's digest is not known any more then.
func (j *Joiner) Stored(s Stored) error {
	if j.err == nil && s.Opens && j.size > 0 {
		j.err = errBegun
	}
	if !s.Opens {
		j.begin()
	}
	if j.err != nil {
		return j.err
	}
	j.sha = nil
	j.size += s.Size
	j.content = j.content.join(content{len: s.Len, crc: s.CRC})
	return nil
}

// begin begins the archive, if it was not. An error stays in j.
func (j *Joiner) begin() {
	if j.size == 0 && j.err == nil {
		_, _ = j.raw(Opening())
	}
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
	sum := Sum{Size: j.size}
	if j.sha != nil {
		sum.SHA256 = j.sha.Sum(nil)
	}
	return sum, nil
}

// stored adds p without compressing it.
func (j *Joiner) stored(p []byte) {
	if writeStored(joinerWriter{j}, p) == nil {
		j.content = j.content.join(content{len: int64(len(p)), crc: crc32.ChecksumIEEE(p)})
	}
}

// write adds bytes to the archive as they are.
func (j *Joiner) write(p []byte) (int, error) {
	j.begin()
	return j.raw(p)
}

func (j *Joiner) raw(p []byte) (int, error) {
	if j.err != nil {
		return 0, j.err
	}
	n, err := j.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if j.sha != nil {
		j.sha.Write(p[:n])
	}
	j.size += int64(n)
	j.err = err
	return n, err
}

// joinerWriter is the Joiner as an io.Writer of compressed bytes, which is nobody else's.
type joinerWriter struct{ *Joiner }

func (w joinerWriter) Write(p []byte) (int, error) { return w.write(p) }
