package importer_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/importer"
	"github.com/realmport/realmport/internal/sqlite"
	"github.com/realmport/realmport/internal/verify"
)

// store is an embedded store that an archive was imported into.
type store struct {
	dir     string
	summary *importer.Summary
	salt    string
}

func (s *store) db() string      { return filepath.Join(s.dir, "store.db") }
func (s *store) uploads() string { return filepath.Join(s.dir, "uploads") }

// options are those of an import into a folder.
func options(tb testing.TB, dir string, archive io.Reader, salt string) importer.Options {
	tb.Helper()
	loader, err := sqlite.Create(tb.Context(), filepath.Join(dir, "store.db"))
	if err != nil {
		tb.Fatal(err)
	}
	return importer.Options{
		Archive: archive, Store: loader, Uploads: filepath.Join(dir, "uploads"), AvatarSalt: salt, Secret: []byte("a secret"),
		Now: time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC),
	}
}

// imported imports an archive into a new store.
func imported(tb testing.TB, archive io.Reader, salt string) *store {
	tb.Helper()
	s := &store{dir: tb.TempDir(), salt: salt}
	var err error
	if s.summary, err = importer.Run(tb.Context(), options(tb, s.dir, archive, salt)); err != nil {
		tb.Fatalf("import: %v", err)
	}
	return s
}

// refused imports an archive that must not be taken, checks that nothing is left of it, and returns the error.
func refused(tb testing.TB, opts importer.Options, dir string) *realmport.Error {
	tb.Helper()
	summary, err := importer.Run(tb.Context(), opts)
	if err == nil {
		tb.Fatalf("the archive was imported: %+v", summary)
	}
	var e *realmport.Error
	if !errors.As(err, &e) {
		tb.Errorf("got an error of type %T: %v", err, err)
	}
	nothingLeft(tb, dir)
	return e
}

// nothingLeft checks that an import left nothing in a folder.
func nothingLeft(tb testing.TB, dir string) {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	for _, entry := range entries {
		tb.Errorf("the import left %s", entry.Name())
	}
}

// memory is an output that keeps the archive.
type memory struct{ bytes.Buffer }

func (*memory) Commit() error { return nil }
func (*memory) Abort() error  { return nil }

// exported exports an organization, and verifies the archive.
func exported(tb testing.TB, opts export.Options, uploads string) []byte {
	tb.Helper()
	files, err := local.OpenFiles(uploads)
	if err != nil {
		tb.Fatal(err)
	}
	defer files.Close()
	out := &memory{}
	opts.Files, opts.Output, opts.Spool = files, out, tb.TempDir()
	if _, err := export.Run(tb.Context(), opts); err != nil {
		tb.Fatalf("export: %v", err)
	}
	report, err := verify.Verify(tb.Context(), bytes.NewReader(out.Bytes()), int64(out.Len()), verify.Options{})
	if err != nil {
		tb.Fatalf("verify: %v", err)
	}
	for _, p := range report.Problems {
		tb.Errorf("verify: %s", p)
	}
	return out.Bytes()
}

// exportedAgain exports all of what was imported.
func (s *store) exportedAgain(tb testing.TB) []byte {
	tb.Helper()
	source, err := sqlite.Open(s.db(), sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	status, err := s.summary.Status.JSON()
	if err != nil {
		tb.Fatal(err)
	}
	return exported(tb, export.Options{
		Source: source, Realm: s.summary.Realm, Type: realmport.Full, AvatarSalt: s.salt, AvatarNames: s.summary.Avatars, Migrations: status,
	}, s.uploads())
}

// rulesArchive exports the fixture of the selection rules.
func rulesArchive(tb testing.TB, typ realmport.ExportType) []byte {
	tb.Helper()
	dir := tb.TempDir()
	loader, err := sqlite.Create(tb.Context(), filepath.Join(dir, "rules.db"))
	if err != nil {
		tb.Fatal(err)
	}
	if err := demo.LoadRules(tb.Context(), loader); err != nil {
		tb.Fatal(errors.Join(err, loader.Abort()))
	}
	if err := loader.Commit(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	source, err := sqlite.Open(filepath.Join(dir, "rules.db"), sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	uploads := filepath.Join(dir, "uploads")
	if err := demo.WriteRulesUploads(uploads); err != nil {
		tb.Fatal(err)
	}
	return exported(tb, export.Options{
		Source: source, Realm: demo.RulesStringID, Type: typ, AvatarSalt: demo.AvatarSalt, ExternalHost: demo.ExternalHost,
		Migrations: []byte(`{"migrations_by_app":{"zerver":["[X] 0001_initial","[X] 0697_x"]},"zulip_version":"11.0"}`),
	}, uploads)
}

// files are the files of an archive, by their names below its root folder.
type files map[string][]byte

func unpack(tb testing.TB, archive []byte) files {
	tb.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		tb.Fatal(err)
	}
	all := files{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			tb.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		_, name, _ := strings.Cut(h.Name, "/")
		if all[name], err = io.ReadAll(tr); err != nil {
			tb.Fatal(err)
		}
	}
}

// object is a JSON object.
type object = map[string]any

// decode reads JSON; numbers stay as they are written.
func decode(tb testing.TB, text []byte) any {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		tb.Fatal(err)
	}
	return v
}

// lists returns the rows of all tables of an archive, by list and id, with numbers that compare by value.
func (a files) lists(tb testing.TB) map[string]map[string]object {
	tb.Helper()
	all := map[string]map[string]object{}
	for name, text := range a {
		if !strings.HasPrefix(name, "messages-") && name != "realm.json" && name != "analytics.json" && name != "attachment.json" {
			continue
		}
		for list, rows := range decode(tb, text).(object) {
			if all[list] == nil {
				all[list] = map[string]object{}
			}
			for _, row := range rows.([]any) {
				row := row.(object)
				all[list][row["id"].(json.Number).String()] = row
			}
		}
	}
	return all
}

// fileNames lists the files in a folder and below.
func fileNames(tb testing.TB, dir string) []string {
	tb.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, err = filepath.Rel(dir, name)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return names
}
