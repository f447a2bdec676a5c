package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"io/fs"
	"os"
	"sync"

	"github.com/realmport/realmport"
)

// Snapshot is one state of a database, and the connections that see it.
type Snapshot struct {
	path  string
	fixed fs.FileInfo   // of a file that is read as one that nobody changes, nil for others
	idle  chan *conn    // connections that nobody reads from; all of them exist from the start
	ended chan struct{} // closed by Close

	loading sync.Mutex
	tables  *tables // +checklocks:loading

	mu     sync.Mutex
	closed bool // +checklocks:mu
}

var _ realmport.Snapshot = (*Snapshot)(nil)

// errClosed is a mistake of the caller.
var errClosed = errors.New("read a closed snapshot")

// Schema implements realmport.Snapshot.
func (s *Snapshot) Schema(ctx context.Context) (*realmport.Schema, error) {
	t, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	return t.schema, nil
}

// load reads the schema, once.
func (s *Snapshot) load(ctx context.Context) (*tables, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.tables != nil {
		return s.tables, nil
	}
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer s.release(c)
	t, err := readTables(ctx, c)
	if err != nil {
		return nil, explain(ctx, s.path, err)
	}
	if t.schema.Tables["zerver_realm"] == nil {
		return nil, realmport.Errorf(realmport.Unsupported, "the database %s has no table zerver_realm: was it made by realmport?", s.path)
	}
	s.tables = t
	return t, nil
}

// Read implements realmport.Snapshot.
func (s *Snapshot) Read(ctx context.Context, q realmport.Query, fn func(realmport.Row) error) error {
	t, err := s.load(ctx)
	if err != nil {
		return err
	}
	built, err := t.build(q)
	if err != nil {
		return err
	}
	c, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer s.release(c)
	d := newDecoder(built.columns)
	var stopped error
	err = c.query(ctx, built.sql, built.args, func(values []driver.Value) error {
		row, err := d.decode(values)
		if err != nil {
			return err
		}
		stopped = fn(row)
		return stopped
	})
	switch {
	case stopped != nil:
		return stopped
	case err != nil:
		return explain(ctx, s.path, err)
	default:
		return s.unchanged()
	}
}

// unchanged checks that a file that nobody should change was not: without locks, its rows could be of several states.
func (s *Snapshot) unchanged() error {
	if s.fixed == nil {
		return nil
	}
	now, err := os.Stat(s.path)
	if err != nil || now.Size() != s.fixed.Size() || !now.ModTime().Equal(s.fixed.ModTime()) || !os.SameFile(now, s.fixed) {
		return realmport.Errorf(realmport.Unavailable, "the database %s was changed while it was read, and its folder does not let this user "+
			"see one state of it: run the export as a user who may write there", s.path)
	}
	return nil
}

// acquire takes an idle connection, or waits for one.
func (s *Snapshot) acquire(ctx context.Context) (*conn, error) {
	select {
	case <-s.ended:
		return nil, errClosed
	default:
	}
	select {
	case c := <-s.idle:
		return c, nil
	case <-s.ended:
		return nil, errClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// release gives a connection back.
func (s *Snapshot) release(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return
	}
	s.idle <- c
}

// Close implements realmport.Snapshot. Reads that are running go on to their end.
func (s *Snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.ended)
	for {
		select {
		case c := <-s.idle:
			_ = c.Close()
		default:
			return nil
		}
	}
}
