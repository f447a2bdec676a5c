package zulip

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// grammar is that of a line in migration_status.json.
var grammar = regexp.MustCompile(`^(\[[X -]\] [^ ]+( \([0-9]+ squashed migrations\))?|\(no migrations\))$`)

func FuzzParseMigrations(f *testing.F) {
	for _, seed := range []string{
		"zerver\n [X] 0001_initial\n",
		"zerver\r\n [-] 0001_squashed_0569 (545 squashed migrations)\r\n\r\n [ ] 0002\n",
		"two_factor\n (no migrations)\nzerver\n [X] 0001_a.b-c\n",
		"zerver\nauth\nzerver\n [X] a\n",
		" [X] 0001_initial\n",
		"zerver\n [X] \x1b[2J\n [X] \xff\n",
		"zerver\n [X] 0001 (x squashed migrations)\n",
		"Traceback (most recent call last):\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, out []byte) {
		apps, err := parseMigrations(out)
		if err != nil {
			if apps != nil || !utf8.ValidString(err.Error()) {
				t.Errorf("got %v with %v, want nothing with a readable error", apps, err)
			}
			return
		}
		lines := 0
		for app, list := range apps {
			if !appLine.MatchString(app) || list == nil {
				t.Errorf("got app %q with %v, want a name and a list", app, list)
			}
			lines += 1 + len(list)
			for _, line := range list {
				if !grammar.MatchString(line) || !utf8.ValidString(line) {
					t.Errorf("got %q, want a line of the grammar", line)
				}
			}
		}
		if want := len(strings.Fields(strings.ReplaceAll(string(out), " ", "_"))); lines > want {
			t.Errorf("got %d lines of %d", lines, want)
		}
		if len(apps["zerver"]) == 0 {
			t.Error("got no migrations of zerver, want an error then")
		}
	})
}

// TestGrammarIsTheServers checks the grammar with what a server wrote, and that parsing the
// same as showmigrations prints it gives the same file, byte for byte.
func TestGrammarIsTheServers(t *testing.T) {
	t.Parallel()
	_, _, folder := pgtest.Golden(t, "rules")
	text := member(t, filepath.Join(folder, "reference-type2.tar.gz"), "migration_status.json")
	var want Status
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	for app, list := range want.MigrationsByApp {
		printed.WriteString(app + "\n")
		for _, line := range list {
			if !grammar.MatchString(line) {
				t.Errorf("the server's line %q is not of the grammar", line)
			}
			printed.WriteString(" " + line + "\n")
		}
	}
	apps, err := parseMigrations([]byte(printed.String()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Status{MigrationsByApp: apps, ZulipVersion: want.ZulipVersion}.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), string(got)); diff != "" {
		t.Errorf("the file (-server's +ours):\n%s", diff)
	}
}

// member returns a file of an archive.
func member(t *testing.T, archive, name string) []byte {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if err != nil {
			t.Fatalf("find %s: %v", name, err)
		}
		if path.Base(h.Name) != name {
			continue
		}
		text, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}
