package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// blockSize is the unit of a tar: every entry and the archive's end are multiples of it.
const blockSize = 512

// Header describes an entry of a tar.
type Header struct {
	// Name is the path inside the archive, relative and with slashes. A folder's
	// gets the slash at its end from Dir.
	Name     string
	Size     int64     // of the body, in bytes
	Modified time.Time // rounded down to a second
	Mode     int64     // the permission bits
	Dir      bool      // a folder, which has no body
}

// Bytes returns the header as it stands in a tar: 512 bytes, or more for what only a PAX
// record can hold (long names, names beyond ASCII, sizes of 8 GiB and more). A name that could
// leave the folder it is unpacked in is an error.
func (h Header) Bytes() ([]byte, error) {
	if !fs.ValidPath(h.Name) || h.Name == "." {
		return nil, fmt.Errorf("name %q is not a path inside an archive", h.Name)
	}
	th := &tar.Header{
		Typeflag: tar.TypeReg, Name: h.Name, Size: h.Size, Mode: h.Mode,
		ModTime: h.Modified.Truncate(time.Second),
	}
	if h.Dir {
		th.Typeflag, th.Name = tar.TypeDir, h.Name+"/"
		if h.Size != 0 {
			return nil, errors.New("a folder has no body")
		}
	}
	var buf bytes.Buffer
	// The writer is left open: closing it would write the archive's end.
	if err := tar.NewWriter(&buf).WriteHeader(th); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// padding returns the zeros that follow a body of the size.
func padding(size int64) []byte {
	var zeros [blockSize]byte
	return zeros[:-size&(blockSize-1)]
}

// SourceError says that an entry could not be added because of its own header or
// body. The Builder is as it was before the entry, and can go on.
type SourceError struct {
	Name string
	Err  error
}

// Error returns the entry's name and the cause.
func (e *SourceError) Error() string { return fmt.Sprintf("add %q: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

var errLonger = errors.New("longer than its size")

// File adds an entry whose body are the h.Size bytes of r, which may be nil for a folder. Stored
// says not to compress the body. If the header cannot be written, or r fails, ends
// before h.Size bytes or does not end after them, File returns a *SourceError; any other error
// is the Builder's own. When r ends with its context, that is a *SourceError too.
func (b *Builder) File(h Header, r io.Reader, stored bool) error {
	head, err := h.Bytes()
	if err != nil {
		return &SourceError{Name: h.Name, Err: err}
	}
	start := b.Mark()
	if _, err := b.Write(head); err != nil {
		return err
	}
	if r == nil {
		r = bytes.NewReader(nil)
	}
	err = b.body(r, h.Size, stored)
	if b.err != nil {
		return b.err
	}
	if err != nil {
		if err := b.Rollback(start); err != nil {
			return err
		}
		return &SourceError{Name: h.Name, Err: err}
	}
	_, err = b.Write(padding(h.Size))
	return err
}

// body adds size bytes of r, which must end there.
func (b *Builder) body(r io.Reader, size int64, stored bool) error {
	add := b.Write
	if stored {
		add = b.WriteStored
	}
	c := b.pool.chunks.Get().(*chunk)
	defer b.pool.chunks.Put(c)
	for size > 0 {
		p := c[:min(size, maxStored)]
		if _, err := io.ReadFull(r, p); err != nil {
			return noEOF(err)
		}
		if _, err := add(p); err != nil {
			return err
		}
		size -= int64(len(p))
	}
	_, err := io.ReadFull(r, c[:1])
	switch {
	case err == nil:
		return errLonger
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// noEOF keeps a body that ends early from looking like one that ended well.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Entry adds an entry whose body are the contents of the Segments, in their order; h.Size
// is set from them. The Segments stay the caller's. If the header cannot be written,
// nothing is added and the Builder can go on.
func (b *Builder) Entry(h Header, bodies ...*Segment) error {
	head, end, err := frame(h, bodies)
	if err != nil {
		return err
	}
	b.seal() // so that the bytes of an entry do not depend on which Builder the one before it was in
	if _, err := b.Write(head); err != nil {
		return err
	}
	for _, body := range bodies {
		if err := b.Append(body); err != nil {
			return err
		}
	}
	_, err = b.Write(end)
	return err
}

// frame returns what stands before and behind the bodies of an entry.
func frame(h Header, bodies []*Segment) (head, end []byte, err error) {
	h.Size = 0
	for _, body := range bodies {
		h.Size += body.Len()
	}
	head, err = h.Bytes()
	if err != nil {
		return nil, nil, fmt.Errorf("add %q: %w", h.Name, err)
	}
	return head, padding(h.Size), nil
}
