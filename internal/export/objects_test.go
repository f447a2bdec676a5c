package export_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/postgres"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

// buckets opens the files of a server in two buckets.
func buckets(t *testing.T, config s3.Config, uploads, avatars string) *s3.Files {
	t.Helper()
	client, err := s3.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return s3.OpenFiles(client, s3.FilesConfig{Uploads: uploads, Avatars: avatars})
}

// TestGoldenObjects compares an export of a server whose files are in buckets with the reference's.
func TestGoldenObjects(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long, and other tests read objects too")
	}
	config, uploads, avatars, folder := s3test.Golden(t)
	dsn, _, _ := pgtest.Golden(t, "community")
	change, err := os.ReadFile(filepath.Join(folder, "after-community.sql"))
	if err != nil {
		t.Fatal(err)
	}
	sql(t, dsn, string(change))
	source, err := postgres.Open(dsn, postgres.Options{Connections: 3})
	if err != nil {
		t.Fatal(err)
	}
	migrations := untarOne(t, filepath.Join(folder, "reference-type2.tar.gz"), "migration_status.json")
	a, summary := run(t, export.Options{
		Source: source, Files: buckets(t, config, uploads, avatars), Realm: "community", Type: realmport.Standard,
		AvatarSalt: "spec-avatar-salt", ExternalHost: "chat.example.test", Migrations: migrations, Spool: t.TempDir(),
	})
	if len(summary.Missing) > 0 {
		t.Errorf("got %v missing, want nothing: %v", summary.Missing, summary.Examples)
	}
	// The small avatars, which the reference forgets.
	var pictures int
	for name := range a.files {
		if strings.HasPrefix(name, "avatars/2/") && strings.HasSuffix(name, ".png") {
			pictures++
		}
	}
	if pictures != 18 {
		t.Errorf("got %d small avatars, want 18", pictures)
	}
	tool := filepath.Join(folder, "..", "..", "tools", "archive_diff.py")
	if _, err := os.Stat(tool); err != nil {
		pgtest.Require(t, "the comparison of archives", err.Error())
	}
	name := filepath.Join(t.TempDir(), "candidate.tar.gz")
	if err := os.WriteFile(name, a.raw, 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.CommandContext(t.Context(), "python3", tool, filepath.Join(folder, "reference-type2.tar.gz"), name).CombinedOutput()
	if !strings.Contains(string(out), "differences: 0 ") {
		t.Errorf("compared with the reference's archive:\n%s", out)
	}
}

// untarOne reads one file of an archive.
func untarOne(t *testing.T, name, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return unpack(t, raw).files[file]
}

// TestObjectsOfAllKinds exports files from buckets as servers really have them: moved there by other programs, without metadata, with
// wrong or hostile metadata, with what other programs leave beside them.
func TestObjectsOfAllKinds(t *testing.T) {
	t.Parallel()
	dsn, folder := rules(t)
	config, uploads := s3test.Bucket(t)
	_, avatars := s3test.Bucket(t)
	metadata := map[string]map[string]string{}
	put := func(bucket, key string, body []byte) {
		m := metadata[key]
		s3test.Put(t, config, bucket, s3test.Object{Key: key, Body: body, ContentType: "image/png", Metadata: m})
	}
	hostile := "2/1/" // whatever upload has this prefix gets hostile metadata
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(folder, path)
		area, key, _ := strings.Cut(filepath.ToSlash(rel), "/")
		if area == string(realmport.Uploads) {
			if strings.HasPrefix(key, hostile) {
				metadata[key] = map[string]string{"realm_id": "999", "user_profile_id": "not a number", "path": "../../etc", "s3_path": "x", "orig_last_modified": "yes"}
			}
			put(uploads, key, body)
			put(uploads, key+".info", []byte("{}"))
			return nil
		}
		put(avatars, key, body)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	local, kinds := run(t, options(t, dsn, folder, realmport.Full))
	opts := options(t, dsn, "", realmport.Full)
	opts.Files = buckets(t, config, uploads, avatars)
	a, summary := run(t, opts)
	if diff := cmp.Diff(kinds.Missing, summary.Missing); diff != "" {
		t.Errorf("missing (-folder +bucket):\n%s", diff)
	}
	for name, body := range local.files {
		if !strings.HasPrefix(name, "uploads/") || name == "uploads/records.json" {
			continue
		}
		if string(a.files[name]) != string(body) {
			t.Errorf("%s: got %d bytes, want the %d of the folder", name, len(a.files[name]), len(body))
		}
	}
	for name := range a.files {
		if strings.HasSuffix(name, ".info") {
			t.Errorf("got %s, want nothing that no attachment names", name)
		}
	}
	var got, want []map[string]any
	a.decode(t, "uploads/records.json", &got)
	local.decode(t, "uploads/records.json", &want)
	keys := []string{"realm_id", "user_profile_id", "user_profile_email", "s3_path", "path", "size"}
	if diff := cmp.Diff(only(want, keys), only(got, keys)); diff != "" {
		t.Errorf("records of uploads (-folder +bucket):\n%s", diff)
	}
	for _, r := range got {
		if r["bucket"] != uploads || r["content_type"] != "image/png" {
			t.Errorf("got record %v, want its bucket and type", r)
		}
	}
}

// only returns the records with just these keys.
func only(records []map[string]any, keys []string) []map[string]any {
	var out []map[string]any
	for _, r := range records {
		some := map[string]any{}
		for _, k := range keys {
			some[k] = r[k]
			if n, ok := r[k].(json.Number); ok {
				some[k] = n.String()
			}
		}
		out = append(out, some)
	}
	return out
}
