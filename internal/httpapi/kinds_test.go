package httpapi

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/postgres"
	"github.com/realmport/realmport/internal/sqlite"
	"github.com/realmport/realmport/internal/store"
)

// kind makes the databases of a world.
type kind struct {
	name string
	// open opens an organizations' database of its own with the rules organization, and a source of it.
	open func(t *testing.T) (*sql.DB, store.Dialect, realmport.Source)
}

func kinds() []kind { return []kind{{"SQLite", openSQLite}, {"PostgreSQL", openPostgres}} }

// rulesStore is an embedded store with the rules organization, made once.
var rulesStore = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "realmport-test-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "organization.db")
	l, err := sqlite.Create(context.Background(), name)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(demo.LoadRules(context.Background(), l), l.Commit(context.Background())); err != nil {
		return nil, errors.Join(err, l.Abort())
	}
	return os.ReadFile(name)
})

func openSQLite(t *testing.T) (*sql.DB, store.Dialect, realmport.Source) {
	t.Helper()
	content, err := rulesStore()
	must(t, err)
	name := filepath.Join(t.TempDir(), "organization.db")
	must(t, os.WriteFile(name, content, 0o600))
	db, err := sqlite.OpenDB(t.Context(), name)
	must(t, err)
	source, err := sqlite.Open(name, sqlite.Options{})
	must(t, err)
	return db, store.SQLite, source
}

func openPostgres(t *testing.T) (*sql.DB, store.Dialect, realmport.Source) {
	t.Helper()
	dsn := pgtest.Template(t, "rules", func(dsn string) error { return demo.CreateRules(context.Background(), dsn) })
	db, err := postgres.OpenDB(t.Context(), dsn, 4)
	must(t, err)
	source, err := postgres.Open(dsn, postgres.Options{})
	must(t, err)
	return db, store.PostgreSQL, source
}
