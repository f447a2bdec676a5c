package export

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// spool keeps records on disk while they are not needed. It is written, then read once, in order.
type spool struct {
	file *os.File
	w    *bufio.Writer
}

// newSpool makes a spool in the folder. Its file has no name: nothing is left behind, whatever happens.
func newSpool(folder string) (*spool, error) {
	f, err := os.CreateTemp(folder, ".realmport-spool-*")
	if err != nil {
		return nil, fmt.Errorf("create temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &spool{file: f, w: bufio.NewWriter(f)}, nil
}

// add writes a record of several fields.
func (s *spool) add(fields ...[]byte) error {
	for _, f := range fields {
		if _, err := s.w.Write(binary.AppendUvarint(s.w.AvailableBuffer(), uint64(len(f)))); err != nil {
			return err
		}
		if _, err := s.w.Write(f); err != nil {
			return err
		}
	}
	return nil
}

// read hands each record of n fields to fn, which may keep them.
func (s *spool) read(n int, fn func(fields [][]byte) error) error {
	if err := s.w.Flush(); err != nil {
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	in := bufio.NewReader(s.file)
	for {
		fields := make([][]byte, n)
		for i := range fields {
			size, err := binary.ReadUvarint(in)
			if errors.Is(err, io.EOF) && i == 0 {
				return nil
			}
			if err != nil {
				return err
			}
			fields[i] = make([]byte, size)
			if _, err := io.ReadFull(in, fields[i]); err != nil {
				return err
			}
		}
		if err := fn(fields); err != nil {
			return err
		}
	}
}

func (s *spool) close() { _ = s.file.Close() }
