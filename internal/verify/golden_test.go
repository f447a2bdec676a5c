package verify

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport/internal/catalog"
)

// golden returns the golden archives, where they are present.
func golden(tb testing.TB) []string {
	tb.Helper()
	dir := os.Getenv("REALMPORT_GOLDEN")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "golden")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "reference-type*.tar.gz"))
	if err != nil {
		tb.Fatal(err)
	}
	if len(files) == 0 {
		if os.Getenv("REALMPORT_GOLDEN") != "" {
			tb.Fatalf("there are no golden archives in %s (REALMPORT_GOLDEN)", dir)
		}
		tb.Skipf("there are no golden archives in %s (REALMPORT_GOLDEN)", dir)
	}
	return files
}

// What a Zulip server wrote is clean.
func TestGoldenArchives(t *testing.T) {
	t.Parallel()
	// By folder and type: messages, usermessages and files.
	want := map[string][3]int64{
		"community/reference-type1.tar.gz":    {17600, 174381, 162},
		"community/reference-type2.tar.gz":    {20338, 86251, 165},
		"community/reference-type3.tar.gz":    {21214, 203792, 166},
		"community_s3/reference-type2.tar.gz": {20338, 86251, 147},
		"rules/reference-type1.tar.gz":        {6, 4, 9},
		"rules/reference-type2.tar.gz":        {17, 15, 10},
		"rules/reference-type3.tar.gz":        {24, 40, 11},
	}
	for _, path := range golden(t) {
		name := filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := File(context.Background(), path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(report); len(got) > 0 {
				t.Errorf("got %d problems: %q", report.ProblemCount, got)
			}
			got := [3]int64{report.Messages, report.UserMessages, report.Files}
			if counts, ok := want[name]; ok && got != counts {
				t.Errorf("got messages, usermessages, files %v, want %v", got, counts)
			}
		})
	}
}

// Every reference that the catalog knows must have a space to lead to, and every table
// must fit the mask of its fields; otherwise checks would be left out without a word.
func TestTablesAreDescribedWhole(t *testing.T) {
	t.Parallel()
	c := newCheck(1)
	for _, name := range slices.Sorted(maps.Keys(c.tables)) {
		table := c.tables[name]
		if len(table.fields) > maxFields {
			t.Errorf("%s has %d fields, more than %d", name, len(table.fields), maxFields)
		}
		var missing []string
		for _, ref := range catalog.Refs(name) {
			found := slices.ContainsFunc(table.fields, func(f field) bool { return f.key == ref.Key && f.form == refForm })
			// A usermessage's message is compared with those of its file.
			if !found && (name != "zerver_usermessage" || ref.Key != "message") {
				missing = append(missing, ref.Key)
			}
		}
		if diff := cmp.Diff([]string(nil), missing); diff != "" {
			t.Errorf("references of %s that are not followed (-want +got):\n%s", name, diff)
		}
	}
	for name := range needs() {
		if c.tables[name] == nil {
			t.Errorf("%s is described and is in no file", name)
		}
	}
	for i, s := range c.spaces {
		if len(s.there) == 0 {
			t.Errorf("nothing meets references to a %s", space(i).noun())
		}
	}
}
