package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const pythonList = `
import hashlib, json, sys, tarfile
found = []
with tarfile.open(sys.argv[1], sys.argv[2]) as archive:
    for member in archive:
        if member.isdir():
            continue
        body = archive.extractfile(member).read()
        found.append({"Name": member.name, "Size": member.size, "SHA256": hashlib.sha256(body).hexdigest()})
json.dump(found, sys.stdout)
`

// TestReaders gives an archive to the programs that people have.
func TestReaders(t *testing.T) {
	t.Parallel()
	files := testFiles()
	archive, _ := build(t, newPool(t, 5, 100_000), files)
	name := filepath.Join(t.TempDir(), "a.tar.gz")
	if err := os.WriteFile(name, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("gzip", func(t *testing.T) {
		t.Parallel()
		if out := output(t, "gzip", "-t", "-v", name); strings.Contains(out, "trailing") {
			t.Errorf("got %q, want no complaint", out)
		}
	})
	for _, program := range []string{"tar", "bsdtar"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if out := output(t, program, "-xzf", name, "-C", dir); out != "" {
				t.Errorf("got %q, want no complaint", out)
			}
			compare(t, files, walk(t, dir))
		})
	}
	for _, mode := range []string{"r:gz", "r|gz"} {
		t.Run("python "+mode, func(t *testing.T) {
			t.Parallel()
			var got []file
			if err := json.Unmarshal([]byte(output(t, "python3", "-c", pythonList, name, mode)), &got); err != nil {
				t.Fatal(err)
			}
			compare(t, files, got)
		})
	}
}

// output runs a program in a UTF-8 locale and returns what it says.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	require(t, program)
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", program, err, out)
	}
	return string(out)
}

// walk returns the files below a folder.
func walk(t *testing.T, dir string) []file {
	t.Helper()
	var files []file
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(root, name)
		files = append(files, file{name, int64(len(body)), fmt.Sprintf("%x", sha256.Sum256(body))})
		return err
	})
	if err != nil {
		t.Fatalf("walk: %v", err)
	}
	return files
}

func compare(t *testing.T, want, got []file) {
	t.Helper()
	byName := func(files []file) []file {
		files = slices.Clone(files)
		slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.Name, b.Name) })
		return files
	}
	if diff := cmp.Diff(byName(want), byName(got)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestReadersHugeHeader lists an entry of which there is no more than the header.
func TestReadersHugeHeader(t *testing.T) {
	t.Parallel()
	head, err := Header{Name: "root/huge", Size: 9 << 30, Modified: modified, Mode: 0o644}.Bytes()
	if err != nil {
		t.Fatalf("Bytes: %v", err)
	}
	for _, program := range []string{"tar", "bsdtar"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			require(t, program)
			cmd := exec.Command(program, "-tvf", "-")
			cmd.Stdin = bytes.NewReader(head)
			out, _ := cmd.Output() // it misses the body
			if want := fmt.Sprint(int64(9 << 30)); !strings.Contains(string(out), want) {
				t.Errorf("got %q, want a size of %s", out, want)
			}
		})
	}
}
