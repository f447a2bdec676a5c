package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"
)

// folder is an upload folder to write to; a nil one takes everything and keeps nothing.
type folder struct {
	root *os.Root
	now  time.Time // the time of files that have none
}

// openFolder opens the folder of that name, making it if need be. There is none for "".
func openFolder(dir string, now time.Time) (*folder, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("write demo uploads: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("write demo uploads: %w", err)
	}
	return &folder{root, now}, nil
}

// write writes a file over what is there.
func (f *folder) write(name string, content []byte, modified time.Time) error {
	if f == nil {
		return nil
	}
	if modified.IsZero() {
		modified = f.now
	}
	err := f.root.WriteFile(name, content, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		if err = f.root.MkdirAll(path.Dir(name), 0o755); err == nil {
			err = f.root.WriteFile(name, content, 0o644)
		}
	}
	if err == nil {
		err = f.root.Chtimes(name, modified, modified)
	}
	if err != nil {
		return fmt.Errorf("write demo uploads: %w", err)
	}
	return nil
}

func (f *folder) close() error {
	if f == nil {
		return nil
	}
	return f.root.Close()
}
