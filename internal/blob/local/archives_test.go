package local_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
)

func openArchives(t *testing.T) (*local.Archives, string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "below", "avatars")
	a, err := local.OpenArchives(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a, folder
}

func begin(t *testing.T, a *local.Archives, name, content string) realmport.Output {
	t.Helper()
	out, err := a.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(out, content); err != nil {
		t.Fatal(err)
	}
	return out
}

func isAbsent(t *testing.T, a *local.Archives, name string) {
	t.Helper()
	if f, err := a.Open(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open %q: got %v, %v, want that there is none", name, f, err)
	}
}

func isEmpty(t *testing.T, folder string) {
	t.Helper()
	if list, err := os.ReadDir(folder); err != nil || len(list) > 0 {
		t.Errorf("got %v, %v in %s, want nothing", list, err, folder)
	}
}

func TestArchives(t *testing.T) {
	t.Parallel()
	a, folder := openArchives(t)
	const name = "exports/2/secret/zulip-export-abc.tar.gz"
	isAbsent(t, a, name)
	out := begin(t, a, name, "content")
	isAbsent(t, a, name)
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	f, err := a.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || string(got) != "content" || f.Size != 7 || f.Modified.IsZero() {
		t.Errorf("got %q, %v, size %d, modified %v", got, err, f.Size, f.Modified)
	}
	if info, err := os.Stat(filepath.Join(folder, "exports")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v, want a folder for its owner only", info, err)
	}
	// Its neighbour stays, and the folders with it.
	neighbour := begin(t, a, "exports/2/other/zulip-export-def.tar.gz", "more")
	for range 2 { // a second time there is nothing to remove
		if err := a.Remove(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	isAbsent(t, a, name)
	if err := neighbour.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := a.Remove(t.Context(), "exports/2/other/zulip-export-def.tar.gz"); err != nil {
		t.Fatal(err)
	}
	isEmpty(t, folder)
}

func TestArchivesUnfinished(t *testing.T) {
	t.Parallel()
	a, folder := openArchives(t)
	const name = "exports/2/secret/zulip-export-abc.tar.gz"
	out := begin(t, a, name, "half")
	if err := a.Remove(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	isEmpty(t, folder)
	if err := out.Commit(); err == nil {
		t.Error("committed after it was removed: got no error")
	}
	isAbsent(t, a, name)
}

func TestArchivesStayInTheirFolder(t *testing.T) {
	t.Parallel()
	a, folder := openArchives(t)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "precious"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "precious"), filepath.Join(folder, "file")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", "../x", "/x", "a/../../x", "a//x", "a/", "link/precious", "file", "a/.hidden", ".x.partial", "a\x00b"} {
		if f, err := a.Open(t.Context(), name); err == nil {
			f.Close()
			t.Errorf("open %q: got no error", name)
		}
		if name != "file" { // which is replaced by nothing, but removed: the link, not what it names
			if out, err := a.Create(t.Context(), name); err == nil {
				_ = out.Abort()
				t.Errorf("create %q: got no error", name)
			}
		}
		_ = a.Remove(t.Context(), name)
	}
	if got, err := os.ReadFile(filepath.Join(outside, "precious")); err != nil || string(got) != "x" {
		t.Errorf("outside: got %q, %v, want it untouched", got, err)
	}
}

// TestArchivesSideBySide makes and removes archives of one organization at the same time.
func TestArchivesSideBySide(t *testing.T) {
	t.Parallel()
	a, folder := openArchives(t)
	var wait sync.WaitGroup
	for _, secret := range []string{"a", "b", "c", "d"} {
		wait.Go(func() {
			for range 50 {
				name := "exports/2/" + secret + "/x.tar.gz"
				out, err := a.Create(context.Background(), name)
				if err == nil {
					err = errors.Join(out.Commit(), a.Remove(context.Background(), name))
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	isEmpty(t, folder)
}

func TestArchivesNowhere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := local.OpenArchives(filepath.Join(file, "x")); err == nil {
		t.Error("below a file: got no error")
	}
}
