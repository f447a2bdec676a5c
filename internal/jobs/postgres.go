package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/realmport/realmport"
)

// openPostgreSQL connects to the state database, brings its tables up to date and makes the client.
func (q *Queue) openPostgreSQL(ctx context.Context, c *river.Config) error {
	settings, err := pgxpool.ParseConfig(q.opts.PostgreSQL)
	if err != nil {
		// The parser's own message quotes the connection string, which may hold a password.
		return realmport.Errorf(realmport.Invalid, "the state database is not a PostgreSQL connection string: "+
			"write postgres://USER@HOST:PORT/DATABASE, or keywords such as \"host=... dbname=...\"")
	}
	if settings.ConnConfig.RuntimeParams["application_name"] == "" {
		settings.ConnConfig.RuntimeParams["application_name"] = "realmport jobs"
	}
	// One listens all the time, and the lock of the migrations is beside them.
	settings.MaxConns = max(settings.MaxConns, 2)
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return explainPostgreSQL(q.opts.Schema, err)
	}
	q.close = pool.Close
	c.Schema = q.opts.Schema
	driver := riverpgxv5.New(pool)
	// The name is checked before it gets into any SQL.
	if q.client, err = river.NewClient(driver, c); err != nil {
		return realmport.Errorf(realmport.Invalid, "jobs in the schema %q: %w", c.Schema, err)
	}
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: c.Logger, Schema: c.Schema})
	if err != nil {
		return err
	}
	err = exclusively(ctx, pool, c.Schema, func() error {
		_, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	})
	if err != nil {
		return explainPostgreSQL(c.Schema, err)
	}
	q.now = func(ctx context.Context) (now time.Time, err error) {
		return now, pool.QueryRow(ctx, "SELECT now()").Scan(&now)
	}
	return nil
}

// exclusively calls fn while no other process does, with the schema there.
func exclusively(ctx context.Context, pool *pgxpool.Pool, schema string, fn func() error) error {
	// The lock is a transaction's, so that it holds behind a pooler of connections, too. The migrations have their own.
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext('realmport jobs'), hashtext($1))", schema); err != nil {
			return err
		}
		var exists bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", schema).Scan(&exists); err != nil {
			return err
		}
		if !exists { // even IF NOT EXISTS needs the right to
			if _, err := pool.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{schema}.Sanitize()); err != nil {
				return err
			}
		}
		return fn()
	})
}

// explainPostgreSQL says what to do about a database that cannot be used.
func explainPostgreSQL(schema string, err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		var unreachable *pgconn.ConnectError
		if errors.As(err, &unreachable) {
			return realmport.Errorf(realmport.Unavailable, "the state database does not answer: %w", err)
		}
		return fmt.Errorf("prepare the state database: %w", err)
	}
	switch {
	case refused.Code == "42501": // insufficient_privilege
		return realmport.Errorf(realmport.NotAllowed, "the state database's role may not make the tables of the jobs: "+
			"let an administrator run CREATE SCHEMA %s AUTHORIZATION and the role's name (%w)", schema, err)
	case refused.Code == "3D000": // invalid_catalog_name
		return realmport.Errorf(realmport.NotFound, "the state database does not exist: create it, or name another (%w)", err)
	case strings.HasPrefix(refused.Code, "28"): // invalid_authorization_specification
		return realmport.Errorf(realmport.NotAllowed, "the state database refuses the role or its password (%w)", err)
	case strings.HasPrefix(refused.Code, "57"), strings.HasPrefix(refused.Code, "53"): // operator_intervention, insufficient_resources
		return realmport.Errorf(realmport.Unavailable, "the state database takes no connections at present: %w", err)
	}
	return fmt.Errorf("prepare the state database: %w", err)
}
