package sqlite_test

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/postgres"
)

// TestShapesAgree compares the tables with those of a server.
func TestShapesAgree(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	if err := demo.CreateSchema(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	server, err := postgres.Open(dsn, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	snap, err := server.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	want, err := snap.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "store.db")
	l := create(t, path)
	columns := map[string][]realmport.Column{}
	for name := range want.Tables {
		columns[name] = l.Columns(name)
	}
	commit(t, l)
	got, err := snapshot(t, path, 1).Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Tables, got.Tables, cmpopts.IgnoreFields(realmport.Table{}, "Estimate")); diff != "" {
		t.Errorf("tables (-server +embedded):\n%s", diff)
	}
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		if diff := cmp.Diff(want.Tables[name].Columns, columns[name]); diff != "" {
			t.Errorf("%s, of the loader (-server +embedded):\n%s", name, diff)
		}
	}
}
