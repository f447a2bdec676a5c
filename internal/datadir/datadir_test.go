package datadir_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/datadir"
	"github.com/realmport/realmport/internal/zulip"
)

func open(t *testing.T, path string) *datadir.Dir {
	t.Helper()
	d, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b")
	d := open(t, path)
	if _, err := datadir.Open(path); realmport.ErrorCode(err) != realmport.Running {
		t.Errorf("a second time: got %v, want the code %s", err, realmport.Running)
	}
	if has, err := d.HasOrganization(); has || err != nil {
		t.Errorf("new folder: got %v, %v, want no organization", has, err)
	}
	if err := os.WriteFile(datadir.Organization(path), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if has, err := d.HasOrganization(); !has || err != nil {
		t.Errorf("got %v, %v, want an organization", has, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	file := filepath.Join(path, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Open(file); realmport.ErrorCode(err) != realmport.Conflict {
		t.Errorf("a file: got %v, want the code %s", err, realmport.Conflict)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	d := open(t, path)
	first, err := d.Secrets()
	if err != nil || first.AvatarSalt == "" || len(first.Key) < 32 {
		t.Fatalf("got lengths %d and %d, %v", len(first.AvatarSalt), len(first.Key), err)
	}
	again, err := d.Secrets()
	if err != nil || again != first {
		t.Errorf("the second time: not the same, %v", err)
	}
	if info, err := os.Stat(filepath.Join(path, "secrets")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a file for its owner only", info, err)
	}
	// It is read like a Zulip server's.
	if salt, err := zulip.AvatarSalt(filepath.Join(path, "secrets")); err != nil || salt != first.AvatarSalt {
		t.Errorf("read as zulip-secrets.conf: got another salt, %v", err)
	}
	other := open(t, t.TempDir())
	if err := os.WriteFile(datadir.Organization(other.Path()), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Secrets(); realmport.ErrorCode(err) != realmport.NotFound {
		t.Errorf("of an organization whose secrets are gone: got %v, want the code %s", err, realmport.NotFound)
	}
	if err := os.WriteFile(filepath.Join(path, "secrets"), []byte("[secrets]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Secrets(); realmport.ErrorCode(err) != realmport.Invalid {
		t.Errorf("without secrets in it: got %v, want the code %s", err, realmport.Invalid)
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	if _, ok, err := d.Account(datadir.AdministratorFile); ok || err != nil {
		t.Errorf("no file: got %v, %v", ok, err)
	}
	for _, bad := range []datadir.Account{{}, {Email: "a@b\nsite=http://evil.test", Key: "k"}, {Email: "a b", Key: "k"}, {Email: "a\x1b[2J", Key: "k"}} {
		if err := errors.Join(d.WriteAccount(datadir.AdministratorFile, bad, "x"), d.WriteNetrc(bad, "localhost")); realmport.ErrorCode(err) != realmport.Invalid {
			t.Errorf("%q: got %v, want it refused", bad.Email, err)
		}
	}
	want := datadir.Account{Email: "iago@example.com", Key: "k3y="}
	if err := d.WriteAccount(datadir.AdministratorFile, want, "http://localhost:8420"); err != nil {
		t.Fatal(err)
	}
	got, ok, err := d.Account(datadir.AdministratorFile)
	if diff := cmp.Diff(want, got); !ok || err != nil || diff != "" {
		t.Errorf("got ok %v, %v (-want +got):\n%s", ok, err, diff)
	}
	if info, err := os.Stat(filepath.Join(d.Path(), datadir.AdministratorFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a file for its owner only", info, err)
	}
}
