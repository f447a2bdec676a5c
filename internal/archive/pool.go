package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/klauspost/compress/flate"
)

// Pool makes Builders and recycles their buffers and compressors. It is safe for
// concurrent use.
type Pool struct {
	dir         string
	memory      int64
	create      func(dir string) (spillFile, error)
	compressors sync.Pool // of *flate.Writer, to be Reset before use
	chunks      sync.Pool // of *chunk
}

// NewPool returns a Pool of the compression level, from 1 (fast) to 9 (small), or 0 to
// compress nothing. A Builder keeps up to about memory bytes of compressed data, rounded
// up to 64 KiB; when it has more, it moves all of it to a temporary file in dir and keeps
// 64 KiB. The empty dir is the system's. The files have no name once they are open:
// none outlives the process.
func NewPool(level int, dir string, memory int) (*Pool, error) {
	if level < flate.NoCompression || level > flate.BestCompression {
		return nil, fmt.Errorf("make pool: compression level %d is not one of 0 to 9", level)
	}
	p := &Pool{dir: dir, memory: int64(memory), create: createSpillFile}
	p.chunks.New = func() any { return new(chunk) }
	p.compressors.New = func() any {
		w, err := flate.NewWriter(nil, level)
		if err != nil {
			panic(err) // the level was checked
		}
		return w
	}
	return p, nil
}

// Builder returns a new, empty Builder. The caller ends it with Finish or Discard.
func (p *Pool) Builder() *Builder {
	return &Builder{pool: p, out: spool{pool: p}}
}

// spillFile is what a spool needs of a temporary file.
type spillFile interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	io.Closer
}

func createSpillFile(dir string) (spillFile, error) {
	f, err := os.CreateTemp(dir, "realmport-*.deflate")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
