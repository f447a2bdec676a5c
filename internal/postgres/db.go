package postgres

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/realmport/realmport"
)

// sessionSettings are those of connections that serve requests: what they wait for, somebody waits for.
const sessionSettings = "SET client_encoding = 'UTF8'; SET search_path = ''; SET application_name = 'realmport'; " +
	"SET statement_timeout = '30s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '1min'"

// OpenDB opens the database for short transactions, on at most that many connections, beside the snapshots of a Source. It
// connects once, to say what is wrong. The caller closes it.
func OpenDB(ctx context.Context, dsn string, connections int) (*sql.DB, error) {
	source, err := Open(dsn, Options{})
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil { // after Open succeeded only by a race with files it reads
		return nil, realmport.Errorf(realmport.Invalid, "the connection string cannot be read")
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, sessionSettings).ReadAll()
		return err
	}))
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := db.PingContext(limited); err != nil {
		_ = db.Close()
		return nil, source.explain(ctx, err)
	}
	return db, nil
}
