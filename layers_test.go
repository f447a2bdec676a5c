package realmport_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/realmport/realmport"

// pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

// packages lists the packages of the module and all that they need, by path. Tests do not count.
func packages(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Imports,Deps", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	list := map[string]pkg{}
	for d := json.NewDecoder(out); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list[p.ImportPath] = p
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, ok := list[module]; !ok || len(list) < 50 {
		t.Fatalf("got %d packages, want all", len(list))
	}
	return list
}

// below tells whether a package is the one of that path, or below it.
func below(path, parent string) bool { return path == parent || strings.HasPrefix(path, parent+"/") }

func belowAny(path string, parents ...string) bool {
	return slices.ContainsFunc(parents, func(parent string) bool { return below(path, parent) })
}

// adapters speak to the outside by one technology each.
func adapters(list map[string]pkg) []string {
	var found []string
	for path := range list {
		if below(path, module+"/internal/postgres") || below(path, module+"/internal/sqlite") || strings.HasPrefix(path, module+"/internal/blob/") {
			found = append(found, path)
		}
	}
	return found
}

func TestLayers(t *testing.T) {
	t.Parallel()
	list := packages(t)
	outside := adapters(list)
	if len(outside) < 3 {
		t.Fatalf("got adapters %q, want at least PostgreSQL, SQLite and a folder", outside)
	}

	t.Run("the domain needs the standard library only", func(t *testing.T) {
		t.Parallel()
		for _, dep := range list[module].Deps {
			if !list[dep].Standard {
				t.Errorf("the root package depends on %s", dep)
			}
		}
	})
	t.Run("the engine knows no adapter", func(t *testing.T) {
		t.Parallel()
		for _, dep := range list[module+"/internal/export"].Deps {
			if slices.Contains(outside, dep) {
				t.Errorf("internal/export depends on %s", dep)
			}
		}
	})
	t.Run("adapters do not know each other", func(t *testing.T) {
		t.Parallel()
		for _, adapter := range outside {
			for _, dep := range list[adapter].Deps {
				if slices.Contains(outside, dep) {
					t.Errorf("%s depends on %s", adapter, dep)
				}
			}
		}
	})
	t.Run("nothing imports commands", func(t *testing.T) {
		t.Parallel()
		for path, p := range list {
			for _, imported := range p.Imports {
				if below(imported, module+"/cmd") {
					t.Errorf("%s imports %s", path, imported)
				}
			}
		}
	})
	// Who may import a library: of PostgreSQL's driver, the adapter, and what makes and measures servers for developers.
	for library, allowed := range map[string][]string{
		"github.com/jackc/pgx": {
			module + "/internal/postgres", module + "/internal/jobs", module + "/internal/demo", module + "/internal/pgcluster", module + "/internal/bench",
		},
		"github.com/riverqueue/river": {module + "/internal/jobs"},
		"modernc.org/sqlite":          {module + "/internal/sqlite", module + "/internal/jobs"},
		"github.com/minio/minio-go":   {module + "/internal/blob/s3", module + "/internal/s3server"},
		"github.com/alecthomas/kong":  {module + "/cmd"},
		"golang.org/x/term":           {module + "/cmd"},
	} {
		t.Run(library, func(t *testing.T) {
			t.Parallel()
			used := false
			for path, p := range list {
				for _, imported := range p.Imports {
					if !below(path, module) || !below(imported, library) {
						continue
					}
					used = true
					if !belowAny(path, allowed...) {
						t.Errorf("%s imports %s", path, imported)
					}
				}
			}
			if !used {
				t.Errorf("nothing imports %s: is the test still right?", library)
			}
		})
	}
}

// packageName finds the packages that a text names.
var packageName = regexp.MustCompile(`\b(?:internal|cmd)/[a-z0-9]+(?:/[a-z0-9]+)*`)

// TestArchitectureNamesPackages checks that docs/architecture.md names each package of the module or one that it
// is below, and none that is not there.
func TestArchitectureNamesPackages(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, name := range packageName.FindAllString(string(text), -1) {
		named[name] = true
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			t.Errorf("docs/architecture.md names %s, which is no package", name)
		}
	}
	for path := range packages(t) {
		name, ok := strings.CutPrefix(path, module+"/")
		if ok && !belowAny(name, slices.Collect(maps.Keys(named))...) {
			t.Errorf("docs/architecture.md does not name %s", name)
		}
	}
}
