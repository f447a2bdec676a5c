package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/sqlite"
)

// asNobody runs fn with the rights to files of a user who has none, if the test has those of all users.
func asNobody(t *testing.T, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if os.Geteuid() == 0 {
			if err := syscall.Setfsuid(65534); err != nil {
				t.Errorf("give up rights: %v", err)
				return
			}
		}
		fn()
	}()
	<-done
}

// protected is a folder with a database, both of which may only be read.
func protected(t *testing.T) (dir, path string) {
	t.Helper()
	path = filled(t, 10)
	dir = filepath.Dir(path)
	for name, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o555, path: 0o444} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	return dir, path
}

func countMessages(t *testing.T, snap realmport.Snapshot) (rows int, err error) {
	t.Helper()
	err = snap.Read(t.Context(), realmport.Query{Table: "zerver_message", Columns: []string{"id"}}, func(realmport.Row) error { rows++; return nil })
	return rows, err
}

func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	dir, path := protected(t)
	source := open(t, path, 3)
	asNobody(t, func() {
		snap, err := source.Snapshot(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		defer snap.Close()
		if rows, err := countMessages(t, snap); err != nil || rows != 10 {
			t.Errorf("got %d rows, %v, want 10", rows, err)
		}
		if db, err := sqlite.OpenDB(t.Context(), path); realmport.ErrorCode(err) != realmport.NotAllowed {
			t.Errorf("open to write: got %v, %v, want an error with code not_allowed", db, err)
		}
		if l, err := sqlite.Create(t.Context(), filepath.Join(dir, "new.db")); realmport.ErrorCode(err) != realmport.NotAllowed {
			t.Errorf("create: got %v, %v, want an error with code not_allowed", l, err)
		}
	})
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("files are left: %q", got)
	}
}

// TestChangedWithoutLocks lets somebody with more rights change a database that is read without any.
func TestChangedWithoutLocks(t *testing.T) {
	t.Parallel()
	_, path := protected(t)
	source := open(t, path, 1)
	asNobody(t, func() {
		snap, err := source.Snapshot(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		defer snap.Close()
		if _, err := countMessages(t, snap); err != nil {
			t.Error(err)
		}
		changed := make(chan struct{})
		go func() { // with all rights
			defer close(changed)
			if err := os.Chmod(path, 0o644); err != nil {
				t.Error(err)
			}
			if err := os.Truncate(path, 1<<20); err != nil {
				t.Error(err)
			}
		}()
		<-changed
		if _, err := countMessages(t, snap); realmport.ErrorCode(err) != realmport.Unavailable && realmport.ErrorCode(err) != realmport.Unsupported {
			t.Errorf("got %v, want an error", err)
		}
	})
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	dir, path := protected(t)
	source := open(t, path, 2)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		if _, err := source.Snapshot(t.Context()); realmport.ErrorCode(err) != realmport.NotAllowed {
			t.Errorf("file: got %v, want an error with code not_allowed", err)
		}
	})
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		if _, err := source.Snapshot(t.Context()); realmport.ErrorCode(err) != realmport.NotAllowed {
			t.Errorf("folder: got %v, want an error with code not_allowed", err)
		}
	})
}

// TestNewestRowsOutOfReach reads a copy whose newest rows are in the file beside it, where they cannot be read.
func TestNewestRowsOutOfReach(t *testing.T) {
	t.Parallel()
	source := filled(t, 10)
	db, err := sqlite.OpenDB(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	execute(t, db, "UPDATE zerver_client SET name = 'changed'")
	dir, path := protected(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{source: path, source + "-wal": path + "-wal"} {
		content, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.RemoveAll(to), os.WriteFile(to, content, 0o444)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		if snap, err := open(t, path, 1).Snapshot(t.Context()); realmport.ErrorCode(err) != realmport.NotAllowed {
			t.Errorf("got %v, %v, want an error with code not_allowed", snap, err)
		}
	})
}
