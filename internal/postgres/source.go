// Package postgres reads organizations from a Zulip server's PostgreSQL
// database: one exported read-only snapshot, joined by every connection, and rows
// in the binary form they have on the wire.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/realmport/realmport"
)

// OldestServer is the oldest supported PostgreSQL, as in server_version_num.
const OldestServer = 120000

// patience is how long a server that does not answer is tried again, before there is a snapshot.
const patience = time.Minute

// Options tune a Source; the zero Options are ready.
type Options struct {
	// Connections bounds the connections of a snapshot; 0 means 2.
	Connections int
	// Log gets one line per attempt that will be repeated; nil means none.
	Log *slog.Logger
}

// Source is a Zulip server's database.
type Source struct {
	config *pgconn.Config
	opts   Options
}

var _ realmport.Source = (*Source)(nil)

// Open reads a connection string, a URL or keywords, and what it leaves open from
// the PG* variables, the service file and the password file, as libpq does. It does not connect.
func Open(dsn string, opts Options) (*Source, error) {
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		// The parser's own message quotes the connection string, which may hold a password.
		return nil, &realmport.Error{
			Code: realmport.Invalid, Err: errors.New("invalid connection string"),
			Message: "the source is not a PostgreSQL connection string: write postgres://USER@HOST:PORT/DATABASE " +
				"(special characters of a password percent-encoded, or better in ~/.pgpass), or keywords such as \"host=... dbname=...\"; " +
				"a PG* variable, service file or certificate that it refers to may be the culprit too",
		}
	}
	if opts.Connections < 1 {
		opts.Connections = 2
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{config: config, opts: opts}, nil
}

// Snapshot implements realmport.Source. A server that does not answer, or goes away
// before the snapshot is made, is tried again for a minute.
func (s *Source) Snapshot(ctx context.Context) (realmport.Snapshot, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		snap, err := s.establish(limited)
		if err == nil {
			return snap, nil
		}
		if !transient(err) || limited.Err() != nil {
			return nil, s.explain(ctx, err)
		}
		s.opts.Log.Warn("the database does not answer, trying again for up to a minute", "err", s.explain(ctx, err))
		select {
		case <-time.After(pause):
		case <-limited.Done():
			return nil, s.explain(ctx, err)
		}
	}
}

// establish connects and exports a snapshot.
func (s *Source) establish(ctx context.Context) (*Snapshot, error) {
	lead, err := s.begin(ctx, "")
	if err != nil {
		return nil, err
	}
	snap := &Snapshot{
		source: s, ended: make(chan struct{}),
		idle: make(chan *conn, s.opts.Connections), slots: make(chan struct{}, s.opts.Connections),
	}
	facts, err := lead.strings(ctx, "SELECT pg_export_snapshot(), current_setting('server_version_num'), "+
		"current_setting('server_version'), current_setting('server_encoding')")
	if err == nil {
		err = supported(facts[1], facts[2], facts[3])
	}
	if err != nil {
		lead.close()
		return nil, err
	}
	snap.id, snap.version = facts[0], "PostgreSQL "+facts[2]
	snap.lead = lead
	snap.slots <- struct{}{}
	snap.idle <- lead
	return snap, nil
}

func supported(number, version, encoding string) error {
	if n, err := strconv.Atoi(number); err != nil || n < OldestServer {
		return realmport.Errorf(realmport.Unsupported, "the server is PostgreSQL %s, and realmport needs %d or newer: upgrade it, "+
			"or restore a dump of the database into a newer one and export from there", version, OldestServer/10000)
	}
	if encoding != "UTF8" {
		return realmport.Errorf(realmport.Unsupported, "the database's encoding is %s, and a Zulip server's is UTF8: "+
			"is this the right database?", encoding)
	}
	return nil
}

// settings of every connection: no time limit of the role may cut a long export, a
// lock held by a schema change must not hang it, and row-level security must fail loudly instead of
// hiding rows. Names are always qualified, so the search path is empty.
const settings = "SET client_encoding = 'UTF8'; SET search_path = ''; SET application_name = 'realmport'; " +
	"SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '1min'; " +
	"SET row_security = off; " +
	// Not every version knows these.
	"SELECT set_config(s.name, v.value, false) FROM (VALUES ('jit', 'off'), ('transaction_timeout', '0')) AS v(name, value) " +
	"JOIN pg_settings AS s ON s.name = v.name"

// begin opens a connection and a read-only transaction on it, in the given snapshot unless it is "".
func (s *Source) begin(ctx context.Context, snapshot string) (*conn, error) {
	raw, err := pgconn.ConnectConfig(ctx, s.config.Copy())
	if err != nil {
		return nil, err
	}
	c := &conn{pg: raw, statements: map[string]string{}}
	for _, sql := range []string{settings, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"} {
		if _, err := raw.Exec(ctx, sql).ReadAll(); err != nil {
			c.close()
			return nil, err
		}
	}
	if snapshot == "" {
		return c, nil
	}
	// The id comes from pg_export_snapshot: hex digits and dashes.
	if _, err := raw.Exec(ctx, fmt.Sprintf("SET TRANSACTION SNAPSHOT '%s'", snapshot)).ReadAll(); err != nil {
		c.close()
		return nil, s.unjoined(err)
	}
	return c, nil
}
