package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		flags map[string]string // DIR is a folder with a file "file" and a folder "sub"
		want  string
	}{
		{"all to be made", map[string]string{"data": "DIR/a/b"}, "no error"},
		{"there", map[string]string{"data": "DIR/sub", "work": "DIR"}, "no error"},
		{"a file", map[string]string{"data": "DIR/sub", "work": "DIR/file"}, `--work: work: "DIR/file" is not a folder`},
		{"below a file", map[string]string{"data": "DIR/sub", "work": "DIR/file/x"}, `--work: work: "DIR/file/x" cannot be used: not a directory`},
		{
			"uploads of a server",
			map[string]string{"data": "DIR/sub", "source": "postgres:///x", "external_host": "h", "uploads": "DIR/none", "archives": "DIR"},
			`--uploads: uploads: "DIR/none" cannot be used: no such file or directory`,
		},
		{"uploads of the store", map[string]string{"data": "DIR/sub", "uploads": "DIR/none"}, "no error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := errors.Join(os.Mkdir(filepath.Join(dir, "sub"), 0o700), os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			flags := map[string]string{}
			for k, v := range tt.flags {
				flags[k] = strings.ReplaceAll(v, "DIR", dir)
			}
			err := load(t, Sources{Flags: flags}).Check(t.Context())
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(text(err), dir, "DIR")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if names, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(names) > 0 {
				t.Errorf("got %q, %v, want nothing made", names, err)
			}
		})
	}
}

// TestCheckAccess checks what is said of folders that the process's user may not use, which depends on no user here.
func TestCheckAccess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	deny := func(denied uint32) access {
		return func(_ string, mode uint32) error {
			if mode&denied != 0 {
				return syscall.EACCES
			}
			return nil
		}
	}
	for _, tt := range []struct {
		name, dir    string
		denied, mode uint32
		want         string
	}{
		{"reading", dir, 0x4, toRead, "cannot be read by this user: permission denied"},
		{"writing", dir, 0x2, toRead | toWrite, "cannot be written to by this user: permission denied"},
		{"reading only", dir, 0x2, toRead, ""},
		{"making", dir + "/a", 0x2, toRead | toWrite, "does not exist, and cannot be made: " + dir + " cannot be written to by this user: permission denied"},
		{"making several", dir + "/a/b/c", 0x2, toRead | toWrite, "does not exist, and cannot be made: " + dir + " cannot be written to by this user: permission denied"},
	} {
		if got := deny(tt.denied).folder(tt.dir, tt.mode, true); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestCheckStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("stopped by the test")
	cancel(reason)
	if err := load(t, Sources{}).Check(ctx); !errors.Is(err, reason) {
		t.Errorf("got %v, want %v", err, reason)
	}
}
