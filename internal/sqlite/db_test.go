package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/sqlite"
)

// odd are names of files that mean something to a shell, a URI or SQLite.
func odd() []string {
	return []string{
		"mode=ro?mode=memory&_pragma=x.db", "a space, 100%, %41, #, ;, ', \", + and &.db", ":memory:", "file:x.db", "-日本 ü.db", "line\nbreak\\.db", "\xff\xfe.db",
	}
}

func TestOddPaths(t *testing.T) {
	t.Parallel()
	for _, name := range odd() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "folder "+name)
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, name)
			l := create(t, path)
			addRealm(t, l)
			commit(t, l)
			db, err := sqlite.OpenDB(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			execute(t, db, "UPDATE zerver_client SET name = 'changed'")
			snap := snapshot(t, path, 2)
			var got string
			err = snap.Read(t.Context(), realmport.Query{Table: "zerver_client", Columns: []string{"name"}}, func(r realmport.Row) error {
				got = string(r[0])
				return nil
			})
			if err != nil || got != "changed" {
				t.Errorf("got %q, %v, want the change", got, err)
			}
			snap.Close()
			db.Close()
			if diff := cmp.Diff([]string{name}, names(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	l := create(t, "store.db")
	commit(t, l)
	source := open(t, "store.db", 1)
	t.Chdir("/")
	snap, err := source.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	snap.Close()
}

// TestUnusable opens what is no database, as one to write and as a source.
func TestUnusable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole, err := os.ReadFile(filled(t, 1000))
	if err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte{}, whole...)
	for i := 100; i < len(damaged); i++ {
		damaged[i] = 0xa5
	}
	foreign := filepath.Join(dir, "foreign.db")
	other := raw(t, foreign)
	execute(t, other, "CREATE TABLE zerver_other (id INTEGER PRIMARY KEY)")
	other.Close()
	for name, tt := range map[string]struct {
		path string
		code realmport.Code
	}{
		"no path":        {"", realmport.Invalid},
		"NUL":            {"a\x00b", realmport.Invalid},
		"missing":        {filepath.Join(dir, "none.db"), realmport.NotFound},
		"missing folder": {filepath.Join(dir, "none", "store.db"), realmport.NotFound},
		"folder":         {dir, realmport.Invalid},
		"device":         {os.DevNull, realmport.Invalid},
		"empty":          {write("empty.db", nil), realmport.Unsupported},
		"text":           {write("text.db", []byte("This is some text, and not a database, which is longer than a header.\n")), realmport.Unsupported},
		"damaged":        {write("damaged.db", damaged), realmport.Unsupported},
		"not a server's": {foreign, realmport.Unsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if db, err := sqlite.OpenDB(t.Context(), tt.path); realmport.ErrorCode(err) != tt.code {
				t.Errorf("open: got %v, %v, want an error with code %s", db, err, tt.code)
			}
			source, err := sqlite.Open(tt.path, sqlite.Options{})
			if err == nil {
				var snap realmport.Snapshot
				if snap, err = source.Snapshot(t.Context()); err == nil {
					defer snap.Close()
					_, err = snap.Schema(t.Context())
				}
			}
			if realmport.ErrorCode(err) != tt.code {
				t.Errorf("source: got %v, want an error with code %s", err, tt.code)
			}
		})
	}
}

// TestCutShort reads a database whose end is missing, as after a copy that did not finish.
func TestCutShort(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(filled(t, 1500))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut.db")
	if err := os.WriteFile(path, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	source := open(t, path, 2)
	snap, err := source.Snapshot(t.Context())
	if err == nil {
		defer snap.Close()
		err = snap.Read(t.Context(), realmport.Query{Table: "zerver_usermessage", Columns: []string{"id"}, OrderBy: "id"},
			func(realmport.Row) error { return nil })
	}
	if realmport.ErrorCode(err) != realmport.Unsupported {
		t.Errorf("got %v, want an error with code unsupported", err)
	}
}

func TestOpenDBSettings(t *testing.T) {
	t.Parallel()
	db, err := sqlite.OpenDB(t.Context(), filled(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "foreign_keys": "1", "synchronous": "1", "busy_timeout": "10000", "trusted_schema": "0",
	} {
		var got string
		if err := db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", pragma, got, err, want)
		}
	}
	if got := db.Stats().MaxOpenConnections; got != 1 {
		t.Errorf("got up to %d connections, want 1", got)
	}
	if _, err := db.Exec("UPDATE zerver_message SET sender_id = 99"); err == nil {
		t.Error("a reference to nothing is accepted")
	}
	// Within a transaction it may come later.
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"UPDATE zerver_message SET sender_id = 99", "UPDATE zerver_message SET sender_id = 1"} {
		if _, err := tx.Exec(text); err != nil {
			t.Error(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	if _, err := db.Exec(`SELECT "none" FROM zerver_realm`); err == nil {
		t.Error("a quoted name that is no column is taken for a text")
	}
}

func TestOpenDBContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped by the user")
	cancel(cause)
	if _, err := sqlite.OpenDB(ctx, filled(t, 1)); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
}

func TestOpenState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	for i := range 2 {
		db, err := sqlite.OpenState(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		execute(t, db, "CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY)")
		execute(t, db, "INSERT INTO runs DEFAULT VALUES")
		var n int
		if err := db.QueryRow("SELECT count(*) FROM runs").Scan(&n); err != nil || n != i+1 {
			t.Errorf("got %d rows, %v, want %d", n, err, i+1)
		}
		db.Close()
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		path string
		code realmport.Code
	}{
		"no path":      {"", realmport.Invalid},
		"no folder":    {filepath.Join(dir, "none", "state.db"), realmport.NotAllowed},
		"a folder":     {dir, realmport.Invalid},
		"no database":  {text, realmport.Unsupported},
		"below a file": {filepath.Join(text, "state.db"), realmport.NotAllowed},
	} {
		if db, err := sqlite.OpenState(t.Context(), tt.path); realmport.ErrorCode(err) != tt.code {
			t.Errorf("%s: got %v, %v, want an error with code %s", name, db, err, tt.code)
		}
	}
}
