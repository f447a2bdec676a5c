package sqlite

import (
	"context"
	"database/sql"

	sqlite "modernc.org/sqlite"

	"github.com/realmport/realmport"
)

// OpenDB opens a database for reading and writing. All use goes through one connection: who wants a transaction waits for it
// there, instead of failing because SQLite's lock is taken. Transactions take the lock when they begin. What is committed
// survives a crash of the process; a crash of the machine may take the last transactions, though never a part of one.
// The caller closes it.
func OpenDB(ctx context.Context, path string) (*sql.DB, error) {
	return openDB(ctx, path, hasOrganization)
}

// openDB opens a database that passes the checks.
func openDB(ctx context.Context, path string, checks ...func(context.Context, *sql.Tx, string) error) (*sql.DB, error) {
	path, err := locate(path)
	if err != nil {
		return nil, err
	}
	connector, err := sqlite.NewConnector(address(path, settings{
		"_journal_mode": "WAL", "_synchronous": "NORMAL", "_foreign_keys": "1", "_txlock": "immediate", "_pragma": "trusted_schema(0)",
	}))
	if err != nil {
		return nil, explain(ctx, path, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	if err := check(ctx, db, path, checks); err != nil {
		_ = db.Close()
		return nil, explain(ctx, path, err)
	}
	return db, nil
}

// check finds out early that a database cannot be used.
func check(ctx context.Context, db *sql.DB, path string, checks []func(context.Context, *sql.Tx, string) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, ok := range checks {
		if err := ok(ctx, tx, path); err != nil {
			return err
		}
	}
	return nil
}

func hasOrganization(ctx context.Context, tx *sql.Tx, path string) error {
	var found bool
	err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'zerver_realm')").Scan(&found)
	if err == nil && !found {
		err = realmport.Errorf(realmport.Unsupported, "the database %s has no table zerver_realm: was it made by realmport?", path)
	}
	return err
}
