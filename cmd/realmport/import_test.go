package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// archiveOf makes an archive of the fixture.
func archiveOf(t *testing.T) fixture {
	t.Helper()
	f := setup(t)
	f.complete(t)
	status := writeFile(t, filepath.Join(t.TempDir(), "migration_status.json"),
		`{"migrations_by_app": {"zerver": ["[X] 0001_initial", "[X] 0699_scheduledmessage"]}, "zulip_version": "11.0-test"}`)
	run(t, f.args(t, "--type", "full", "--quiet", "--migration-status", status)...).want(t, exitOK, nil, nil)
	return f
}

// TestImport fills a store from an archive, serves it, and exports it again.
func TestImport(t *testing.T) {
	t.Parallel()
	f := archiveOf(t)
	data := filepath.Join(t.TempDir(), "data")
	run(t, "import", f.out, "--data", data).want(t, exitOK, says(`imported organization "demo" into `, "\n  messages  ", "\n  users     "), nil)
	run(t, "import", f.out, "--data", data).want(t, exitError, nil, says("has an organization already", "--data"))

	// From a pipe it is the same.
	piped := filepath.Join(t.TempDir(), "data")
	archive, err := os.Open(f.out)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	cmd := exec.CommandContext(t.Context(), program(t), "import", "-", "--data", piped, "--json")
	cmd.Stdin, cmd.Env = archive, environment()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := ofType(objects(t, string(out)), "summary"); len(got) != 1 || got[0]["realm"] != "demo" {
		t.Errorf("got %s, want a summary", out)
	}

	// Both give the archive they came from, but for what a realmport invents in an archive by itself.
	want := contents(t, f.out)
	for _, dir := range []string{data, piped} {
		again := filepath.Join(t.TempDir(), "again.tar.gz")
		run(t, "export", "--source", "sqlite:"+dir, "--realm", "demo", "--type", "full", "--out", again).
			want(t, exitOK, says("exported organization", "missing   nothing"), nil)
		run(t, "verify", again).want(t, exitOK, says("is whole and consistent"), nil)
		got := contents(t, again)
		for name, content := range want {
			if strings.HasPrefix(name, "messages-") && !cmp.Equal(content, got[name]) {
				t.Errorf("%s: not as it was", name)
			}
		}
		if len(got) != len(want) {
			t.Errorf("got %d files, want %d", len(got), len(want))
		}
	}

	s := startServer(t, data)
	s.create(t)
	list := s.wait(t)
	s.download(t, list[len(list)-1]) // before it is what the archive tells of earlier ones
	s.stop(t)
}

// TestImportRefuses checks the statuses and messages of what cannot be imported, and that nothing is left of it.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	f := archiveOf(t)
	whole, err := os.ReadFile(f.out)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(whole)
	damaged[len(damaged)/2] ^= 0xff
	for _, tt := range []struct {
		name    string
		content []byte
		status  int
		says    []string
	}{
		{"no archive", []byte("precious"), exitUsage, says("gzip")},
		{"cut off", whole[:len(whole)/2], exitUsage, nil},
		{"damaged", damaged, exitUsage, nil},
		{"something after it", append(bytes.Clone(whole), "more"...), exitUsage, nil},
		{"empty", nil, exitUsage, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			name := writeFile(t, filepath.Join(t.TempDir(), "archive.tar.gz"), string(tt.content))
			data := filepath.Join(t.TempDir(), "data")
			run(t, "import", name, "--data", data, "--quiet").want(t, tt.status, nil, append(says("realmport: "), tt.says...))
			for _, left := range []string{"organization.db", "uploads/files", "uploads/avatars", "uploads/.import"} {
				if _, err := os.Lstat(filepath.Join(data, left)); err == nil {
					t.Errorf("%s is left", left)
				}
			}
			// The folder can be used all the same.
			run(t, "import", f.out, "--data", data, "--quiet").want(t, exitOK, nil, nil)
		})
	}
	run(t, "import", "/no/such/archive.tar.gz", "--data", t.TempDir()).want(t, exitNotFound, nil, says("cannot read the archive"))
}

// TestConfigCheck checks that all problems are told at once, and the settings that hold.
func TestConfigCheck(t *testing.T) {
	t.Parallel()
	name := writeFile(t, filepath.Join(t.TempDir(), "realmport.yaml"), "listen: nowhere\npolicy:\n  max_mesages: 7\nstale: 1s\n")
	run(t, "config", "check", "--config", name).want(t, exitUsage, nil, says("listen", "nowhere", "max_mesages", "max_messages", "stale"))

	name = writeFile(t, filepath.Join(t.TempDir(), "realmport.yaml"), "listen: 127.0.0.1:1\nadministrator: file@example.com\nadministrator_typo: 1\n")
	run(t, "config", "check", "--config", name).want(t, exitUsage, nil, says("administrator_typo"))

	name = writeFile(t, filepath.Join(t.TempDir(), "realmport.yaml"), "listen: 127.0.0.1:1\nadministrator: file@example.com\nzulip_version: file\n")
	c := &cli{env: map[string]string{"REALMPORT_ADMINISTRATOR": "environment@example.com", "REALMPORT_ZULIP_VERSION": "environment"}}
	c.run(t.Context(), t, "config", "check", "--config", name, "--zulip-version", "flag", "--data", t.TempDir()).want(t, exitOK, says(
		"listen: 127.0.0.1:1  # ", "administrator: environment@example.com  # REALMPORT_ADMINISTRATOR", "zulip_version: flag  # --zulip-version",
	), nil)
	run(t, "config", "check", "--config", "/no/such/file").want(t, exitNotFound, nil, says("cannot read the configuration file"))
	run(t, "serve", "--demo", "--source", "postgres:///x", "--external-host", "h", "--archives", t.TempDir()).
		want(t, exitUsage, nil, says("--demo is for the embedded store"))
	run(t, "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--demo", "--demo-size", "0").want(t, exitUsage, nil, says("--demo-size is 0"))
	run(t, "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0").want(t, exitNotFound, nil, says("there is no organization in", "realmport import", "--demo"))
	lost := t.TempDir()
	writeFile(t, filepath.Join(lost, "state.db"), "")
	run(t, "serve", "--data", lost, "--listen", "127.0.0.1:0", "--demo").want(t, exitNotFound, nil, says("organization.db is gone", "backup"))
	run(t, "serve", "--data", t.TempDir(), "--listen", "203.0.113.1:1").want(t, exitError, nil, says("cannot listen on 203.0.113.1:1", "--listen"))
}
