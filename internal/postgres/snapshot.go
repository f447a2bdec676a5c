package postgres

import (
	"context"
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

	loading sync.Mutex
	tables  *tables // +checklocks:loading

	mu     sync.Mutex
	closed bool // +checklocks:mu
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
		return s.source.explain(ctx, err)
	}
	var stopped error
	err = c.read(ctx, built, func(row realmport.Row) error {
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
	select {
	case c := <-s.idle:
		return c, nil
	default:
	}
	select {
	case c := <-s.idle:
		return c, nil
	case s.slots <- struct{}{}:
		c, err := s.source.begin(ctx, s.id)
		if err != nil {
			<-s.slots
			return nil, err
		}
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// release gives a connection back, or drops it when its state is unknown.
func (s *Snapshot) release(c *conn, healthy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if healthy && !s.closed {
		s.idle <- c
		return
	}
	c.close()
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
