package store

import (
	"context"
	"database/sql"
	"strings"
	"sync"

	"github.com/realmport/realmport"
)

// Store is the directory and the exports of an organizations' database. It is safe for concurrent use, also by several
// processes on one database.
type Store struct {
	db    *sql.DB
	d     Dialect
	owned bool
	names *strings.Replacer // makes a statement the database's own
	// compiled are SQLite's statements, by their text. PostgreSQL's driver keeps its own, and knows when they are stale.
	compiled *sync.Map
}

var (
	_ realmport.Directory = (*Store)(nil)
	_ realmport.Exports   = (*Store)(nil)
)

// Options are how a Store is used.
type Options struct {
	// Owned says that the organizations are realmport's to write: users change their consent here, and are told of finished
	// exports by a message. A live Zulip server does that itself.
	Owned bool
}

// New makes a Store. It looks at the database's catalog, once: it fails with Unsupported if a table or
// column is missing that servers have since Zulip 10, and with NotAllowed, naming them, if rights are missing.
// The caller closes db, after the last use of the Store.
func New(ctx context.Context, db *sql.DB, d Dialect, opts Options) (*Store, error) {
	list := needsOf(opts.Owned)
	var names []string
	for _, n := range list {
		names = append(names, n.table)
	}
	t, prefix, err := describe(ctx, db, d, names)
	if err == nil {
		err = t.meets(list)
	}
	if err != nil {
		return nil, fail(err, "look at the tables of the organizations")
	}
	// What a version lacks is read as what it would be there.
	replace := []string{"@", prefix}
	for column, instead := range map[string]string{
		"zerver_realm.enable_spectator_access": "false",
		"zerver_userprofile.rate_limits":       "''",
	} {
		table, name, _ := strings.Cut(column, ".")
		if _, ok := t[table][name]; !ok {
			replace = append(replace, name, instead)
		}
	}
	return &Store{db: db, d: d, owned: opts.Owned, names: strings.NewReplacer(replace...), compiled: &sync.Map{}}, nil
}

// queryer is what a database and a transaction have in common.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// row runs a statement that yields at most one row.
func (s *Store) row(ctx context.Context, q queryer, statement string, args ...any) *sql.Row {
	if c := s.compile(ctx, q, statement); c != nil {
		return c.QueryRowContext(ctx, args...)
	}
	return q.QueryRowContext(ctx, s.names.Replace(statement), args...)
}

// compile returns a statement ready to run; nil if it is to be run from its text. In a transaction it is, since compiling takes a
// connection and there may be no other. What is wrong with a statement shows when it runs.
func (s *Store) compile(ctx context.Context, q queryer, statement string) *sql.Stmt {
	if s.d != SQLite || q != queryer(s.db) {
		return nil
	}
	if known, ok := s.compiled.Load(statement); ok {
		return known.(*sql.Stmt) //nolint:forcetypeassert // nothing else is in it
	}
	c, err := s.db.PrepareContext(ctx, s.names.Replace(statement))
	if err != nil {
		return nil
	}
	if known, ok := s.compiled.LoadOrStore(statement, c); ok {
		_ = c.Close()
		return known.(*sql.Stmt) //nolint:forcetypeassert // nothing else is in it
	}
	return c
}

// exec runs a statement and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, q queryer, statement string, args ...any) (int64, error) {
	result, err := q.ExecContext(ctx, s.names.Replace(statement), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// change runs fn in a transaction, which is rolled back if fn fails. In SQLite only one runs at a time, so fn
// does nothing else; its first statement writes, for a transaction that reads first cannot always
// become one that writes.
func (s *Store) change(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// list runs a query of a store and scans each of its rows.
func list[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), statement string, args ...any) ([]T, error) {
	if c := s.compile(ctx, s.db, statement); c != nil {
		rows, err := c.QueryContext(ctx, args...)
		return collect(rows, err, scan)
	}
	return all(ctx, s.db, scan, s.names.Replace(statement), args...)
}

// all runs a query and scans each of its rows.
func all[T any](ctx context.Context, q queryer, scan func(scanner) (T, error), statement string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, statement, args...)
	return collect(rows, err, scan)
}

func collect[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, v)
	}
	return found, rows.Err()
}

// scanner is a row.
type scanner interface{ Scan(into ...any) error }

func scanID(row scanner) (int64, error) {
	var id int64
	err := row.Scan(&id)
	return id, err
}
