package local_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/blobtest"
)

// modified is the time of the fixture's file.
var modified = time.Date(2024, time.March, 1, 12, 0, 0, 123456789, time.UTC)

// uploads makes an upload folder beside a secret that must not be read.
func uploads(t *testing.T) (dir string, files *local.Files) {
	t.Helper()
	base := t.TempDir()
	put(t, filepath.Join(base, "secret"), "secret")
	put(t, filepath.Join(base, "outside", "secret"), "secret")
	dir = filepath.Join(base, "uploads")
	put(t, filepath.Join(dir, "files", "2", "ab", "a b.txt"), "hello")
	check(t, os.Chtimes(filepath.Join(dir, "files", "2", "ab", "a b.txt"), modified, modified))
	put(t, filepath.Join(dir, "files", "empty"), "")
	put(t, filepath.Join(dir, "avatars", "2", "x.png"), "png")
	put(t, filepath.Join(dir, "avatars", "2", "realm", "icon.png"), "icon")
	check(t, os.Symlink("../../secret", filepath.Join(dir, "files", "relative")))
	check(t, os.Symlink(filepath.Join(base, "secret"), filepath.Join(dir, "files", "absolute")))
	check(t, os.Symlink("2/ab/a b.txt", filepath.Join(dir, "files", "inside")))
	check(t, os.Symlink("../../outside", filepath.Join(dir, "files", "folder")))
	check(t, os.Symlink("nowhere", filepath.Join(dir, "files", "dangling")))
	check(t, syscall.Mkfifo(filepath.Join(dir, "files", "pipe"), 0o666))
	files, err := local.OpenFiles(dir)
	check(t, err)
	t.Cleanup(func() { check(t, files.Close()) })
	return dir, files
}

func TestFiles(t *testing.T) {
	t.Parallel()
	blobtest.TestFiles(t, func(t *testing.T) blobtest.FilesPlace {
		t.Helper()
		dir := t.TempDir()
		check(t, os.Mkdir(filepath.Join(dir, "files"), 0o755))
		check(t, os.Mkdir(filepath.Join(dir, "avatars"), 0o755))
		files, err := local.OpenFiles(dir)
		check(t, err)
		t.Cleanup(func() { check(t, files.Close()) })
		return blobtest.FilesPlace{Files: files, Put: func(t *testing.T, area realmport.Area, name string, content []byte) {
			t.Helper()
			put(t, filepath.Join(dir, string(area), name), string(content))
		}}
	})
}

func TestOpen(t *testing.T) {
	t.Parallel()
	_, files := uploads(t)
	tests := map[string]struct {
		area realmport.Area
		name string
		want string
		err  string // part of the message; "" for none
		is   error
	}{
		"file":                    {realmport.Uploads, "2/ab/a b.txt", "hello", "", nil},
		"link inside":             {realmport.Uploads, "inside", "hello", "", nil},
		"dangling link":           {realmport.Uploads, "dangling", "", "no such file", fs.ErrNotExist},
		"link that leaves":        {realmport.Uploads, "relative", "", "escapes", nil},
		"absolute link":           {realmport.Uploads, "absolute", "", "escapes", nil},
		"folder link that leaves": {realmport.Uploads, "folder/secret", "", "escapes", nil},
		"pipe":                    {realmport.Uploads, "pipe", "", "not a regular file", nil},
		"folder":                  {realmport.Uploads, "2", "", "not a regular file", nil},
		"the area itself":         {realmport.Uploads, ".", "", "not a regular file", nil},
		"NUL":                     {realmport.Uploads, "empty\x00", "", "invalid", nil},
		"too long":                {realmport.Uploads, strings.Repeat("x", 300), "", "too long", nil},
		"below a file":            {realmport.Uploads, "empty/x", "", "not a directory", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := files.Open(t.Context(), tt.area, tt.name)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("got error %v, want one that says %q and is %v", err, tt.err, tt.is)
				}
				return
			}
			check(t, err)
			defer f.Close()
			got, err := io.ReadAll(f)
			check(t, err)
			if string(got) != tt.want || f.Size != int64(len(tt.want)) {
				t.Errorf("got %q of size %d, want %q", got, f.Size, tt.want)
			}
			if tt.name == "2/ab/a b.txt" && !f.Modified.Equal(modified) {
				t.Errorf("got time %v, want %v", f.Modified, modified)
			}
		})
	}
}

// TestFileChanges writes to a file that is open for reading.
func TestFileChanges(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		size    int64
		want    string
		wantErr bool
	}{
		"grows": {100, "hello", false}, "shrinks": {3, "hel", true}, "is emptied": {0, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, files := uploads(t)
			f, err := files.Open(t.Context(), realmport.Uploads, "2/ab/a b.txt")
			check(t, err)
			defer f.Close()
			check(t, os.Truncate(filepath.Join(dir, "files", "2", "ab", "a b.txt"), tt.size))
			got, err := io.ReadAll(f)
			if string(got) != tt.want || (err != nil) != tt.wantErr {
				t.Errorf("got %q, %v, want %q and an error: %v", got, err, tt.want, tt.wantErr)
			}
		})
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	dir, files := uploads(t)
	check(t, os.Mkdir(filepath.Join(dir, "avatars", "none"), 0o755))
	list := func(area realmport.Area, folder string) (got []string, err error) {
		err = files.List(t.Context(), area, folder, func(name string) error {
			got = append(got, name)
			return nil
		})
		slices.Sort(got)
		return got, err
	}
	if got, err := list(realmport.Avatars, "none"); len(got) > 0 || err != nil {
		t.Errorf("empty: got %q, %v, want nothing", got, err)
	}
	// What is no file is listed too: opening it says why it is none.
	got, err := list(realmport.Uploads, "")
	check(t, err)
	if diff := cmp.Diff([]string{"absolute", "dangling", "empty", "folder", "inside", "pipe", "relative"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if _, err := list(realmport.Uploads, "folder"); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("link that leaves: got error %v, want one that says escapes", err)
	}
}

func TestOpenFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		make func(t *testing.T, dir string)
		code realmport.Code // "" for no error
		want string
	}{
		"both areas":     {func(t *testing.T, dir string) { put(t, dir+"/files/x", ""); put(t, dir+"/avatars/x", "") }, "", ""},
		"one area":       {func(t *testing.T, dir string) { put(t, dir+"/avatars/x", "") }, "", ""},
		"empty area":     {func(t *testing.T, dir string) { check(t, os.MkdirAll(dir+"/files", 0o755)) }, "", ""},
		"no area":        {func(t *testing.T, dir string) { put(t, dir+"/other/x", "") }, realmport.NotFound, "neither files nor avatars"},
		"no folder":      {func(*testing.T, string) {}, realmport.NotFound, "LOCAL_UPLOADS_DIR"},
		"a file":         {func(t *testing.T, dir string) { put(t, dir, "") }, realmport.Internal, "not a directory"},
		"area is a file": {func(t *testing.T, dir string) { put(t, dir+"/files", "") }, realmport.Internal, "not a directory"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "uploads")
			tt.make(t, dir)
			files, err := local.OpenFiles(dir)
			if tt.code == "" {
				check(t, err)
				check(t, files.Close())
				return
			}
			if realmport.ErrorCode(err) != tt.code || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got error %v with code %s, want one with code %s that says %q", err, realmport.ErrorCode(err), tt.code, tt.want)
			}
		})
	}
}

// TestPermissions runs itself again as a user who may not read everything, since root may.
func TestPermissions(t *testing.T) {
	const env = "REALMPORT_TEST_UPLOADS"
	if dir := os.Getenv(env); dir != "" {
		testPermissions(t, dir)
		return
	}
	t.Parallel()
	base, err := os.MkdirTemp("", "realmport-test-")
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	check(t, os.Chmod(base, 0o755))
	put(t, base+"/uploads/files/readable", "yes")
	put(t, base+"/uploads/files/secret", "no")
	put(t, base+"/closed/files/x", "")
	put(t, base+"/area/files/x", "")
	check(t, os.Mkdir(base+"/readonly", 0o555))
	for _, name := range []string{"/uploads/files/secret", "/closed", "/area/files"} {
		check(t, os.Chmod(base+name, 0))
	}
	program, err := os.ReadFile("/proc/self/exe")
	check(t, err)
	check(t, os.WriteFile(base+"/test", program, 0o755))
	cmd := exec.Command(base+"/test", "-test.run=^TestPermissions$", "-test.v")
	cmd.Dir = base
	cmd.Env = append(os.Environ(), env+"="+base)
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func testPermissions(t *testing.T, base string) {
	t.Helper()
	files, err := local.OpenFiles(base + "/uploads")
	check(t, err)
	defer files.Close()
	if f, err := files.Open(t.Context(), realmport.Uploads, "readable"); err != nil {
		t.Error(err)
	} else {
		_ = f.Close()
	}
	if _, err := files.Open(t.Context(), realmport.Uploads, "secret"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got error %v, want one about permissions", err)
	}
	for _, name := range []string{"/closed", "/area"} {
		_, err := local.OpenFiles(base + name)
		if realmport.ErrorCode(err) != realmport.NotAllowed || !strings.Contains(err.Error(), "as a user who may read it") {
			t.Errorf("%s: got error %v, want one with code %s and advice", name, err, realmport.NotAllowed)
		}
	}
	_, err = local.Create(base+"/readonly/a.tar.gz", false)
	if realmport.ErrorCode(err) != realmport.NotAllowed || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("create: got error %v, want one with code %s", err, realmport.NotAllowed)
	}
}

func TestAreaMayBeALink(t *testing.T) {
	t.Parallel()
	elsewhere, folder := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, "a.txt"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(folder, string(realmport.Uploads))); err != nil {
		t.Fatal(err)
	}
	files, err := local.OpenFiles(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	f, err := files.Open(t.Context(), realmport.Uploads, "a.txt")
	if err != nil {
		t.Fatalf("an area that is a link to another place: %v", err)
	}
	defer f.Close()
	if f.Size != 1 {
		t.Errorf("size: got %d, want 1", f.Size)
	}
}
