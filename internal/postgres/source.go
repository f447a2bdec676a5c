// Package postgres reads organizations from a Zulip server's PostgreSQL
// database: one exported read-only snapshot, joined by every connection, and rows
// in the binary form they have on the wire.
package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
)

// OldestServer is the oldest supported PostgreSQL, as in server_version_num.
const OldestServer = 120000

// patience is how long a server that does not answer is tried again, before there is a snapshot.
const patience = time.Minute

// Options tune a Source; the zero Options are ready.
type Options struct {
	// Connections bounds the connections of a snapshot; 0 means 2.
	Connections int
	// StatementTimeout is how long one statement may take; 0 means as long as it takes, since a long read is no mistake.
	StatementTimeout time.Duration
	// LockTimeout is how long a table may be locked, as by an upgrade of the server; 0 means a minute.
	LockTimeout time.Duration
	// IdleTimeout is how long a connection may wait for the next statement while its snapshot is open; 0 means as long
	// as it takes.
	IdleTimeout time.Duration
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
	if opts.LockTimeout <= 0 {
		opts.LockTimeout = time.Minute
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	config.DialFunc = dialer().DialContext
	return &Source{config: config, opts: opts}, nil
}

// Snapshot implements realmport.Source. A server that does not answer, or goes away
// before the snapshot is made, is tried again for a minute. With more than one connection, a second one joins at once, so that
// a pooler or balancer that sends connections to different servers is found before any work.
func (s *Source) Snapshot(ctx context.Context) (realmport.Snapshot, error) {
	return s.persist(ctx, s.establish)
}

// persist opens a snapshot, and tries again what may go away by itself.
func (s *Source) persist(ctx context.Context, open func(context.Context) (*Snapshot, error)) (realmport.Snapshot, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		snap, err := open(limited)
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
	lead, t, version, err := s.export(ctx)
	if err != nil {
		return nil, err
	}
	snap := s.with(lead, t, version)
	if s.opts.Connections == 1 {
		return snap, nil
	}
	second, _, err := s.join(ctx, t)
	var pg *pgconn.PgError
	switch {
	case err == nil:
		snap.slots <- struct{}{}
		snap.idle <- second
	case errors.As(err, &pg) && pg.Code == tooManyConnections: // one may do
	default:
		_ = snap.Close()
		return nil, s.unjoined(err)
	}
	return snap, nil
}

// with makes a snapshot that has one connection.
func (s *Source) with(lead *conn, t token, version string) *Snapshot {
	snap := &Snapshot{
		source: s, token: t, version: "PostgreSQL " + version, opened: clock.Now(), lead: lead, ended: make(chan struct{}),
		idle: make(chan *conn, s.opts.Connections), slots: make(chan struct{}, s.opts.Connections),
	}
	snap.slots <- struct{}{}
	snap.idle <- lead
	return snap
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
