package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	f := setup(t)
	run(t, f.args(t)...).want(t, exitPartial, says("exported organization"), nil)
	whole, err := os.ReadFile(f.out)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(whole)
	damaged[len(damaged)/2] ^= 0xff
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		return writeFile(t, filepath.Join(dir, name), string(content))
	}

	for _, tt := range []struct {
		name, path     string
		status         int
		stdout, stderr []string
	}{
		{"whole", f.out, exitOK, says(f.out + " is whole and consistent\n"), nil},
		{"cut", file("cut.tar.gz", whole[:len(whole)/2]), exitError, says("cut short", "has 1 problem\n"), nil},
		{"damaged", file("damaged.tar.gz", damaged), exitError, says("has "), nil},
		{"empty", file("empty.tar.gz", nil), exitError, nil, says("realmport: the file is empty")},
		{"no archive", file("text.tar.gz", []byte("hello")), exitError, nil, says("realmport: the file is not gzip")},
		{"none", filepath.Join(dir, "none.tar.gz"), exitNotFound, nil, says("realmport: there is no file", "none.tar.gz")},
		{"a folder", dir, exitError, nil, says("is not a file")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, "verify", tt.path).want(t, tt.status, tt.stdout, tt.stderr)
			r := run(t, "verify", "--json", tt.path)
			if r.status != tt.status {
				t.Errorf("with --json: got status %d, want %d", r.status, tt.status)
			}
			results, errs := objects(t, r.stdout), objects(t, r.stderr)
			if tt.stderr != nil {
				if len(results) != 0 || len(ofType(errs, "error")) != 1 {
					t.Errorf("with --json: got %s%s, want one error", r.stdout, r.stderr)
				}
				return
			}
			summaries := ofType(results, "summary")
			if len(summaries) != 1 || summaries[0]["clean"] != (tt.status == exitOK) || len(errs) != 0 {
				t.Fatalf("with --json: got %s%s, want a summary", r.stdout, r.stderr)
			}
			if got, want := float64(len(ofType(results, "problem"))), summaries[0]["problem_count"]; got != want {
				t.Errorf("with --json: got %v problems, want %v", got, want)
			}
		})
	}
}

// TestVerifyLimit checks that a limit hides problems but counts them.
func TestVerifyLimit(t *testing.T) {
	t.Parallel()
	f := setup(t)
	run(t, f.args(t)...).want(t, exitPartial, says("exported organization"), nil)
	without := retar(t, f.out, func(name string) bool { return !strings.Contains(name, "uploads/2/") })
	all := ofType(objects(t, run(t, "verify", "--json", without).stdout), "problem")
	if len(all) < 2 {
		t.Fatalf("got %d problems without uploads, want several", len(all))
	}
	r := run(t, "verify", "--limit=1", without)
	r.want(t, exitError, says("uploads", "\nand ", " more problem"), nil)
}

// retar writes the members of an archive that keep says into another one, and returns its name.
func retar(t *testing.T, name string, keep func(name string) bool) string {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	in, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	zr, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && keep(h.Name) {
			if err = tw.WriteHeader(h); err == nil {
				_, err = io.Copy(tw, tr)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		t.Fatal(err)
	}
	return writeFile(t, filepath.Join(t.TempDir(), "other.tar.gz"), b.String())
}
