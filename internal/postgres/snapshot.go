package postgres

import (
	"context"
	"errors"
	"sync"

	"github.com/realmport/realmport"
)

// Snapshot is one exported snapshot and the connections that joined it.
type Snapshot struct {
	source  *Source
	id      string
	version string
	lead    *conn         // its transaction keeps the exported snapshot alive
	slots   chan struct{} // one per open connection, at most its capacity
	idle    chan *conn
	ended   chan struct{} // closed by Close

	loading sync.Mutex
	tables  *tables // +checklocks:loading

	mu     sync.Mutex
	closed bool // +checklocks:mu
	gone   bool // the lead was lost; +checklocks:mu
}

var _ realmport.Snapshot = (*Snapshot)(nil)

// Read implements realmport.Snapshot.
func (s *Snapshot) Read(ctx context.Context, q realmport.Query, fn func(realmport.Row) error) error {
	tables, err := s.load(ctx)
	if err != nil {
		return err
	}
	built, err := tables.build(q)
	if err != nil {
		return err
	}
	c, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	// What fn does not want may be skipped later, when ctx has ended.
	own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
	var stopped error
	err = c.read(own, built, func(row realmport.Row) error {
		stopped = fn(row)
		return stopped
	})
	s.release(c, err == nil)
	if stopped != nil {
		return stopped
	}
	if err != nil {
		return s.source.lost(ctx, q.Table, err)
	}
	return nil
}

// acquire takes an idle connection, or makes one that joins the snapshot while the bound allows it, or waits.
func (s *Snapshot) acquire(ctx context.Context) (*conn, error) {
	if ctx.Err() != nil { // a connection would break
		return nil, context.Cause(ctx)
	}
	select {
	case c := <-s.idle:
		return c, nil
	default:
	}
	select {
	case c := <-s.idle:
		return c, nil
	case s.slots <- struct{}{}:
		c, err := s.join(ctx)
		if err != nil {
			<-s.slots
			return nil, err
		}
		return c, nil
	case <-s.ended:
		return nil, errClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// errClosed is a mistake of the caller.
var errClosed = errors.New("read a closed snapshot")

// join makes one more connection of the snapshot.
func (s *Snapshot) join(ctx context.Context) (*conn, error) {
	s.mu.Lock()
	closed, gone := s.closed, s.gone
	s.mu.Unlock()
	switch {
	case closed:
		return nil, errClosed
	case gone:
		return nil, realmport.Errorf(realmport.Unavailable, "the snapshot of PostgreSQL at %s is gone, since an earlier read of it "+
			"failed: the export cannot go on; run it again", s.source.address())
	}
	c, err := s.source.begin(ctx, s.id)
	if err != nil {
		return nil, s.source.explain(ctx, err)
	}
	return c, nil
}

// release gives a connection back, or drops it when its state is unknown.
func (s *Snapshot) release(c *conn, healthy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// The lead is worth reading on to the end of its query; another one is replaced.
	healthy = healthy || c == s.lead && c.rest != nil && !c.pg.IsClosed()
	if healthy && !s.closed {
		s.idle <- c
		return
	}
	c.close()
	s.gone = s.gone || c == s.lead
	<-s.slots
}

// Close implements realmport.Snapshot.
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
			c.close()
			<-s.slots
		default:
			return nil
		}
	}
}
