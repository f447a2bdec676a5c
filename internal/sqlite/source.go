package sqlite

import (
	"context"
	"database/sql/driver"
	"io/fs"
	"log/slog"
	"os"
	"slices"

	lib "modernc.org/sqlite/lib"

	"github.com/realmport/realmport"
)

// Options tune a Source; the zero Options are ready.
type Options struct {
	// Connections bounds the connections of a snapshot; 0 means 2.
	Connections int
	// Log gets a line when a snapshot must do with one connection; nil means none.
	Log *slog.Logger
}

// Source is an embedded store to be read.
type Source struct {
	path string
	opts Options
}

var _ realmport.Source = (*Source)(nil)

// Open finds the database; it does not open it yet. It is only ever read, also while somebody writes it.
func Open(path string, opts Options) (*Source, error) {
	path, err := locate(path)
	if err != nil {
		return nil, err
	}
	if opts.Connections < 1 {
		opts.Connections = 2
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{path: path, opts: opts}, nil
}

// reading are the settings of a source's connections. The schema of a file from elsewhere must not run anything.
func reading() settings {
	return settings{"_query_only": "1", "_pragma": "trusted_schema(0)"}
}

// Snapshot implements realmport.Source. The number of connections is one if the database's lock cannot be had, as where it may
// only be read.
func (s *Source) Snapshot(ctx context.Context) (realmport.Snapshot, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if _, err := locate(s.path); err != nil {
		return nil, err
	}
	snap, err := s.establish(ctx)
	if err != nil {
		return nil, explain(ctx, s.path, err)
	}
	return snap, nil
}

func (s *Source) establish(ctx context.Context) (*Snapshot, error) {
	n := s.opts.Connections
	if n > 1 {
		unlock, err := s.lock(ctx)
		switch {
		case err == nil:
			defer unlock()
		case ctx.Err() == nil && slices.Contains([]int{lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_BUSY}, status(err)):
			s.opts.Log.Info("the database cannot be locked: one connection reads it", "err", explain(ctx, s.path, err))
			n = 1
		default:
			return nil, err
		}
	}
	snap := &Snapshot{path: s.path, idle: make(chan *conn, n), ended: make(chan struct{})}
	for range n {
		c, fixed, err := s.begin(ctx)
		if err != nil {
			_ = snap.Close()
			return nil, err
		}
		snap.fixed = fixed
		snap.idle <- c
	}
	return snap, nil
}

// lock keeps everybody from committing until unlock is called. What begins to read meanwhile sees one and the same state.
func (s *Source) lock(ctx context.Context) (unlock func(), err error) {
	c, err := connect(ctx, s.path, settings{"_busy_timeout": "2000"}) // it can be done without
	if err != nil {
		return nil, err
	}
	if err := c.execute(ctx, "BEGIN IMMEDIATE"); err != nil {
		_ = c.Close()
		return nil, err
	}
	return func() { _ = c.Close() }, nil
}

// begin opens a connection and a transaction on it, which sees the database as it is now. Where not even the files beside a
// database in WAL mode can be made, it is read as one that nobody changes, and fixed says what it looks like.
func (s *Source) begin(ctx context.Context) (c *conn, fixed fs.FileInfo, err error) {
	if c, err = s.start(ctx, reading()); status(err) != lib.SQLITE_CANTOPEN && status(err) != lib.SQLITE_READONLY {
		return c, nil, err
	}
	if wal, statErr := os.Stat(s.path + "-wal"); statErr == nil && wal.Size() > 0 { // it holds the newest rows
		return nil, nil, err
	}
	if fixed, err = os.Stat(s.path); err != nil {
		return nil, nil, err
	}
	unchanging := reading()
	unchanging["immutable"] = "1"
	c, err = s.start(ctx, unchanging)
	return c, fixed, err
}

// start opens a connection and a transaction on it, which begins with its first read.
func (s *Source) start(ctx context.Context, how settings) (*conn, error) {
	c, err := connect(ctx, s.path, how)
	if err != nil {
		return nil, err
	}
	err = c.execute(ctx, "BEGIN")
	if err == nil {
		err = c.query(ctx, "SELECT count(*) FROM sqlite_schema", nil, func([]driver.Value) error { return nil })
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}
