package store_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/store"
)

// TestStateRights makes the state's schema as far as the role may.
func TestStateRights(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	open := func(opts store.RunsOptions) error {
		_, err := store.NewRuns(t.Context(), srv.as, store.PostgreSQL, opts)
		return err
	}
	wantCode(t, open(store.RunsOptions{}), realmport.NotAllowed, "CREATE SCHEMA realmport AUTHORIZATION")
	srv.exec(t, "CREATE SCHEMA theirs")
	wantCode(t, open(store.RunsOptions{Schema: "theirs"}), realmport.NotAllowed)
	srv.exec(t, "CREATE SCHEMA realmport AUTHORIZATION "+srv.role)
	if err := open(store.RunsOptions{}); err != nil {
		t.Fatal(err)
	}
	// One who may create schemas needs no help; neither does one whose tables somebody else has made.
	srv.exec(t, fmt.Sprintf(`DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %%I TO %s', current_database()); END $$`, srv.role))
	if err := open(store.RunsOptions{Schema: "mine"}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.NewRuns(t.Context(), srv.db, store.PostgreSQL, store.RunsOptions{Schema: "made"}); err != nil {
		t.Fatal(err)
	}
	srv.exec(t, fmt.Sprintf(`GRANT USAGE ON SCHEMA made TO %[1]s; GRANT SELECT ON made.goose_db_version TO %[1]s;
		GRANT SELECT, INSERT, UPDATE, DELETE ON made.export_runs, made.part_plans, made.parts TO %[1]s`, srv.role))
	r, err := store.NewRuns(t.Context(), srv.as, store.PostgreSQL, store.RunsOptions{Schema: "made"})
	if err != nil {
		t.Fatal(err)
	}
	claim(t, r, 1, "a")
	if err := r.Release(t.Context(), 1, "a", "", false); err != nil {
		t.Fatal(err)
	}
	p, err := store.NewParts(t.Context(), srv.as, store.PartsOptions{Schema: "made"})
	if err != nil {
		t.Fatal(err)
	}
	must(t, p.Begin(t.Context(), "x", nil))
	must(t, p.Add(t.Context(), "x", 0, []byte("spec")))
	claims(t, p, "x", 0, "a", "spec")
	must(t, p.End(t.Context(), "x"))
	for _, name := range []string{"Mine", "a b", "1a", "pg_mine", `a"b`, strings.Repeat("a", 64), "a;b"} {
		wantCode(t, open(store.RunsOptions{Schema: name}), realmport.Invalid)
	}
}

// TestStateBesideOthers makes the state's tables in a file that has others.
func TestStateBesideOthers(t *testing.T) {
	t.Parallel()
	db := openState(t, filepath.Join(t.TempDir(), "state.sqlite"))
	if _, err := db.Exec("CREATE TABLE river_job (id INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := store.NewRuns(t.Context(), db, store.SQLite, store.RunsOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
