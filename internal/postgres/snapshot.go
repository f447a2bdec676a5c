package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
)

// Snapshot is one exported snapshot and the connections that joined it.
type Snapshot struct {
	source  *Source
	token   token
	version string
	opened  time.Time     // when the snapshot was exported, by this machine's clock
	guest   bool          // another process exported it
	lead    *conn         // its transaction keeps the tables as they are, and the exported snapshot alive unless it is a guest
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

// acquire takes an idle connection, or makes one that joins the snapshot while the bound allows it, or waits. Without the lead nothing
// keeps the tables from being truncated, which other connections would not notice.
func (s *Snapshot) acquire(ctx context.Context) (*conn, error) {
	c, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.usable(); err != nil {
		s.release(c, true)
		return nil, err
	}
	return c, nil
}

func (s *Snapshot) take(ctx context.Context) (*conn, error) {
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

// usable returns why the snapshot cannot be read any more.
func (s *Snapshot) usable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errClosed
	case s.gone:
		return realmport.Errorf(realmport.Unavailable, "the snapshot of PostgreSQL at %s is gone, since an earlier read of it "+
			"failed: the export cannot go on; run it again", s.source.address())
	}
	return nil
}

// join makes one more connection of the snapshot.
func (s *Snapshot) join(ctx context.Context) (*conn, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	c, _, err := s.source.join(ctx, s.token)
	switch {
	case err == nil:
		return c, nil
	case s.guest:
		err = s.source.ended(err)
	default:
		err = s.source.vanished(err, s.lead.standby)
	}
	return nil, s.source.explain(ctx, err)
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

// Age is how long ago the snapshot was exported, by whichever process: for so long the server keeps what was deleted since.
func (s *Snapshot) Age() time.Duration { return clock.Now().Sub(s.opened) }

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
