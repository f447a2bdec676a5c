package store

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"

	"github.com/realmport/realmport"
)

// The migrations of the state's database, one folder for each dialect. The files' names begin with their version; they name tables
// like statements do, with an @.
//
//go:embed migrations
var migrationFiles embed.FS

// lockKey names the lock under which processes that start at once migrate one after another. It is the database's, as are
// schemas.
const lockKey = `hashtextextended('realmport migrations of ' || $1, 0)`

// plainName is a schema's name that needs no quotes.
var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// openState makes the state's tables, or brings them to the present version, and returns what stands before their names. An empty schema
// is realmport.
func openState(ctx context.Context, db *sql.DB, d Dialect, schema string) (prefix string, err error) {
	schema = cmp.Or(schema, "realmport")
	if !plainName.MatchString(schema) || strings.HasPrefix(schema, "pg_") {
		return "", realmport.Errorf(realmport.Invalid, "schema %q: a name is made of up to 63 lower-case letters, digits and "+
			"underscores, and does not begin with a digit or with pg_", schema)
	}
	if err := migrate(ctx, db, d, schema); err != nil {
		return "", fail(err, "make the tables of realmport's own state")
	}
	return d.prefix(schema), nil
}

// migrate brings the state's tables to the newest version, in a schema that is made if it does not exist.
func migrate(ctx context.Context, db *sql.DB, d Dialect, schema string) error {
	if err := prepare(ctx, db, d, schema); err != nil {
		return err
	}
	list, err := migrations(d, schema)
	if err != nil {
		return err
	}
	options := []goose.ProviderOption{
		goose.WithGoMigrations(list...), goose.WithDisableGlobalRegistry(true), goose.WithTableName(d.prefix(schema) + goose.DefaultTablename),
	}
	dialect := goose.DialectSQLite3
	if d == PostgreSQL {
		dialect = goose.DialectPostgres
		options = append(options, goose.WithSessionLocker(sessionLock(schema)))
	}
	provider, err := goose.NewProvider(dialect, db, nil, options...)
	if err != nil {
		return err
	}
	// SQLite has no lock beyond a transaction. There, of processes that run the same migration one succeeds, the others
	// fail, as its version can be noted once only, and look again.
	for range list {
		if _, err = provider.Up(ctx); err == nil || d != SQLite || ctx.Err() != nil {
			return err
		}
	}
	_, err = provider.Up(ctx)
	return err
}

// prepare makes the schema and the table of versions, in one transaction under the lock: goose looks for the latter without one.
func prepare(ctx context.Context, db *sql.DB, d Dialect, schema string) error {
	kind := database.DialectSQLite3
	if d == PostgreSQL {
		kind = database.DialectPostgres
	}
	versions, err := database.NewStore(kind, d.prefix(schema)+goose.DefaultTablename)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	exists := `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $2 AND $1 <> '')`
	if d == PostgreSQL {
		if err := makeSchema(ctx, tx, schema); err != nil {
			return err
		}
		exists = `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2)`
	}
	var found bool
	if err := tx.QueryRowContext(ctx, exists, schema, goose.DefaultTablename).Scan(&found); err != nil || found {
		return err
	}
	if err := versions.CreateVersionTable(ctx, tx); err != nil {
		return err
	}
	unique := fmt.Sprintf("CREATE UNIQUE INDEX %[2]s_once ON %[1]s%[2]s (version_id)", d.prefix(schema), goose.DefaultTablename)
	if _, err := tx.ExecContext(ctx, unique); err != nil {
		return err
	}
	if err := versions.Insert(ctx, tx, database.InsertRequest{Version: 0}); err != nil {
		return err
	}
	return tx.Commit()
}

// makeSchema takes the lock until the end of the transaction, and makes the schema if it does not exist.
func makeSchema(ctx context.Context, tx *sql.Tx, schema string) error {
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock("+lockKey+")", schema); err != nil {
		return err
	}
	var exists bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1)`, schema).Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = tx.ExecContext(ctx, "CREATE SCHEMA "+schema)
	if sqlState(err) == noRight {
		return realmport.Errorf(realmport.NotAllowed, "the database's role may not create the schema %[1]s, where realmport keeps its state: "+
			"run CREATE SCHEMA %[1]s AUTHORIZATION with its name", schema)
	}
	return err
}

// migrations reads the migrations of a dialect.
func migrations(d Dialect, schema string) ([]*goose.Migration, error) {
	folder := path.Join("migrations", strings.ToLower(d.String()))
	names, err := fs.Glob(migrationFiles, folder+"/*.sql")
	if err != nil {
		return nil, err
	}
	var all []*goose.Migration
	for _, name := range names {
		number, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("name of the migration %s: %w", name, err)
		}
		text, err := fs.ReadFile(migrationFiles, name)
		if err != nil {
			return nil, err
		}
		statements := strings.ReplaceAll(string(text), "@", d.prefix(schema))
		all = append(all, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, statements)
			return err
		}}, nil))
	}
	if len(all) == 0 {
		return nil, errors.New("no migrations of " + d.String())
	}
	return all, nil
}

// sessionLock is the lock while goose works, for the schema of that name. It waits in the server.
type sessionLock string

// SessionLock implements lock.SessionLocker.
func (l sessionLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock("+lockKey+")", string(l))
	return err
}

// SessionUnlock implements lock.SessionLocker.
func (l sessionLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock("+lockKey+")", string(l))
	return err
}
