package local_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/blobtest"
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

func isEmpty(t *testing.T, folder string) {
	t.Helper()
	if list, err := os.ReadDir(folder); err != nil || len(list) > 0 {
		t.Errorf("got %v, %v in %s, want nothing", list, err, folder)
	}
}

func TestArchives(t *testing.T) {
	t.Parallel()
	blobtest.TestArchives(t, func(t *testing.T) blobtest.ArchivesPlace {
		t.Helper()
		a, folder := openArchives(t)
		return blobtest.ArchivesPlace{Archives: a, Left: func(t *testing.T) []string {
			t.Helper()
			var left []string
			check(t, filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error {
				if name != folder {
					left = append(left, name)
				}
				return err
			}))
			return left
		}}
	})
}

func TestArchivesAreForTheirOwner(t *testing.T) {
	t.Parallel()
	a, folder := openArchives(t)
	blobtest.Store(t, a, "exports/2/secret/zulip-export-abc.tar.gz", []byte("content"))
	if info, err := os.Stat(filepath.Join(folder, "exports")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v, want a folder for its owner only", info, err)
	}
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
	for _, name := range []string{"link/precious", "file"} {
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

// TestArchivesSideBySide makes and removes archives of one organization at the same time, and the folders with them.
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
