package archive

import (
	"fmt"
	"io"
)

// chunk is the unit in which spools hold memory.
type chunk [chunkSize]byte

const chunkSize = 64 << 10

// spool is a run of bytes that grows at its end, in memory until it has more than
// the pool allows. After an error of Write, flush or truncate it can only be closed.
type spool struct {
	pool   *Pool
	size   int64
	file   spillFile // nil until memory was exceeded
	filed  int64     // how many bytes the file holds
	chunks []*chunk  // the bytes after those; none is empty
}

func (s *spool) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		used := int((s.size - s.filed) % chunkSize)
		if used == 0 {
			s.chunks = append(s.chunks, s.pool.chunks.Get().(*chunk))
		}
		k := copy(s.chunks[len(s.chunks)-1][used:], p)
		p = p[k:]
		s.size += int64(k)
		if s.full() {
			if err := s.flush(); err != nil {
				return n - len(p), err
			}
		}
	}
	return n, nil
}

func (s *spool) full() bool {
	if s.file == nil {
		return s.size > s.pool.memory
	}
	return s.size-s.filed == chunkSize
}

// flush moves to the file what is in memory.
func (s *spool) flush() error {
	if s.file == nil {
		f, err := s.pool.create(s.pool.dir)
		if err != nil {
			return fmt.Errorf("create spill file: %w", err)
		}
		s.file = f
	}
	for _, c := range s.chunks {
		n := min(chunkSize, s.size-s.filed)
		if _, err := s.file.WriteAt(c[:n], s.filed); err != nil {
			return fmt.Errorf("write spill file: %w", err)
		}
		s.filed += n
	}
	s.keep(0)
	return nil
}

// truncate cuts the run to its first size bytes.
func (s *spool) truncate(size int64) error {
	s.size = size
	if size < s.filed {
		if err := s.file.Truncate(size); err != nil {
			return fmt.Errorf("truncate spill file: %w", err)
		}
		s.filed = size
	}
	s.keep(int((size - s.filed + chunkSize - 1) / chunkSize))
	return nil
}

// keep gives back all but the first n chunks.
func (s *spool) keep(n int) {
	for _, c := range s.chunks[n:] {
		s.pool.chunks.Put(c)
	}
	clear(s.chunks[n:])
	s.chunks = s.chunks[:n]
}

// WriteTo writes the run to w. It changes nothing and may run several times at once.
func (s *spool) WriteTo(w io.Writer) (int64, error) {
	written, err := s.writeFile(w)
	for _, c := range s.chunks {
		if err != nil {
			break
		}
		var n int
		n, err = w.Write(c[:min(chunkSize, s.size-written)])
		written += int64(n)
	}
	return written, err
}

func (s *spool) writeFile(w io.Writer) (written int64, err error) {
	if s.filed == 0 {
		return 0, nil
	}
	buf := s.pool.chunks.Get().(*chunk)
	defer s.pool.chunks.Put(buf)
	for written < s.filed {
		b := buf[:min(chunkSize, s.filed-written)]
		// ReadAt may say io.EOF with the last byte.
		if n, err := s.file.ReadAt(b, written); n < len(b) {
			return written, fmt.Errorf("read spill file: %w", err)
		}
		n, err := w.Write(b)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// close gives back memory and file. It is idempotent; nothing but size is left to read.
func (s *spool) close() error {
	s.keep(0)
	s.chunks = nil
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	if err := f.Close(); err != nil {
		return fmt.Errorf("close spill file: %w", err)
	}
	return nil
}
