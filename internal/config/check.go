package config

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// What access asks for.
const (
	toRead  = 0x4 | 0x1 // and to go in
	toWrite = 0x2 | 0x1
)

// Check looks at the folders that a configuration names: whether they are there, or can be made, and whether the process's user may use
// them as the service will. It changes nothing. The error is like that of Load.
func (c *Config) Check(ctx context.Context) error {
	var problems Problems
	for _, f := range []struct {
		key, dir string
		mode     uint32
		made     bool // by the service, if it is not there
	}{
		{"data", c.Data, toWrite | toRead, true},
		{"uploads", c.Uploads, toRead, c.Embedded()},
		{"archives", c.Archives, toWrite | toRead, true},
		{"work", c.Work, toWrite | toRead, true},
	} {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if f.dir == "" {
			continue
		}
		if rule := access(syscall.Access).folder(f.dir, f.mode, f.made); rule != "" {
			problems = append(problems, Problem{Key: f.key, Value: f.dir, Where: c.origin[f.key], Rule: rule})
		}
	}
	return problemsError("the folders have ", problems)
}

// access asks whether the process's user may use a file, as syscall.Access does.
type access func(path string, mode uint32) error

// folder returns what is wrong with a folder; "" for nothing.
func (may access) folder(dir string, mode uint32, made bool) string {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && made:
		above := filepath.Dir(dir)
		for above != filepath.Dir(above) && !exists(above) {
			above = filepath.Dir(above)
		}
		if rule := may.folder(above, toWrite, false); rule != "" {
			return "does not exist, and cannot be made: " + above + " " + rule
		}
		return ""
	case err != nil:
		return "cannot be used: " + withoutPath(err)
	case !info.IsDir():
		return "is not a folder"
	}
	if err := may(dir, mode); err != nil {
		what := "read"
		if mode&toWrite == toWrite {
			what = "written to"
		}
		return "cannot be " + what + " by this user: " + err.Error()
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
