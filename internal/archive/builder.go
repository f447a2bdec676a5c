package archive

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

// Builder compresses bytes into a Segment. It is used by one goroutine at a time. After an
// error of its own, for instance a full disk, every method returns that error and only
// Discard is left to do.
type Builder struct {
	pool    *Pool
	out     spool
	content content
	// run is the compressor of an unfinished run of blocks, nil between two. A run knows nothing
	// of the bytes before it.
	run *flate.Writer
	err error
}

var _ io.Writer = (*Builder)(nil)

var (
	errEnded = errors.New("builder was finished or discarded")
	errMark  = errors.New("mark is not valid any more")
)

// Write compresses p.
func (b *Builder) Write(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if b.run == nil {
		b.run = b.pool.compressors.Get().(*flate.Writer)
		b.run.Reset(&b.out)
	}
	if _, err := b.run.Write(p); err != nil {
		return 0, b.fail(err)
	}
	b.count(p)
	return len(p), nil
}

// maxStored is the size of the largest stored block of deflate.
const maxStored = 1<<16 - 1

// WriteStored adds p without compressing it, which is right for bytes that are compressed
// already. It costs 5 bytes for every 65535, and for the rest of each call.
func (b *Builder) WriteStored(p []byte) (int, error) {
	b.seal()
	if b.err != nil {
		return 0, b.err
	}
	if err := writeStored(&b.out, p); err != nil {
		return 0, b.fail(err)
	}
	b.count(p)
	return len(p), nil
}

// writeStored writes p as stored blocks of deflate, none of them final.
func writeStored(w io.Writer, p []byte) error {
	var head [5]byte
	for len(p) > 0 {
		n := min(len(p), maxStored)
		binary.LittleEndian.PutUint16(head[1:], uint16(n))
		binary.LittleEndian.PutUint16(head[3:], ^uint16(n))
		if _, err := w.Write(head[:]); err != nil {
			return err
		}
		if _, err := w.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// Append adds what s holds, by copying its compressed bytes. The Segment stays the caller's.
func (b *Builder) Append(s *Segment) error {
	b.seal()
	if b.err != nil {
		return b.err
	}
	if _, err := s.WriteTo(&b.out); err != nil {
		return b.fail(err)
	}
	b.content = b.content.join(s.content)
	return nil
}

// Len returns how many bytes were added.
func (b *Builder) Len() int64 { return b.content.len }

// Mark is a state of a Builder to which it can return.
type Mark struct {
	size    int64
	content content
}

// Mark returns the present state. It ends the run of blocks, so that frequent
// marks make the Segment larger.
func (b *Builder) Mark() Mark {
	b.seal()
	return Mark{size: b.out.size, content: b.content}
}

// Rollback returns to the state of m, as if nothing had been added since. It makes the marks
// that were taken after m invalid.
func (b *Builder) Rollback(m Mark) error {
	b.drop()
	if b.err != nil {
		return b.err
	}
	if m.size > b.out.size {
		return b.fail(errMark)
	}
	if err := b.out.truncate(m.size); err != nil {
		return b.fail(err)
	}
	b.content = m.content
	return nil
}

// Finish ends the Builder and returns what it built. The caller releases the
// Segment. After an error there is none, and nothing to release.
func (b *Builder) Finish() (*Segment, error) {
	b.seal()
	if b.err == nil && b.out.file != nil {
		b.err = b.out.flush()
	}
	if err := b.err; err != nil {
		b.Discard()
		return nil, err
	}
	s := &Segment{out: b.out, content: b.content}
	b.out, b.err = spool{pool: b.pool}, errEnded
	return s, nil
}

// Discard ends the Builder and frees what it holds. After Finish it does nothing.
func (b *Builder) Discard() {
	b.drop()
	// The bytes are not wanted, nor is what closing their file may say.
	_ = b.out.close()
	if b.err == nil {
		b.err = errEnded
	}
}

// count adds p to the content.
func (b *Builder) count(p []byte) {
	b.content.len += int64(len(p))
	b.content.crc = crc32.Update(b.content.crc, crc32.IEEETable, p)
}

// seal ends the run of blocks at a byte.
func (b *Builder) seal() {
	if b.run == nil {
		return
	}
	b.err = b.run.Flush()
	b.drop()
}

// drop gives the compressor back, with what is still in it.
func (b *Builder) drop() {
	if b.run != nil {
		b.pool.compressors.Put(b.run)
		b.run = nil
	}
}

// fail makes err the Builder's end.
func (b *Builder) fail(err error) error {
	b.drop()
	b.err = err
	return err
}
