package local_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
)

func TestOneExportAtATime(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "a.tar.gz")
	first, err := local.Create(name, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := local.Create(name, true); realmport.ErrorCode(err) != realmport.Running {
		t.Errorf("while another writes: got %v, want running", err)
	}
	if _, err := first.Write([]byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := first.Commit(); err != nil {
		t.Fatal(err)
	}
	second, err := local.Create(name, true)
	if err != nil {
		t.Fatalf("after the other has ended: %v", err)
	}
	defer second.Abort()
	if got, err := os.ReadFile(name); err != nil || string(got) != "first" {
		t.Errorf("the finished archive is %q, %v", got, err)
	}
}

func TestLeftoverIsTakenOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".a.tar.gz.partial"), []byte("of a killed export"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := local.Create(filepath.Join(dir, "a.tar.gz"), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "a.tar.gz"))
	if err != nil || info.Size() != 3 || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want 3 bytes that only the owner may read", info, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("the folder holds %v, want the archive alone", left)
	}
}

func TestPlantedPartialIsRefused(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(partial, elsewhere string) error{
		"a link to another file": func(partial, elsewhere string) error { return os.Symlink(elsewhere, partial) },
		"another name of a file": func(partial, elsewhere string) error { return os.Link(elsewhere, partial) },
		"a folder":               func(partial, _ string) error { return os.Mkdir(partial, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			elsewhere := filepath.Join(dir, "elsewhere")
			if err := os.WriteFile(elsewhere, []byte("kept"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := plant(filepath.Join(dir, ".a.tar.gz.partial"), elsewhere); err != nil {
				t.Fatal(err)
			}
			if out, err := local.Create(filepath.Join(dir, "a.tar.gz"), false); err == nil {
				t.Errorf("%s: an archive was started in it", name)
				out.Abort()
			}
			if got, _ := os.ReadFile(elsewhere); string(got) != "kept" {
				t.Errorf("the other file is now %q", got)
			}
		})
	}
}
