package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// readSecret returns what a file holds, without the line end after it, or what is wrong with the file. Opening does not wait for
// whoever writes to a pipe.
func readSecret(name string) (text, rule string) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", "cannot be read: " + withoutPath(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", "cannot be read: " + withoutPath(err)
	case !info.Mode().IsRegular():
		return "", "is not a file"
	case info.Mode().Perm()&0o007 != 0:
		return "", fmt.Sprintf("may be read or changed by every user of the machine (mode %04o): run chmod o= on it", info.Mode().Perm())
	}
	content, err := io.ReadAll(io.LimitReader(f, mostFile+1))
	switch {
	case err != nil:
		return "", "cannot be read: " + withoutPath(err)
	case len(content) > mostFile:
		return "", fmt.Sprintf("is larger than %d KiB", mostFile>>10)
	}
	text = strings.TrimRight(string(content), "\r\n")
	if text == "" {
		return "", "is empty"
	}
	return text, ""
}

// withoutPath is the message of an error without the path, which a problem names anyway.
func withoutPath(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
