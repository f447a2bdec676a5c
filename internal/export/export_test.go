package export_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/postgres"
	"github.com/realmport/realmport/internal/verify"
)

func types() []realmport.ExportType {
	return []realmport.ExportType{realmport.Public, realmport.Standard, realmport.Full}
}

// memory is an output that keeps the archive.
type memory struct {
	bytes.Buffer
	committed bool
}

func (m *memory) Commit() error { m.committed = true; return nil }
func (m *memory) Abort() error  { return nil }

// rules returns a copy of the fixture database and its upload folder.
func rules(t *testing.T) (dsn, uploads string) {
	t.Helper()
	dsn = pgtest.Template(t, "rules", func(dsn string) error { return demo.CreateRules(context.Background(), dsn) })
	uploads = t.TempDir()
	if err := demo.WriteRulesUploads(uploads); err != nil {
		t.Fatal(err)
	}
	return dsn, uploads
}

// options are those of an export of the fixture.
func options(t *testing.T, dsn, uploads string, typ realmport.ExportType) export.Options {
	t.Helper()
	source, err := postgres.Open(dsn, postgres.Options{Connections: 3})
	if err != nil {
		t.Fatal(err)
	}
	opts := export.Options{
		Source: source, Realm: demo.RulesStringID, Type: typ, AvatarSalt: demo.AvatarSalt, ExternalHost: demo.ExternalHost,
		Migrations: []byte(`{"migrations_by_app":{},"zulip_version":"11.0"}`), Spool: t.TempDir(),
	}
	if uploads != "" {
		files, err := local.OpenFiles(uploads)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { files.Close() })
		opts.Files = files
	}
	return opts
}

// run exports, and checks what holds for every archive: it verifies.
func run(t *testing.T, opts export.Options) (*archive, *realmport.Summary) {
	t.Helper()
	out := &memory{}
	opts.Output = out
	summary, err := export.Run(t.Context(), opts)
	if err != nil {
		t.Fatalf("export: %v", err)
	}
	if !out.committed {
		t.Error("the output was not committed")
	}
	raw := out.Bytes()
	report, err := verify.Verify(t.Context(), bytes.NewReader(raw), int64(len(raw)), verify.Options{})
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	for _, p := range report.Problems {
		t.Errorf("verify: %s", p)
	}
	if report.SHA256 != summary.SHA256 || report.Rows != summary.Rows || report.Files != summary.Files {
		t.Errorf("verify counts %d rows, %d files, digest %s; the summary says %d, %d, %s",
			report.Rows, report.Files, report.SHA256, summary.Rows, summary.Files, summary.SHA256)
	}
	if left, err := os.ReadDir(opts.Spool); err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
	return unpack(t, raw), summary
}

type row map[string]any

// archive is an unpacked archive.
type archive struct {
	raw   []byte
	files map[string][]byte // below the root folder
	lists map[string][]row  // of the JSON files that hold tables, by key
}

func unpack(t *testing.T, raw []byte) *archive {
	t.Helper()
	a := &archive{raw: raw, files: map[string][]byte{}, lists: map[string][]row{}}
	zr, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(h.Name, "/")
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if a.files[name], err = io.ReadAll(tr); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if strings.HasPrefix(name, "messages-") || name == "realm.json" || name == "analytics.json" || name == "attachment.json" {
			var lists map[string][]row
			a.decode(t, name, &lists)
			for key, rows := range lists {
				a.lists[key] = append(a.lists[key], rows...)
			}
		}
	}
	return a
}

// decode reads a JSON file; numbers stay as they are written.
func (a *archive) decode(t *testing.T, name string, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(a.files[name]))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func (a *archive) ids(list string) []int64 {
	ids := []int64{}
	for _, r := range a.lists[list] {
		n, _ := r["id"].(json.Number).Int64()
		ids = append(ids, n)
	}
	return ids
}

// find returns the row of the id.
func (a *archive) find(t *testing.T, list string, id int64) row {
	t.Helper()
	for i, got := range a.ids(list) {
		if got == id {
			return a.lists[list][i]
		}
	}
	t.Fatalf("%s has no row %d", list, id)
	return nil
}

func TestRulesSelectWhatTheyShould(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	for _, typ := range types() {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			a, _ := run(t, options(t, dsn, uploads, typ))
			want := demo.Expected(typ)
			for list, ids := range want.Rows {
				switch list {
				case "zerver_attachment_messages", "zerver_attachment_scheduled_messages",
					"zerver_userprofile_groups", "zerver_userprofile_user_permissions":
					continue // lists of ids in their owners' rows
				}
				got := a.ids(list)
				if list == "zerver_realmauditlog" {
					got = got[:len(got)-1] // the archive's own entry
				}
				if diff := cmp.Diff(slices.Clip(ids), got, equateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", list, diff)
				}
			}
			for folder, paths := range want.Files {
				if diff := cmp.Diff(paths, a.folder(folder), equateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", folder, diff)
				}
			}
			for name, content := range a.files {
				for _, secret := range demo.Secrets() {
					if bytes.Contains(content, []byte(secret)) {
						t.Errorf("%s holds %q", name, secret)
					}
				}
			}
		})
	}
}

func equateEmpty() cmp.Option {
	return cmp.FilterValues(func(a, b []int64) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
}

// folder lists the files of a folder, without records.json.
func (a *archive) folder(name string) []string {
	var paths []string
	for f := range a.files {
		if p, ok := strings.CutPrefix(f, name+"/"); ok && p != "records.json" {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

func TestSameSnapshotGivesSameBytes(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	for _, typ := range types() {
		opts := options(t, dsn, uploads, typ)
		first, _ := run(t, opts)
		opts = options(t, dsn, uploads, typ)
		opts.Workers = 1
		second, _ := run(t, opts)
		if !bytes.Equal(first.raw, second.raw) {
			t.Errorf("%s: two exports of the same rows differ", typ)
		}
	}
}

func TestMissingFilesAreListed(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	opts := options(t, dsn, uploads, realmport.Full)
	_, before := run(t, opts)
	emoji := filepath.Join(uploads, "avatars", fmt.Sprint(demo.RulesRealm), "emoji", "images", "1.png.original")
	if err := os.Remove(emoji); err != nil {
		t.Fatal(err)
	}
	a, summary := run(t, options(t, dsn, uploads, realmport.Full))
	var missing []realmport.Missing
	a.decode(t, "missing.json", &missing)
	if got, want := summary.Missing["emoji"], before.Missing["emoji"]+1; got != want {
		t.Errorf("missing emoji: got %d, want %d", got, want)
	}
	total := 0
	for _, n := range summary.Missing {
		total += n
	}
	if len(missing) != total {
		t.Errorf("missing.json has %d entries, the summary %d", len(missing), total)
	}
	if !slices.ContainsFunc(missing, func(m realmport.Missing) bool {
		return m.Kind == "emoji" && strings.HasSuffix(m.Path, "1.png.original") && m.Reason == "it is not in the upload folder"
	}) {
		t.Errorf("missing.json does not name the emoji's file: %v", missing)
	}
	for _, r := range a.lists["zerver_attachment"] {
		if _, ok := a.files["uploads/"+r["path_id"].(string)]; !ok {
			t.Errorf("attachment %v is in the archive without its file", r["id"])
		}
	}
}

func TestWithoutUploadFolderOrSalt(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	a, summary := run(t, options(t, dsn, "", realmport.Full))
	if len(a.lists["zerver_attachment"]) != 0 || summary.Files != 0 {
		t.Errorf("got %d attachments and %d files without an upload folder, want none", len(a.lists["zerver_attachment"]), summary.Files)
	}
	opts := options(t, dsn, uploads, realmport.Full)
	opts.AvatarSalt = ""
	a, summary = run(t, opts)
	if got := a.folder("avatars"); len(got) != 0 || summary.Missing["avatar"] == 0 {
		t.Errorf("without the salt: got avatars %v, %d of them missing", got, summary.Missing["avatar"])
	}
	if !slices.ContainsFunc(summary.Examples, func(m realmport.Missing) bool { return strings.Contains(m.Reason, "--zulip-secrets") }) {
		t.Errorf("no reason names the option that helps: %v", summary.Examples)
	}
}

func TestScrubbedUsers(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	a, _ := run(t, options(t, dsn, uploads, realmport.Standard))
	bob := a.find(t, "zerver_userprofile_mirrordummy", demo.Bob)
	if bob["is_mirror_dummy"] != true || bob["is_active"] != false {
		t.Errorf("bob is not a mirror dummy: %v", bob)
	}
	address, _ := bob["delivery_email"].(string)
	if !strings.HasPrefix(address, "exported-user-") || !strings.HasSuffix(address, "@"+demo.RulesStringID+"."+demo.ExternalHost) {
		t.Errorf("bob's address is %q", address)
	}
	defaults := a.lists["zerver_realmuserdefault"][0]
	for key, want := range defaults {
		if got, shared := bob[key]; shared && key != "id" && key != "realm" && key != "email_address_visibility" {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("setting %s was not reset: %s", key, diff)
			}
		}
	}
	alice := a.find(t, "zerver_userprofile", demo.Alice)
	if got, want := alice["delivery_email"], demo.DeliveryEmail(demo.Alice); got != want {
		t.Errorf("alice consents; her address is %q, want %q", got, want)
	}
}

func TestArchiveTellsOfItself(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	a, _ := run(t, options(t, dsn, uploads, realmport.Public))
	entries := a.lists["zerver_realmauditlog"]
	last := entries[len(entries)-1]
	if last["event_type"] != json.Number("206") || last["acting_user"] != nil || last["modified_user"] != nil {
		t.Errorf("the last audit entry is %v, want one of type 206", last)
	}
}

func TestTimestampsOfTheRealmAreTexts(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	sql(t, dsn, "UPDATE zulip.zerver_realm SET scheduled_deletion_date = '2030-01-02 03:04:05.5+00' WHERE id = $1", demo.RulesRealm)
	a, _ := run(t, options(t, dsn, uploads, realmport.Full))
	if got, want := a.lists["zerver_realm"][0]["scheduled_deletion_date"], "2030-01-02T03:04:05.500000+00:00"; got != want {
		t.Errorf("scheduled_deletion_date: got %v, want %v", got, want)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change string // of the database
		opts   func(*export.Options)
		code   realmport.Code
		text   string
	}{
		{name: "no such organization", opts: func(o *export.Options) { o.Realm = "nowhere" }, code: realmport.NotFound, text: `it has: ["demo"`},
		{
			name: "no consenting owner", change: "UPDATE zulip.zerver_userprofile SET allow_private_data_export = false WHERE role = 100",
			opts: func(o *export.Options) { o.Type = realmport.Standard }, code: realmport.NotAllowed, text: "--allow-unusable",
		},
		{
			name: "no visible owner", change: "UPDATE zulip.zerver_userprofile SET email_address_visibility = 4 WHERE role = 100",
			opts: func(o *export.Options) { o.Type = realmport.Public }, code: realmport.NotAllowed, text: "--allow-unusable",
		},
		{name: "table missing", change: "DROP TABLE zulip.zerver_alertword", code: realmport.Unsupported, text: "zerver_alertword"},
		{name: "column of a rule missing", change: "ALTER TABLE zulip.zerver_userprofile DROP COLUMN is_mirror_dummy", code: realmport.Unsupported, text: "zerver_userprofile.is_mirror_dummy"},
		{name: "server too old", change: "DELETE FROM zulip.django_migrations WHERE name >= '0100'", code: realmport.Unsupported, text: "too old"},
		{
			name: "consent unknown", change: "ALTER TABLE zulip.zerver_userprofile DROP COLUMN allow_private_data_export",
			opts: func(o *export.Options) { o.Type = realmport.Standard }, code: realmport.Unsupported, text: "--type public or full",
		},
		{
			name: "no user defaults", change: "DELETE FROM zulip.zerver_realmuserdefault",
			opts: func(o *export.Options) { o.Type = realmport.Public }, code: realmport.Unsupported, text: "zerver_realmuserdefault",
		},
		{name: "endless time", change: "UPDATE zulip.zerver_message SET date_sent = 'infinity'", code: realmport.Internal, text: "infinite"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dsn, uploads := rules(t)
			if tt.change != "" {
				sql(t, dsn, tt.change)
			}
			opts := options(t, dsn, uploads, realmport.Full)
			if tt.opts != nil {
				tt.opts(&opts)
			}
			out := &memory{}
			opts.Output = out
			_, err := export.Run(t.Context(), opts)
			if got := realmport.ErrorCode(err); got != tt.code || !strings.Contains(fmt.Sprint(err), tt.text) {
				t.Errorf("got %s %v, want %s with %q", got, err, tt.code, tt.text)
			}
			if out.committed {
				t.Error("the output was committed")
			}
		})
	}
}

func TestAllowUnusable(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	sql(t, dsn, "UPDATE zulip.zerver_userprofile SET email_address_visibility = 4 WHERE role = 100")
	opts := options(t, dsn, uploads, realmport.Public)
	opts.AllowUnusable = true
	run(t, opts)
}

func TestOtherVersions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, change, warning string
		check                 func(*testing.T, *archive)
	}{
		{name: "a column more", change: "ALTER TABLE zulip.zerver_stream ADD COLUMN colour text NOT NULL DEFAULT 'red'", check: func(t *testing.T, a *archive) {
			if got := a.lists["zerver_stream"][0]["colour"]; got != "red" {
				t.Errorf("the new column is %v, want red", got)
			}
		}},
		{name: "a reference more", change: "ALTER TABLE zulip.zerver_stream ADD COLUMN twin_id bigint REFERENCES zulip.zerver_stream(id)", check: func(t *testing.T, a *archive) {
			if _, ok := a.lists["zerver_stream"][0]["twin"]; !ok {
				t.Error("the new reference has no key twin")
			}
		}},
		{name: "columns of types unheard of", change: "ALTER TABLE zulip.zerver_realm ADD COLUMN d date DEFAULT '2024-02-29', ADD COLUMN a int[] DEFAULT '{1,2}', ADD COLUMN n numeric DEFAULT 1.5", check: func(t *testing.T, a *archive) {
			r := a.lists["zerver_realm"][0]
			got := fmt.Sprintf("%v %v %v", r["d"], r["a"], r["n"])
			if want := "2024-02-29 [1 2] 1.5"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}},
		{name: "a column less", change: "ALTER TABLE zulip.zerver_stream DROP COLUMN is_recently_active", check: func(t *testing.T, a *archive) {
			if _, ok := a.lists["zerver_stream"][0]["is_recently_active"]; ok {
				t.Error("the dropped column has a key")
			}
		}},
		{name: "a table more", change: "CREATE TABLE zulip.zerver_novelty (id int)", warning: "zerver_novelty"},
		{name: "a version before a table", change: "DROP TABLE zulip.zerver_savedsnippet; DELETE FROM zulip.django_migrations WHERE app = 'zerver' AND name >= '0587'", check: func(t *testing.T, a *archive) {
			if got := a.lists["zerver_savedsnippet"]; len(got) != 0 {
				t.Errorf("got rows %v of a table that does not exist", got)
			}
		}},
		{name: "a version before consent", change: "ALTER TABLE zulip.zerver_userprofile DROP COLUMN allow_private_data_export; ALTER TABLE zulip.zerver_realmuserdefault DROP COLUMN allow_private_data_export"},
		{name: "without the table of migrations", change: "DROP TABLE zulip.django_migrations", warning: "django_migrations"},
		{name: "in another schema", change: "ALTER SCHEMA zulip RENAME TO chat"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dsn, uploads := rules(t)
			sql(t, dsn, tt.change)
			a, summary := run(t, options(t, dsn, uploads, realmport.Full))
			if got := strings.Join(summary.Warnings, "\n"); !strings.Contains(got, tt.warning) || tt.warning == "" && got != "" {
				t.Errorf("got warnings %q, want %q", got, tt.warning)
			}
			if tt.check != nil {
				tt.check(t, a)
			}
		})
	}
}

func TestDanglingReferencesStayOut(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	// Where the database itself is broken, or a row points into another organization.
	sql(t, dsn, "SET session_replication_role = replica; "+
		fmt.Sprintf("UPDATE zulip.zerver_stream SET creator_id = %d WHERE id = %d; ", demo.Nina, demo.General)+
		fmt.Sprintf("UPDATE zulip.zerver_realmemoji SET author_id = 999999 WHERE realm_id = %d", demo.RulesRealm))
	a, summary := run(t, options(t, dsn, uploads, realmport.Full))
	if got := a.find(t, "zerver_stream", demo.General)["creator"]; got != nil {
		t.Errorf("the creator of another organization is %v, want null", got)
	}
	if summary.Missing["reference"] < 2 {
		t.Errorf("missing: %v, want two references or more", summary.Missing)
	}
}

func TestStopsWhenToldTo(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	reason := realmport.Errorf(realmport.Interrupted, "stopped for the test")
	for n := range 12 {
		ctx, cancel := context.WithCancelCause(t.Context())
		opts := options(t, dsn, uploads, realmport.Full)
		out := &memory{}
		opts.Output = &stopping{memory: out, after: n, stop: func() { cancel(reason) }}
		_, err := export.Run(ctx, opts)
		if err == nil && !out.committed {
			t.Errorf("after %d writes: no error, and nothing committed", n)
		}
		if err != nil && out.committed {
			t.Errorf("after %d writes: committed in spite of %v", n, err)
		}
		cancel(nil)
	}
}

// stopping cancels the export after some writes.
type stopping struct {
	*memory
	after int
	stop  func()
}

func (s *stopping) Write(p []byte) (int, error) {
	if s.after--; s.after < 0 {
		s.stop()
	}
	return s.memory.Write(p)
}

func TestOutputErrorsEndTheExport(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	full := errors.New("disk full")
	for _, after := range []int{0, 1, 2, 5, 10} {
		opts := options(t, dsn, uploads, realmport.Full)
		out := &failing{memory: &memory{}, after: after, err: full}
		opts.Output = out
		if _, err := export.Run(t.Context(), opts); !errors.Is(err, full) || out.committed {
			t.Errorf("after %d writes: got %v, committed %t, want the output's error", after, err, out.committed)
		}
	}
}

type failing struct {
	*memory
	after int
	err   error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, f.err
	}
	return f.memory.Write(p)
}

func TestWarningsAreLogged(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	sql(t, dsn, "CREATE TABLE zulip.zerver_novelty (id int)")
	var log bytes.Buffer
	opts := options(t, dsn, uploads, realmport.Public)
	opts.Log = slog.New(slog.NewTextHandler(&log, nil))
	run(t, opts)
	if !strings.Contains(log.String(), "zerver_novelty") {
		t.Errorf("the log does not name the unknown table: %s", log.String())
	}
}

// The tests below are of states that a usual server does not have, and of one rule each.
func TestUnusualRows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, change string
		typ          realmport.ExportType
		check        func(*testing.T, *archive, *realmport.Summary)
	}{
		{
			name: "a reference to a table that is not exported", typ: realmport.Full,
			change: "CREATE TABLE zulip.zerver_channelfolder (id int PRIMARY KEY); INSERT INTO zulip.zerver_channelfolder VALUES (77); " +
				"ALTER TABLE zulip.zerver_stream ADD COLUMN folder_id int REFERENCES zulip.zerver_channelfolder; " +
				fmt.Sprintf("UPDATE zulip.zerver_stream SET folder_id = 77 WHERE id = %d", demo.General),
			check: func(t *testing.T, a *archive, s *realmport.Summary) {
				if got := a.find(t, "zerver_stream", demo.General)["folder"]; got != nil || s.Missing["reference"] == 0 {
					t.Errorf("folder %v, missing %v; want null, and listed", got, s.Missing)
				}
			},
		},
		{
			name: "a scheduled message that is left out is not linked", typ: realmport.Full,
			change: fmt.Sprintf("UPDATE zulip.zerver_scheduledmessage SET sender_id = %d WHERE realm_id = %d", demo.MonitorBot, demo.RulesRealm),
			check: func(t *testing.T, a *archive, _ *realmport.Summary) {
				if got := a.ids("zerver_scheduledmessage"); len(got) > 0 {
					t.Errorf("scheduled messages of an unknown sender: %v", got)
				}
			},
		},
		{
			name: "a public channel that does not name its recipient", typ: realmport.Public,
			change: fmt.Sprintf("UPDATE zulip.zerver_stream SET recipient_id = NULL WHERE id = %d", demo.General),
			check: func(t *testing.T, a *archive, _ *realmport.Summary) {
				if diff := cmp.Diff(demo.Expected(realmport.Public).Messages, a.ids("zerver_message")); diff != "" {
					t.Errorf("messages (-want +got):\n%s", diff)
				}
			},
		},
		{
			name: "members without a subscription to themselves", typ: realmport.Standard,
			change: fmt.Sprintf("DELETE FROM zulip.zerver_subscription WHERE user_profile_id = %[1]d AND recipient_id = %[2]d", demo.Bob, demo.PersonalRecipient(demo.Bob)),
			check: func(t *testing.T, a *archive, _ *realmport.Summary) {
				if diff := cmp.Diff(demo.Expected(realmport.Standard).Messages, a.ids("zerver_message")); diff != "" {
					t.Errorf("messages (-want +got):\n%s", diff)
				}
			},
		},
		{
			name: "hidden addresses in a public export", typ: realmport.Public, change: "SELECT 1",
			check: func(t *testing.T, a *archive, _ *realmport.Summary) {
				for _, id := range []int64{demo.Alice, demo.Bob, demo.Grace} {
					u := a.find(t, "zerver_userprofile_mirrordummy", id)
					if !strings.HasPrefix(fmt.Sprint(u["delivery_email"]), "exported-user-") || u["is_active"] != false {
						t.Errorf("user %d is not hidden: %v, active %v", id, u["delivery_email"], u["is_active"])
					}
				}
				if got, want := a.find(t, "zerver_userprofile", demo.Erin)["email_address_visibility"], json.Number("3"); got != want {
					t.Errorf("who may see erin's address: got %v, want her own choice %v", got, want)
				}
			},
		},
		{
			name: "who acted from another organization", typ: realmport.Full,
			change: fmt.Sprintf("UPDATE zulip.zerver_realmauditlog SET acting_user_id = %d WHERE realm_id = %d", demo.Nina, demo.RulesRealm),
			check: func(t *testing.T, a *archive, _ *realmport.Summary) {
				for _, r := range a.lists["zerver_realmauditlog"] {
					if r["acting_user"] != nil {
						t.Errorf("audit entry %v names user %v of another organization", r["id"], r["acting_user"])
					}
				}
			},
		},
		{
			name: "audit entries about somebody of another organization", typ: realmport.Full,
			change: fmt.Sprintf("UPDATE zulip.zerver_realmauditlog SET modified_user_id = %d WHERE realm_id = %d", demo.Nina, demo.RulesRealm),
			check: func(t *testing.T, a *archive, s *realmport.Summary) {
				if got := len(a.lists["zerver_realmauditlog"]); got != 1 || s.Missing["row"] == 0 {
					t.Errorf("got %d audit entries, missing %v, want just the archive's own, and the others listed", got, s.Missing)
				}
			},
		},
		{
			name: "columns that some versions lack", typ: realmport.Public,
			change: "ALTER TABLE zulip.zerver_subscription DROP COLUMN color",
		},
		{
			name: "an upload owned by a system bot", typ: realmport.Full,
			change: fmt.Sprintf("UPDATE zulip.zerver_attachment SET owner_id = %d WHERE realm_id = %d", demo.EmailGateway, demo.RulesRealm),
			check: func(t *testing.T, a *archive, _ *realmport.Summary) {
				var records []row
				a.decode(t, "uploads/records.json", &records)
				for _, r := range records {
					if r["user_profile_email"] != "emailgateway@zulip.com" {
						t.Errorf("the owner's address is %q", r["user_profile_email"])
					}
				}
			},
		},
		{
			name: "a column of a later version that holds secrets", typ: realmport.Full,
			change: "ALTER TABLE zulip.zerver_userprofile ADD COLUMN push_token text DEFAULT 'hush'",
			check: func(t *testing.T, a *archive, s *realmport.Summary) {
				if bytes.Contains(a.files["realm.json"], []byte("hush")) || !strings.Contains(strings.Join(s.Warnings, "\n"), "push_token") {
					t.Errorf("the secret is in the archive, or nobody was told: %v", s.Warnings)
				}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dsn, uploads := rules(t)
			sql(t, dsn, tt.change)
			a, summary := run(t, options(t, dsn, uploads, tt.typ))
			if tt.check != nil {
				tt.check(t, a, summary)
			}
		})
	}
}
