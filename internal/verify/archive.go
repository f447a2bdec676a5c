package verify

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/gzip"

	"github.com/realmport/realmport"
)

// archive is a gzip-compressed tar in a file.
type archive struct {
	r        io.ReaderAt
	size     int64
	digest   hash.Hash // of the file's bytes, during a walk; may be nil
	progress func(int64)
}

// readFunc is a reader.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

const (
	sourceBuffer  = 256 << 10
	progressEvery = 4 << 20
)

// failure is an error of the file or an end of the context, as opposed to damage in the archive.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }

// walk calls fn for each member of the archive, in order. The body is valid during the call and
// need not be read. It returns a sentence about the damage that ended the reading, "" if
// it got to the end, and an error if the archive could not be read at all.
func (a *archive) walk(ctx context.Context, fn func(*tar.Header, io.Reader)) (damage string, err error) {
	source := a.source(ctx)
	gz, err := gzip.NewReader(source)
	if err != nil {
		return "", notGzip(ctx, err)
	}
	damage, err = a.members(ctx, gz, fn)
	if err != nil {
		return "", stopped(ctx, err)
	}
	// The digest is of the whole file, whatever could be understood of it.
	if _, err := io.Copy(io.Discard, source); err != nil {
		return "", stopped(ctx, err)
	}
	return damage, nil
}

// source reads the file from its beginning.
func (a *archive) source(ctx context.Context) *bufio.Reader {
	section := io.NewSectionReader(a.r, 0, a.size)
	var read, told int64
	return bufio.NewReaderSize(readFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, &failure{ctx.Err()}
		}
		n, err := section.Read(p)
		if a.digest != nil {
			a.digest.Write(p[:n])
		}
		read += int64(n)
		if a.progress != nil && (read-told >= progressEvery || read == a.size && n > 0) {
			told = read
			a.progress(read)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			err = &failure{err}
		}
		return n, err
	}), sourceBuffer)
}

func (a *archive) members(ctx context.Context, gz *gzip.Reader, fn func(*tar.Header, io.Reader)) (string, error) {
	unpacked := readFunc(func(p []byte) (int, error) {
		// A few bytes of gzip may hold minutes of reading.
		if ctx.Err() != nil {
			return 0, &failure{ctx.Err()}
		}
		return gz.Read(p)
	})
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
		fn(header, tr)
	}
	return rest(unpacked)
}

// rest reads what follows the tar: nothing but zeros, up to the checksum of the gzip.
func rest(r io.Reader) (string, error) {
	buf := make([]byte, 32<<10)
	stray := false
	for {
		n, err := r.Read(buf)
		for _, b := range buf[:n] {
			stray = stray || b != 0
		}
		switch {
		case errors.Is(err, io.EOF) && stray:
			return "there is data after the end of the tar archive, which other programs may read differently", nil
		case errors.Is(err, io.EOF):
			return "", nil
		case err != nil:
			return damaged(err, -1)
		}
	}
}

// damaged says why the reading ended after so many members, or behind the last (-1).
func damaged(err error, members int) (string, error) {
	var f *failure
	if errors.As(err, &f) {
		return "", err
	}
	switch {
	case members < 0 && errors.Is(err, gzip.ErrHeader):
		return "there is something after the end of the gzip data that is not gzip", nil
	case members < 0:
		return fmt.Sprintf("the archive is damaged at its end: %s", cut(err.Error(), maxQuoted)), nil
	case members == 0 && errors.Is(err, tar.ErrHeader):
		return "the file is gzip, but what it holds is not a tar archive", nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("the archive is cut short after %d members; the rest was not checked", members), nil
	}
	return fmt.Sprintf("the archive is damaged after %d members (%s); the rest was not checked",
		members, cut(err.Error(), maxQuoted)), nil
}

func notGzip(ctx context.Context, err error) error {
	var f *failure
	if errors.As(err, &f) {
		return stopped(ctx, err)
	}
	if errors.Is(err, io.EOF) {
		return realmport.Errorf(realmport.Invalid, "the file is empty; an archive of an organization is a .tar.gz file")
	}
	return realmport.Errorf(realmport.Invalid, "the file is not gzip; an archive of an organization is a .tar.gz file: %w", err)
}

func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return realmport.Errorf(realmport.Interrupted, "the verification was interrupted: %w", context.Cause(ctx))
	}
	return realmport.Errorf(realmport.Internal, "read the archive: %w", err)
}
