package sqlite_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/postgres"
	"github.com/realmport/realmport/internal/verify"
)

// rules makes a database with the fixture of the selection rules.
func rules(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.db")
	l := create(t, path)
	if err := demo.LoadRules(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	commit(t, l)
	return path
}

// memory is an output that keeps the archive.
type memory struct{ bytes.Buffer }

func (*memory) Commit() error { return nil }
func (*memory) Abort() error  { return nil }

// exported runs an export of the fixture, and verifies its archive.
func exported(t *testing.T, source realmport.Source, typ realmport.ExportType) []byte {
	t.Helper()
	uploads := t.TempDir()
	if err := demo.WriteRulesUploads(uploads); err != nil {
		t.Fatal(err)
	}
	files, err := local.OpenFiles(uploads)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	out := &memory{}
	_, err = export.Run(t.Context(), export.Options{
		Source: source, Files: files, Output: out, Realm: demo.RulesStringID, Type: typ,
		AvatarSalt: demo.AvatarSalt, ExternalHost: demo.ExternalHost, Spool: t.TempDir(),
		Migrations: []byte(`{"migrations_by_app":{},"zulip_version":"11.0"}`),
	})
	if err != nil {
		t.Fatalf("export: %v", err)
	}
	report, err := verify.Verify(t.Context(), bytes.NewReader(out.Bytes()), int64(out.Len()), verify.Options{})
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	for _, p := range report.Problems {
		t.Errorf("verify: %s", p)
	}
	return out.Bytes()
}

// unpack returns the files of an archive, by their names below its root folder.
func unpack(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(h.Name, "/")
		if files[name], err = io.ReadAll(tr); err != nil {
			t.Fatal(err)
		}
	}
}

// idsOf returns the ids of an archive's rows, by list.
func idsOf(t *testing.T, files map[string][]byte) map[string][]int64 {
	t.Helper()
	lists := map[string][]int64{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(name, "messages-") && !slices.Contains([]string{"realm.json", "analytics.json", "attachment.json"}, name) {
			continue
		}
		var content map[string][]struct{ ID int64 }
		if err := json.Unmarshal(files[name], &content); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for list, rows := range content {
			for _, r := range rows {
				lists[list] = append(lists[list], r.ID)
			}
		}
	}
	return lists
}

func types() []realmport.ExportType {
	return []realmport.ExportType{realmport.Public, realmport.Standard, realmport.Full}
}

func TestEngineSelectsWhatItShould(t *testing.T) {
	t.Parallel()
	path := rules(t)
	for _, typ := range types() {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			files := unpack(t, exported(t, open(t, path, 3), typ))
			got, want := idsOf(t, files), demo.Expected(typ)
			for list, ids := range want.Rows {
				switch list {
				case "zerver_attachment_messages", "zerver_attachment_scheduled_messages",
					"zerver_userprofile_groups", "zerver_userprofile_user_permissions":
					continue // lists of ids in their owners' rows
				case "zerver_realmauditlog": // with the archive's own entry
					got[list] = got[list][:len(got[list])-1]
				}
				if diff := cmp.Diff(ids, got[list], cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", list, diff)
				}
			}
			for folder, paths := range want.Files {
				for _, p := range paths {
					if files[folder+"/"+p] == nil {
						t.Errorf("the archive has no %s/%s", folder, p)
					}
				}
			}
			for name, content := range files {
				for _, secret := range demo.Secrets() {
					if bytes.Contains(content, []byte(secret)) {
						t.Errorf("%s holds %q", name, secret)
					}
				}
			}
		})
	}
}

// meaning is what a file says: of a JSON value all but the order of keys and the space between them, which are
// PostgreSQL's own in columns of type jsonb.
func meaning(t *testing.T, name string, content []byte) any {
	t.Helper()
	if !strings.HasSuffix(name, ".json") {
		return string(content)
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// TestSourcesAgree exports the same rows from a server's database.
func TestSourcesAgree(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Template(t, "rules", func(dsn string) error { return demo.CreateRules(context.Background(), dsn) })
	server, err := postgres.Open(dsn, postgres.Options{Connections: 2})
	if err != nil {
		t.Fatal(err)
	}
	path := rules(t)
	for _, typ := range types() {
		wantFiles, gotFiles := unpack(t, exported(t, server, typ)), unpack(t, exported(t, open(t, path, 2), typ))
		if diff := cmp.Diff(slices.Sorted(maps.Keys(wantFiles)), slices.Sorted(maps.Keys(gotFiles))); diff != "" {
			t.Errorf("%s: files (-server +embedded):\n%s", typ, diff)
		}
		for name, content := range wantFiles {
			if diff := cmp.Diff(meaning(t, name, content), meaning(t, name, gotFiles[name])); diff != "" {
				t.Errorf("%s: %s (-server +embedded):\n%s", typ, name, diff)
			}
		}
	}
}
