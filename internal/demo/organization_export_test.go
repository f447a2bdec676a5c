package demo

import (
	"bytes"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/sqlite"
	"github.com/realmport/realmport/internal/verify"
)

// memory is an output that keeps the archive.
type memory struct{ bytes.Buffer }

func (*memory) Commit() error { return nil }
func (*memory) Abort() error  { return nil }

func TestOrganizationCanBeExported(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long")
	}
	opts := OrganizationOptions{UploadsDir: t.TempDir(), AvatarSalt: "salt", ExternalHost: "localhost:8420"}
	path, made := organizationStore(t, opts)
	source, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := local.OpenFiles(opts.UploadsDir)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	var before int64
	for _, typ := range types() {
		out := &memory{}
		summary, err := export.Run(t.Context(), export.Options{
			Source: source, Files: files, Output: out, Realm: made.StringID, Type: typ, AvatarSalt: opts.AvatarSalt, ExternalHost: opts.ExternalHost,
			Migrations: []byte(`{"migrations_by_app":{},"zulip_version":"11.0"}`), Spool: t.TempDir(),
		})
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		if summary.Partial() || len(summary.Warnings) > 0 {
			t.Errorf("%s: missing %v, %v, warnings %q", typ, summary.Missing, summary.Examples, summary.Warnings)
		}
		report, err := verify.Verify(t.Context(), bytes.NewReader(out.Bytes()), int64(out.Len()), verify.Options{})
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		for _, p := range report.Problems {
			t.Errorf("%s: %s", typ, p)
		}
		if summary.Messages <= before {
			t.Errorf("%s: %d messages, not more than the %d of the type before", typ, summary.Messages, before)
		}
		before = summary.Messages
		if typ != realmport.Full {
			continue
		}
		for table, n := range report.Tables {
			if n == 0 && table != "zerver_realmexport" && table != "zerver_userprofile_mirrordummy" {
				t.Errorf("%s has no rows", table)
			}
		}
		if summary.Messages != made.Messages {
			t.Errorf("got %d messages in the full export, want all %d", summary.Messages, made.Messages)
		}
	}
}
