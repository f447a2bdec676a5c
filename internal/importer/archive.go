package importer

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"

	"github.com/realmport/realmport"
)

const (
	sourceBuffer  = 256 << 10
	progressEvery = 1 << 20
	// maxMembers is how many files and folders an archive may have.
	maxMembers = 10_000_000
)

// readFunc is a reader.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// failure is an error of the reader or an end of the context, as opposed to damage in the archive.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// read reads the archive to its end.
func (r *run) read(ctx context.Context) error {
	err := r.readMembers(ctx)
	var f *failure
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return interrupted(ctx)
	case errors.As(err, &f) && realmport.ErrorCode(f.err) == realmport.Internal:
		return internal("read the archive: %w", f.err)
	case errors.As(err, &f):
		return f.err
	}
	return err
}

func (r *run) readMembers(ctx context.Context) error {
	source := r.source(ctx)
	gz, err := gzip.NewReader(source)
	if err != nil {
		return notGzip(err)
	}
	unpacked := r.unpacked(ctx, gz)
	tr := tar.NewReader(unpacked)
	for n := 0; ; n++ {
		header, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		// Insecure names are judged with all others.
		if err != nil && (header == nil || !errors.Is(err, tar.ErrInsecurePath)) {
			return damaged(err, n)
		}
		if n >= maxMembers {
			return invalid("the archive has more than %d files and folders: it is no archive of an organization", maxMembers)
		}
		if err := r.member(ctx, header, tr); err != nil {
			return damaged(err, n)
		}
	}
	return rest(unpacked)
}

// source reads the archive's bytes and tells how far it is.
func (r *run) source(ctx context.Context) *bufio.Reader {
	var told int64
	return bufio.NewReaderSize(readFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, &failure{ctx.Err()}
		}
		n, err := r.Archive.Read(p)
		r.summary.Bytes += int64(n)
		r.Meter.Bytes.Store(r.summary.Bytes)
		if read := r.summary.Bytes; r.Progress != nil && (read-told >= progressEvery || err != nil) {
			told = read
			r.Progress(read)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			err = &failure{err}
		}
		return n, err
	}), sourceBuffer)
}

// unpacked reads what the gzip holds, as much as the options and the disk allow.
func (r *run) unpacked(ctx context.Context, gz io.Reader) io.Reader {
	var size int64
	return readFunc(func(p []byte) (int, error) {
		// A few bytes of gzip may hold minutes of reading.
		if ctx.Err() != nil {
			return 0, &failure{ctx.Err()}
		}
		n, err := gz.Read(p)
		if size += int64(n); size <= r.unpacks {
			return n, err
		}
		if r.MaxBytes > 0 {
			return 0, &failure{invalid("the archive unpacks to more than the %d bytes that are allowed: if that is as it should be, "+
				"raise --max-bytes", r.unpacks)}
		}
		return 0, &failure{invalid("the archive unpacks to more than the %d bytes that are free on the disk of %s: make room, "+
			"or choose another disk", r.unpacks, r.Uploads)}
	})
}

// rest reads what follows the tar: nothing but zeros, up to the checksum of the gzip.
func rest(r io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return invalid("there is data after the end of the tar archive, which other programs may read differently")
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return damaged(err, -1)
		}
	}
}

// damaged says why the reading ended after so many members, or behind the last (-1). What has a message of
// its own keeps it.
func damaged(err error, members int) error {
	var f *failure
	var e *realmport.Error
	switch {
	case errors.As(err, &f), errors.As(err, &e):
		return err
	case members < 0 && errors.Is(err, gzip.ErrHeader):
		return invalid("there is something after the end of the gzip data that is not gzip: it is not an archive as an export wrote it")
	case members < 0:
		return invalid("the archive is damaged at its end: %w", err)
	case members == 0 && errors.Is(err, tar.ErrHeader):
		return invalid("the file is gzip, but what it holds is not a tar archive")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return invalid("the archive is cut short after %d members: get it again", members)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, tar.ErrHeader), isCorrupt(err):
		return invalid("the archive is damaged after %d members (%w): get it again", members, err)
	}
	return internal("import the archive's member %d: %w", members+1, err)
}

func notGzip(err error) error {
	var f *failure
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, io.EOF):
		return invalid("the file is empty; an archive of an organization is a .tar.gz file")
	}
	return invalid("the file is not gzip; an archive of an organization is a .tar.gz file: %w", err)
}
