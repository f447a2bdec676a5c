package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport/internal/demo"
)

// contents reads the files of an archive, below its root folder.
func contents(t *testing.T, name string) map[string]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		_, below, _ := strings.Cut(h.Name, "/")
		list[below] = string(text)
	}
}

// missingOf returns the kinds and reasons in the missing.json of an archive.
func missingOf(t *testing.T, name string) map[string][]string {
	t.Helper()
	var list []struct{ Kind, Reason string }
	if err := json.Unmarshal([]byte(contents(t, name)["missing.json"]), &list); err != nil {
		t.Fatal(err)
	}
	reasons := map[string][]string{}
	for _, m := range list {
		reasons[m.Kind] = append(reasons[m.Kind], m.Reason)
	}
	return reasons
}

func digest(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func TestExportComplete(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.complete(t)
	r := run(t, f.args(t)...)
	r.want(t, exitOK, says(`exported organization "demo" (standard) to `+f.out+"\n", "\n  messages  ", " usermessages\n", "\n  users     11\n",
		"\n  files     ", "\n  archive   ", "\n  SHA-256   "+digest(t, f.out)+"\n", "\n  missing   nothing\n"), nil)
	if got, want := files(t, filepath.Dir(f.out)), []string{filepath.Base(f.out)}; !slices.Equal(got, want) {
		t.Errorf("got files %q, want %q: nothing temporary", got, want)
	}
	info, err := os.Stat(f.out)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), os.FileMode(0o600); got != want {
		t.Errorf("got mode %v, want %v: it holds private messages", got, want)
	}
	run(t, "verify", f.out).want(t, exitOK, says(f.out+" is whole and consistent\n", digest(t, f.out)), nil)
	run(t, f.args(t, "--force", "--quiet")...).want(t, exitOK, nil, nil)
}

func TestExportPartial(t *testing.T) {
	t.Parallel()
	f := setup(t)
	run(t, f.args(t)...).want(t, exitPartial, says("\n  missing   1 custom emoji, 1 upload: left out, and listed in missing.json in the archive\n",
		`    upload of zerver_attachment 6, "files/`, `/lost.txt": it is not in the upload folder`), nil)
	if diff := cmp.Diff(map[string][]string{
		"upload": {"it is not in the upload folder"},
		"emoji":  {"it has no file yet: its upload was under way"},
	}, missingOf(t, f.out)); diff != "" {
		t.Errorf("missing.json (-want +got):\n%s", diff)
	}
	run(t, "verify", f.out).want(t, exitOK, says("is whole and consistent", "\n  missing   2 things, which the export left out"), nil)
	run(t, f.args(t, "--force", "--quiet")...).want(t, exitPartial, nil, says("realmport: warning: missing: 1 custom emoji, 1 upload"))
}

func TestExportJSON(t *testing.T) {
	t.Parallel()
	f := setup(t)
	r := run(t, "export", "--source", f.dsn, "--realm", "demo", "--type", "full", "--out", f.out, "--uploads", f.uploads,
		"--avatar-salt", demo.AvatarSalt, "--json")
	if r.status != exitPartial || r.stderr != "" {
		t.Errorf("got status %d and errors %q, want %d and none", r.status, r.stderr, exitPartial)
	}
	list := objects(t, r.stdout)
	if got := len(ofType(list, "warning")); got != 2 {
		t.Errorf("got %d warnings, want 2: of migrations and version:\n%s", got, r.stdout)
	}
	last := list[len(list)-1]
	want := map[string]any{
		"message_type": "summary", "realm": "demo", "type": "full", "out": f.out, "sha256": digest(t, f.out),
		"missing": map[string]any{"upload": 1.0, "emoji": 1.0},
	}
	for key, value := range want {
		if diff := cmp.Diff(value, last[key]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
	r = run(t, f.args(t, "--json", "--quiet", "--force")...)
	if list := objects(t, r.stdout); r.status != exitPartial || len(list) != 1 || list[0]["message_type"] != "summary" {
		t.Errorf("quiet: got status %d and %q, want %d and the summary", r.status, r.stdout, exitPartial)
	}
}

// TestExportRefuses checks the statuses and messages of what cannot be exported.
func TestExportRefuses(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := "realmport_nobody_" + strings.ToLower(rand.Text())
	conn := connect(t, f.dsn)
	if _, err := conn.Exec(t.Context(), "CREATE ROLE "+user+" LOGIN PASSWORD '"+password(t)+"'"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dropRole(t, f.dsn, user) })
	noDatabase, err := url.Parse(f.dsn)
	if err != nil {
		t.Fatal(err)
	}
	noDatabase.Path = "/no_such_database"
	existing := writeFile(t, filepath.Join(t.TempDir(), "existing.tar.gz"), "precious")

	for _, tt := range []struct {
		name   string
		args   []string
		status int
		code   string
		says   []string
	}{
		{
			"no such host",
			[]string{"--source", "postgres://u:" + password(t) + "@db.invalid/zulip"},
			exitError, "unavailable",
			says("cannot reach PostgreSQL at db.invalid:5432", "check the address"),
		},
		{"existing archive", []string{"--out", existing}, exitError, "conflict", says(existing+" exists already", "--force")},
		{"a folder", []string{"--out", t.TempDir()}, exitError, "conflict", says("is a folder")},
		{"no such organization", []string{"--realm", "none"}, exitNotFound, "not_found", says(`no organization "none"`, `"demo"`, `"neighbour"`)},
		{"no such database", []string{"--source", noDatabase.String()}, exitNotFound, "not_found", says(`has no database "no_such_database"`)},
		{"no upload folder", []string{"--uploads", "/no/such/uploads"}, exitNotFound, "not_found", says("cannot read the upload folder /no/such/uploads")},
		{"another folder", []string{"--uploads", t.TempDir()}, exitNotFound, "not_found", says("is not a Zulip server's upload folder")},
		{"no output folder", []string{"--out", "/no/such/folder/x.tar.gz"}, exitNotFound, "not_found", says("cannot write in /no/such/folder")},
		{"no migration status", []string{"--migration-status", "/no/such/status"}, exitNotFound, "not_found", says("cannot read the migration status")},
		{"no grants", []string{"--source", as(t, f.dsn, user)}, exitNotAllowed, "not_allowed", says("docs/operations.md has the SQL")},
		{"no such user", []string{"--source", as(t, f.dsn, "nobody_"+user)}, exitNotAllowed, "not_allowed", says("refuses user")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out.tar.gz")
			args := f.args(t, append([]string{"--out", out}, tt.args...)...)
			r := run(t, args...)
			r.want(t, tt.status, nil, append(says("realmport: "), tt.says...))
			r = run(t, append(args, "--json")...)
			if r.status != tt.status || len(ofType(objects(t, r.stdout), "summary")) > 0 {
				t.Errorf("with --json: got status %d and %q, want %d and no summary", r.status, r.stdout, tt.status)
			}
			if got := ofType(objects(t, r.stderr), "error"); len(got) != 1 || got[0]["code"] != tt.code {
				t.Errorf("with --json: got %q, want one error with the code %s", r.stderr, tt.code)
			}
			if got := files(t, filepath.Dir(out)); len(got) > 0 {
				t.Errorf("got files %q, want none", got)
			}
		})
	}
	t.Cleanup(func() {
		if got, err := os.ReadFile(existing); err != nil || string(got) != "precious" {
			t.Errorf("the existing archive: got %q, %v, want it untouched", got, err)
		}
	})
}

// dropRole removes a role, in a session of its own since the test's is over.
func dropRole(t *testing.T, dsn, user string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "DROP ROLE "+user); err != nil {
		t.Error(err)
	}
}

func TestExportUnusable(t *testing.T) {
	t.Parallel()
	f := setup(t)
	if _, err := connect(t, f.dsn).Exec(t.Context(), "UPDATE zulip.zerver_userprofile SET allow_private_data_export = false"); err != nil {
		t.Fatal(err)
	}
	run(t, f.args(t)...).want(t, exitNotAllowed, nil, says("no owner of organization \"demo\"", "--allow-unusable"))
	if got := files(t, filepath.Dir(f.out)); len(got) > 0 {
		t.Errorf("got files %q, want none", got)
	}
	run(t, f.args(t, "--allow-unusable")...).want(t, exitPartial, says("exported organization"), nil)
}

func TestExportForce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	writeFile(t, f.out, "precious")
	run(t, f.args(t)...).want(t, exitError, nil, says("exists already: give --force"))
	if got, err := os.ReadFile(f.out); err != nil || string(got) != "precious" {
		t.Errorf("without --force: got %q, %v, want the file as it was", got, err)
	}
	// A failed export leaves the old archive in place, with --force too.
	run(t, f.args(t, "--force", "--realm", "none")...).want(t, exitNotFound, nil, says("no organization"))
	if got, err := os.ReadFile(f.out); err != nil || string(got) != "precious" {
		t.Errorf("after a failure: got %q, %v, want the file as it was", got, err)
	}
	run(t, f.args(t, "--force")...).want(t, exitPartial, says("exported organization"), nil)
	run(t, "verify", f.out).want(t, exitOK, says("is whole and consistent"), nil)
}

// TestExportFromEnvironment checks that the server may come from PG* variables, and from REALMPORT_SOURCE.
func TestExportFromEnvironment(t *testing.T) {
	f := setup(t)
	config, err := pgx.ParseConfig(f.dsn)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"PGHOST": config.Host, "PGPORT": fmt.Sprint(config.Port), "PGDATABASE": config.Database, "PGUSER": config.User,
		"PGPASSWORD": password(t), "PGSSLMODE": "disable",
	} {
		t.Setenv(key, value)
	}
	args := []string{"export", "--realm", "demo", "--type", "public", "--out", f.out, "--migration-status", migrationStatus(t), "--force"}
	run(t, args...).want(t, exitPartial, says("exported organization"), says("no --uploads"))

	// The variable, and the flag before it.
	t.Setenv("PGDATABASE", "no_such_database")
	c := &cli{env: map[string]string{"REALMPORT_SOURCE": f.dsn}}
	c.run(t.Context(), t, args...).want(t, exitPartial, says("exported organization"), says("no --uploads"))
	c = &cli{env: map[string]string{"REALMPORT_SOURCE": "postgres://db.invalid/zulip"}}
	c.run(t.Context(), t, append(args, "--source", f.dsn)...).want(t, exitPartial, says("exported organization"), says("no --uploads"))
	// Main's environment is the one that counts.
	t.Setenv("REALMPORT_SOURCE", f.dsn)
	run(t, args...).want(t, exitNotFound, nil, says("no_such_database"))
}

// TestExportAvatars checks the ways to give the salt that avatars are named by.
func TestExportAvatars(t *testing.T) {
	t.Parallel()
	f := setup(t)
	secrets := writeFile(t, filepath.Join(t.TempDir(), "zulip-secrets.conf"), "[secrets]\navatar_salt = "+demo.AvatarSalt+"\n")
	run(t, "export", "--source", f.dsn, "--realm", "demo", "--type", "full", "--out", f.out, "--zulip-secrets", "/no/such/secrets").
		want(t, exitNotFound, nil, says("cannot read the server's secrets: open /no/such/secrets"))
	none := []string{"its name needs the server's avatar salt: give --avatar-salt or --zulip-secrets"}
	for _, tt := range []struct {
		name    string
		flags   []string
		env     string
		missing []string // reasons, once for each avatar
	}{
		{name: "flag", flags: []string{"--avatar-salt", demo.AvatarSalt}},
		{name: "file", flags: []string{"--zulip-secrets", secrets}},
		{name: "environment", env: demo.AvatarSalt},
		{name: "flag before environment", flags: []string{"--avatar-salt", demo.AvatarSalt}, env: "wrong"},
		{name: "file before environment", flags: []string{"--zulip-secrets", secrets}, env: "wrong"},
		{name: "none", missing: none},
		{name: "wrong", flags: []string{"--avatar-salt", "wrong"}, missing: []string{"is the avatar salt right?"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out.tar.gz")
			c := &cli{env: map[string]string{"REALMPORT_AVATAR_SALT": tt.env}}
			r := c.run(t.Context(), t, append([]string{
				"export", "--source", f.dsn, "--realm", "demo", "--type", "full", "--out", out, "--uploads", f.uploads,
				"--migration-status", migrationStatus(t),
			}, tt.flags...)...)
			r.want(t, exitPartial, says("exported organization"), nil)
			var copied int
			for name := range contents(t, out) {
				if strings.HasPrefix(name, "avatars/2/") {
					copied++
				}
			}
			reasons := missingOf(t, out)["avatar"]
			if len(tt.missing) == 0 {
				if copied != 4 || len(reasons) != 0 {
					t.Errorf("got %d avatar files and missing %q, want 4 and none", copied, reasons)
				}
				return
			}
			if copied != 0 || len(reasons) != 2 {
				t.Errorf("got %d avatar files and missing %q, want 0 and 2", copied, reasons)
			}
			for _, reason := range reasons {
				if !strings.Contains(reason, tt.missing[0]) {
					t.Errorf("got reason %q, want %q in it", reason, tt.missing[0])
				}
			}
		})
	}
}

// TestExportMigrations checks where migration_status.json comes from.
func TestExportMigrations(t *testing.T) {
	t.Parallel()
	f := setup(t)
	deployment := t.TempDir()
	writeFile(t, filepath.Join(deployment, "version.py"), "ZULIP_VERSION = \"11.2\"\n")
	manage := writeFile(t, filepath.Join(deployment, "manage.py"), "#!/bin/sh\nprintf 'zerver\\n [X] 0001_initial\\n [ ] 0002_next\\n'\n")
	if err := os.Chmod(manage, 0o700); err != nil {
		t.Fatal(err)
	}
	const (
		unchecked = "no --zulip-deployment or --migration-status: the importing server cannot check"
		refused   = "the server's version is unknown: Zulip will refuse to import the archive; give --zulip-version"
	)
	for _, tt := range []struct {
		name     string
		flags    []string
		want     string // without spaces
		warnings []string
	}{
		{"file", []string{"--migration-status", migrationStatus(t)}, `{"migrations_by_app":{"zerver":["[X]0001_initial"]},"zulip_version":"11.0-test"}`, nil},
		{"deployment", []string{"--zulip-deployment", deployment}, `{"migrations_by_app":{"zerver":["[X]0001_initial","[]0002_next"]},"zulip_version":"11.2"}`, nil},
		{"neither", nil, `{"migrations_by_app":{},"zulip_version":"unknown"}`, says(unchecked, refused)},
		{"version only", []string{"--zulip-version", "10.3"}, `{"migrations_by_app":{},"zulip_version":"10.3"}`, says(unchecked)},
		{
			"another version",
			[]string{"--migration-status", migrationStatus(t), "--zulip-version", "10.3"},
			`{"migrations_by_app":{"zerver":["[X]0001_initial"]},"zulip_version":"10.3"}`, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out.tar.gz")
			r := run(t, append([]string{
				"export", "--source", f.dsn, "--realm", "demo", "--type", "full", "--out", out, "--uploads", f.uploads,
				"--avatar-salt", demo.AvatarSalt,
			}, tt.flags...)...)
			r.want(t, exitPartial, says("exported organization"), tt.warnings)
			if got, want := strings.Count(r.stderr, "realmport: warning: "), len(tt.warnings); got != want {
				t.Errorf("got %d warnings, want %d:\n%s", got, want, r.stderr)
			}
			got := strings.NewReplacer(" ", "", "\n", "").Replace(contents(t, out)["migration_status.json"])
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestExportWithoutUploads checks that everything that needs a file is listed, with the option that helps.
func TestExportWithoutUploads(t *testing.T) {
	t.Parallel()
	f := setup(t)
	run(t, "export", "--source", f.dsn, "--realm", "demo", "--type", "full", "--out", f.out, "--migration-status", migrationStatus(t)).
		want(t, exitPartial, says("custom emoji", "upload", "and listed in missing.json", "name it with --uploads", "more\n"), says("warning: no --uploads"))
	run(t, "verify", f.out).want(t, exitOK, says("is whole and consistent"), nil)
}

// TestExportTypes checks that the three types differ, and that each verifies.
func TestExportTypes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var messages []float64
	for _, typ := range []string{"public", "standard", "full"} {
		out := filepath.Join(t.TempDir(), typ+".tar.gz")
		list := objects(t, run(t, f.args(t, "--type", typ, "--out", out, "--json")...).stdout)
		messages = append(messages, list[len(list)-1]["messages"].(float64))
		run(t, "verify", out).want(t, exitOK, says("is whole and consistent"), nil)
	}
	if !slices.IsSorted(messages) || messages[0] == messages[2] {
		t.Errorf("got %v messages in public, standard, full, want them to grow", messages)
	}
}
