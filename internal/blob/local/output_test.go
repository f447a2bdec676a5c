package local_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
)

func write(t *testing.T, name string, force bool, text string) *local.Output {
	t.Helper()
	out, err := local.Create(name, force)
	check(t, err)
	_, err = io.WriteString(out, text)
	check(t, err)
	return out
}

func conflict(t *testing.T, err error, want string) {
	t.Helper()
	if realmport.ErrorCode(err) != realmport.Conflict || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one with code %s that says %q", err, realmport.Conflict, want)
	}
}

func TestCommit(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"a.tar.gz", "with * and ä"} {
		for _, force := range []bool{false, true} {
			dir := t.TempDir()
			name := filepath.Join(dir, file)
			out := write(t, name, force, "archive")
			if _, err := os.Lstat(name); err == nil {
				t.Error("the name is there before Commit")
			}
			check(t, out.Commit())
			check(t, out.Abort()) // does nothing
			if got := content(t, name); got != "archive" {
				t.Errorf("got %q, want archive", got)
			}
			if diff := cmp.Diff([]string{file}, names(t, dir)); diff != "" {
				t.Errorf("folder (-want +got):\n%s", diff)
			}
			info, err := os.Stat(name)
			check(t, err)
			if info.Mode() != 0o600 {
				t.Errorf("got mode %v, want 0600", info.Mode())
			}
		}
	}
}

// TestNoFolder names a file in the working folder.
func TestNoFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	check(t, write(t, "a.tar.gz", false, "archive").Commit())
	if got := content(t, "a.tar.gz"); got != "archive" {
		t.Errorf("got %q, want archive", got)
	}
}

func TestAbort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := write(t, filepath.Join(dir, "a.tar.gz"), false, "archive")
	check(t, out.Abort())
	check(t, out.Abort())
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("got %v left, want nothing", got)
	}
	if err := out.Commit(); err == nil {
		t.Error("commit after abort: got no error")
	}
	if _, err := out.Write([]byte("x")); err == nil {
		t.Error("write after abort: got no error")
	}
}

func TestTargetIsThere(t *testing.T) {
	t.Parallel()
	targets := map[string]struct {
		make        func(t *testing.T, name string)
		without     string // what the error says without force
		replaceable bool
	}{
		"file":          {func(t *testing.T, name string) { put(t, name, "old") }, "--force", true},
		"link":          {func(t *testing.T, name string) { check(t, os.Symlink("other", name)) }, "--force", true},
		"folder":        {func(t *testing.T, name string) { check(t, os.Mkdir(name, 0o755)) }, "is a folder", false},
		"filled folder": {func(t *testing.T, name string) { put(t, name+"/x", "old") }, "is a folder", false},
	}
	for what, tt := range targets {
		for _, force := range []bool{false, true} {
			for _, late := range []bool{false, true} {
				dir := t.TempDir()
				name := filepath.Join(dir, "a.tar.gz")
				put(t, filepath.Join(dir, "other"), "other")
				var out *local.Output
				var err error
				if late {
					out = write(t, name, force, "new")
					tt.make(t, name)
					err = out.Commit()
				} else {
					tt.make(t, name)
					if out, err = local.Create(name, force); err == nil {
						_, _ = io.WriteString(out, "new")
						err = out.Commit()
					}
				}
				if force && tt.replaceable {
					check(t, err)
				} else {
					conflict(t, err, tt.without)
				}
				if out != nil {
					check(t, out.Abort())
				}
				if diff := cmp.Diff([]string{"a.tar.gz", "other"}, names(t, dir)); diff != "" {
					t.Errorf("%s, force %v, late %v: folder (-want +got):\n%s", what, force, late, diff)
				}
				if content(t, filepath.Join(dir, "other")) != "other" {
					t.Errorf("%s, force %v, late %v: wrote through the link", what, force, late)
				}
				if what == "file" {
					want := map[bool]string{false: "old", true: "new"}[force]
					if got := content(t, name); got != want {
						t.Errorf("force %v, late %v: got %q, want %q", force, late, got, want)
					}
				}
			}
		}
	}
}

func TestCreateNowhere(t *testing.T) {
	t.Parallel()
	_, err := local.Create(filepath.Join(t.TempDir(), "none", "a.tar.gz"), false)
	if realmport.ErrorCode(err) != realmport.NotFound || !strings.Contains(err.Error(), "--out") {
		t.Errorf("got error %v, want one with code %s and advice", err, realmport.NotFound)
	}
}

// TestFullDisk runs itself again where it may mount a small file system.
func TestFullDisk(t *testing.T) {
	const env = "REALMPORT_TEST_MOUNT"
	if dir := os.Getenv(env); dir != "" {
		testFullDisk(t, dir)
		return
	}
	t.Parallel()
	exe, err := os.Executable()
	check(t, err)
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), env+"="+t.TempDir())
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
		}
		return cmd
	}
	require(t, "a mount namespace", command("true").Run())
	if out, err := command(exe, "-test.run=^TestFullDisk$", "-test.v").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	} else if strings.Contains(string(out), "--- SKIP") {
		require(t, "a mount", errors.New(string(out)))
	}
}

func testFullDisk(t *testing.T, dir string) {
	t.Helper()
	require(t, "a mount", syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,nr_inodes=2"))
	name := filepath.Join(dir, "a.tar.gz")
	full := func(err error) {
		t.Helper()
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "no space left") || !strings.Contains(err.Error(), "--out") {
			t.Errorf("got error %v, want one about the space", err)
		}
	}
	out, err := local.Create(name, false)
	check(t, err)
	n, err := out.Write(make([]byte, 100<<10))
	full(err)
	if n >= 100<<10 {
		t.Errorf("got %d bytes written, want fewer", n)
	}
	_, err = local.Create(filepath.Join(dir, "b.tar.gz"), false) // no room for a second file either
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("second file: got error %v, want one about the space", err)
	}
	check(t, out.Abort())
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("got %v left, want nothing", got)
	}
	check(t, write(t, name, false, "small").Commit())
}
