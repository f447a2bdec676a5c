package importer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/importer"
	"github.com/realmport/realmport/internal/sqlite"
)

// changed imports a changed archive of the fixture.
func changed(t *testing.T, change func(p *parts)) *store {
	t.Helper()
	p := &parts{tb: t, files: unpack(t, rulesArchive(t, realmport.Full)), root: "root/"}
	change(p)
	return imported(t, bytes.NewReader(p.pack()), demo.AvatarSalt)
}

// warned checks that one of the warnings has all of the words.
func (s *store) warned(t *testing.T, words ...string) {
	t.Helper()
	if !slices.ContainsFunc(s.summary.Warnings, func(w string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(w, word) })
	}) {
		t.Errorf("no warning has %q: %q", words, s.summary.Warnings)
	}
}

// read returns a column of the rows of a table, by id.
func (s *store) read(t *testing.T, table, id, column string) map[string]string {
	t.Helper()
	db, err := sqlite.OpenDB(t.Context(), s.db())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), fmt.Sprintf("SELECT %s, coalesce(%s, 'null') FROM %s", id, column, table))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var id, value string
		if err := rows.Scan(&id, &value); err != nil {
			t.Fatal(err)
		}
		all[id] = value
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCredentialsAreTheStores(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef0123456789ABCDEF"
	s := changed(t, func(p *parts) {
		p.set(realmJSON, "zerver_userprofile", "api_key", key)
		p.set(realmJSON, "zerver_userprofile", "password", "known")
	})
	seen := map[string]bool{}
	for id, got := range s.read(t, "zerver_userprofile", "id", "api_key") {
		var n int64
		if _, err := fmt.Sscan(id, &n); err != nil {
			t.Fatal(err)
		}
		if got != importer.APIKey([]byte("a secret"), n) || len(got) != 32 || seen[got] || got == key {
			t.Errorf("user %s has the key %q", id, got)
		}
		seen[got] = true
	}
	if importer.APIKey([]byte("a secret"), 10) == importer.APIKey([]byte("another"), 10) {
		t.Error("the key does not depend on the secret")
	}
	for id, got := range s.read(t, "zerver_userprofile", "id", "password") {
		if got != "!" {
			t.Errorf("user %s has the password %q", id, got)
		}
	}
}

// TestEarlierExportsAreOver makes sure that nobody takes up, or offers, exports of another server.
func TestEarlierExportsAreOver(t *testing.T) {
	t.Parallel()
	s := changed(t, func(p *parts) {
		p.tables(realmJSON, func(tables object) {
			var rows []any
			for i := range 5 {
				rows = append(rows, object{
					"id": 100 + i, "realm": 2, "type": 1, "status": i + 1, "date_requested": 1700000000.5, "export_path": "/../../etc/passwd",
				})
			}
			tables["zerver_realmexport"] = rows
		})
	})
	want := map[string]string{"100": "4", "101": "4", "102": "5", "103": "4", "104": "5"}
	if diff := cmp.Diff(want, s.read(t, "zerver_realmexport", "id", "status")); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	for id, path := range s.read(t, "zerver_realmexport", "id", "export_path") {
		if path != "null" {
			t.Errorf("export %s has the path %q", id, path)
		}
	}
}

// TestSystemBots takes archives that do not name all bots: an export needs them.
func TestSystemBots(t *testing.T) {
	t.Parallel()
	const gateway = "emailgateway@zulip.com"
	isGateway := func(r any) bool { return r.(object)["email"] == gateway }
	s := changed(t, func(p *parts) {
		p.rows(realmJSON, "zerver_userprofile_crossrealm", func(rows []any) []any { return slices.DeleteFunc(rows, isGateway) })
	})
	s.warned(t, gateway, "a new one is made")
	before, after := unpack(t, rulesArchive(t, realmport.Full)).lists(t), unpack(t, s.exportedAgain(t)).lists(t)
	var made object
	for _, r := range after["zerver_userprofile_crossrealm"] {
		if isGateway(any(r)) {
			made = r
		}
	}
	id, recipient := fmt.Sprint(made["id"]), fmt.Sprint(made["recipient_id"])
	for _, list := range []string{"zerver_userprofile", "zerver_userprofile_mirrordummy", "zerver_userprofile_crossrealm"} {
		if before[list][id] != nil {
			t.Errorf("the new bot has the id %s of a user in %s", id, list)
		}
	}
	if before["zerver_recipient"][recipient] != nil {
		t.Errorf("the new bot has the recipient %s of another", recipient)
	}
	realms := s.read(t, "zerver_realm", "string_id", "id")
	if diff := cmp.Diff(map[string]string{demo.RulesStringID: "2", "zulipinternal": "1"}, realms); diff != "" {
		t.Errorf("organizations (-want +got):\n%s", diff)
	}
}

func TestMissingFilesAreTold(t *testing.T) {
	t.Parallel()
	s := changed(t, func(p *parts) {
		for name := range p.files {
			if strings.HasPrefix(name, "uploads/2/") {
				delete(p.files, name)
			}
		}
		p.files["extra.txt"] = []byte("?")
		p.files["folder/extra.txt"] = []byte("?")
	})
	s.warned(t, "uploads/2/", "named by uploads/records.json", "not in the archive")
	s.warned(t, "extra.txt", "not known")
	if s.summary.MissingFiles == 0 || s.summary.Files == 0 {
		t.Errorf("%d files are missing, %d are there", s.summary.MissingFiles, s.summary.Files)
	}
}

// TestAvatarsKeepTheirNames uses another salt than the archive's server.
func TestAvatarsKeepTheirNames(t *testing.T) {
	t.Parallel()
	archive := rulesArchive(t, realmport.Full)
	s := imported(t, bytes.NewReader(archive), "another salt")
	avatars := func(a files) files {
		found := files{}
		for name, content := range a {
			if strings.HasPrefix(name, "avatars/2/") {
				found[name] = content
			}
		}
		return found
	}
	want := avatars(unpack(t, archive))
	if diff := cmp.Diff(want, avatars(unpack(t, s.exportedAgain(t)))); diff != "" || len(want) == 0 {
		t.Errorf("of %d avatars (-want +got):\n%s", len(want), diff)
	}
	for hash, user := range s.summary.Avatars {
		if hash != demo.AvatarHash(user, 1) && hash != demo.AvatarHash(user, 2) {
			t.Errorf("got %s as the avatar of user %d", hash, user)
		}
	}
}

// TestFormsOfPaths takes the names that files have in archives of servers with S3 (format.md §1.5).
func TestFormsOfPaths(t *testing.T) {
	t.Parallel()
	hash := demo.AvatarHash(demo.Alice, 2)
	s := changed(t, func(p *parts) {
		rename := func(folder, from, to string) {
			p.entries(folder+"/records.json", func(rows []any) []any {
				for _, r := range rows {
					if r.(object)["path"] == from {
						r.(object)["path"], r.(object)["s3_path"] = to, to
					}
				}
				return rows
			})
			p.files[folder+"/"+to] = p.files[folder+"/"+from]
			delete(p.files, folder+"/"+from)
		}
		rename("avatars", "2/"+hash+".png", "2/"+hash)
		rename("realm_icons", "2/icon.png", "2/realm/icon.png")
	})
	names := fileNames(t, s.uploads())
	for _, want := range []string{"avatars/2/" + hash + ".png", "avatars/2/" + hash + ".original", "avatars/2/realm/icon.png"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no %s in %q", want, names)
		}
	}
}

// TestPipe imports from what can only be read once, in small pieces.
func TestPipe(t *testing.T) {
	t.Parallel()
	archive := rulesArchive(t, realmport.Full)
	r, w := io.Pipe()
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, bytes.NewReader(archive), make([]byte, 1000))
		_ = w.CloseWithError(err)
	}()
	dir := t.TempDir()
	opts := options(t, dir, r, demo.AvatarSalt)
	var last int64
	opts.Progress = func(n int64) { last = n }
	opts.Meter = &realmport.Meter{}
	summary, err := importer.Run(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if n := int64(len(archive)); last != n || summary.Bytes != n || opts.Meter.Bytes.Load() != n {
		t.Errorf("read %d, %d, %d bytes of %d", last, summary.Bytes, opts.Meter.Bytes.Load(), n)
	}
	if opts.Meter.Rows.Load() == 0 || opts.Meter.Messages.Load() != summary.Messages || summary.Messages == 0 {
		t.Errorf("the meter counts %d rows and %d messages", opts.Meter.Rows.Load(), opts.Meter.Messages.Load())
	}
}

func TestInterruptedImportLeavesNothing(t *testing.T) {
	t.Parallel()
	archive := rulesArchive(t, realmport.Full)
	for name, where := range map[string]int{"at the start": 0, "halfway": len(archive) / 2, "near the end": len(archive) - 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			read := 0
			in := bytes.NewReader(archive)
			dir := t.TempDir()
			opts := options(t, dir, readFunc(func(p []byte) (int, error) {
				if read >= where {
					cancel(errors.New("enough"))
				}
				n, err := in.Read(p[:min(len(p), 512)])
				read += n
				return n, err
			}), demo.AvatarSalt)
			_, err := importer.Run(ctx, opts)
			if realmport.ErrorCode(err) != realmport.Interrupted || !strings.Contains(err.Error(), "enough") {
				t.Errorf("got %v, want an interruption", err)
			}
			nothingLeft(t, dir)
		})
	}
}

// readFunc is a reader.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestFailuresLeaveNothing(t *testing.T) {
	t.Parallel()
	archive := rulesArchive(t, realmport.Full)
	t.Run("reader", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		bad := errors.New("the disk is on fire")
		in := io.MultiReader(bytes.NewReader(archive[:len(archive)/2]), readFunc(func([]byte) (int, error) { return 0, bad }))
		if err := refused(t, options(t, dir, in, demo.AvatarSalt), dir); !errors.Is(err, bad) || err.Code != realmport.Internal {
			t.Errorf("got %v (%s)", err, err.Code)
		}
	})
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		opts := options(t, dir, bytes.NewReader(archive), demo.AvatarSalt)
		bad := errors.New("no")
		opts.Before = func(s *importer.Summary) error {
			if _, err := os.Stat(filepath.Join(dir, "uploads", "files")); err != nil || s.Status.ZulipVersion != "11.0" {
				t.Errorf("not all is in its place: %v, version %q", err, s.Status.ZulipVersion)
			}
			return bad
		}
		if err := refused(t, opts, dir); !errors.Is(err, bad) {
			t.Errorf("got %v", err)
		}
	})
}

// TestAfterAKill imports where a killed import left files, at two moments.
func TestAfterAKill(t *testing.T) {
	t.Parallel()
	archive := rulesArchive(t, realmport.Full)
	for name, leftovers := range map[string][]string{
		"while reading":  {".import/in/uploads/2/x/half.txt", ".import/rows/zerver_stream"},
		"before the end": {".import/placed", "files/2/x/old.txt", "avatars/2/realm/old.png"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			opts := options(t, dir, bytes.NewReader(archive), demo.AvatarSalt)
			for _, name := range leftovers {
				name = filepath.Join(opts.Uploads, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := importer.Run(t.Context(), opts); err != nil {
				t.Fatal(err)
			}
			for _, name := range fileNames(t, opts.Uploads) {
				if strings.Contains(name, "old") || strings.Contains(name, "half") || strings.HasPrefix(name, ".import") {
					t.Errorf("%s is still there", name)
				}
			}
		})
	}
}

func TestTwoImportsDoNotMeet(t *testing.T) {
	t.Parallel()
	archive := rulesArchive(t, realmport.Public)
	dir := t.TempDir()
	opts := options(t, dir, bytes.NewReader(archive), demo.AvatarSalt)
	opts.Before = func(*importer.Summary) error {
		other := t.TempDir()
		second := options(t, other, bytes.NewReader(archive), demo.AvatarSalt)
		second.Uploads = opts.Uploads
		if err := refused(t, second, other); err.Code != realmport.Running {
			t.Errorf("got %v (%s), want that another import is under way", err, err.Code)
		}
		return nil
	}
	summary, err := importer.Run(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(fileNames(t, opts.Uploads)); int64(got) != summary.Files || got == 0 {
		t.Errorf("got %d files, want %d", got, summary.Files)
	}
}

func TestFilesAreForTheirOwner(t *testing.T) {
	t.Parallel()
	s := imported(t, bytes.NewReader(rulesArchive(t, realmport.Full)), demo.AvatarSalt)
	for _, name := range fileNames(t, s.uploads()) {
		info, err := os.Lstat(filepath.Join(s.uploads(), name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 || info.ModTime().Year() == 1970 {
			t.Errorf("%s has the mode %v and the time %v", name, info.Mode(), info.ModTime())
		}
	}
}
