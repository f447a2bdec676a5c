package pace

import (
	"context"
	"errors"
	"time"

	"github.com/realmport/realmport"
)

// Rows are charged in batches, so that a row costs next to nothing.
const (
	batchRows  = 256
	batchBytes = 64 << 10
)

type snapshot struct {
	realmport.Snapshot
	pacer  *Pacer
	opened time.Time
}

// Age is how long the snapshot has been open, in whichever process; 0 if nothing tells the time.
func (s *snapshot) Age() time.Duration {
	if inner, ok := s.Snapshot.(aged); ok {
		return inner.Age()
	}
	if s.pacer.Now == nil {
		return 0
	}
	return s.pacer.Now().Sub(s.opened)
}

// Close implements realmport.Snapshot.
func (s *snapshot) Close() error {
	s.pacer.Ages.closed(s)
	return s.Snapshot.Close()
}

// Read implements realmport.Snapshot. A pause happens within a read too, while the server waits to send more rows.
func (s *snapshot) Read(ctx context.Context, q realmport.Query, fn func(realmport.Row) error) error {
	ctx, cancel, err := s.limited(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	if err := s.pacer.Gate.Wait(ctx); err != nil {
		return err
	}
	if err = s.charged(ctx, q, fn); err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return context.Cause(ctx) // says which limit it was
	}
	return err
}

// charged reads, and waits for what was read. Rows are not even counted where nothing is to be waited for.
func (s *snapshot) charged(ctx context.Context, q realmport.Query, fn func(realmport.Row) error) error {
	if s.pacer.Limiter == nil && s.pacer.Gate == nil {
		return s.Snapshot.Read(ctx, q, fn)
	}
	var rows, bytes int
	err := s.Snapshot.Read(ctx, q, func(row realmport.Row) error {
		rows++
		for _, value := range row {
			bytes += len(value)
		}
		if rows >= batchRows || bytes >= batchBytes {
			if err := s.pacer.wait(ctx, rows, bytes); err != nil {
				return err
			}
			rows, bytes = 0, 0
		}
		return fn(row)
	})
	if err != nil || rows == 0 {
		return err
	}
	return s.pacer.Limiter.Wait(ctx, rows, bytes)
}

// limited ends ctx when the snapshot is too old, with an error that says so as the cause.
func (s *snapshot) limited(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if s.pacer.MaxAge <= 0 {
		return ctx, func() {}, nil
	}
	tooOld := realmport.Errorf(realmport.Unavailable, "the snapshot was open for longer than %s: raise limits.snapshot_age, ask for more workers, "+
		"or export from a replica", s.pacer.MaxAge)
	tooOld.Details = map[string]any{"limit": "limits.snapshot_age", "value": s.pacer.MaxAge.Seconds()}
	left := s.pacer.MaxAge - s.Age()
	if left <= 0 {
		return nil, nil, tooOld
	}
	limited, cancel := context.WithTimeoutCause(ctx, left, tooOld)
	return limited, cancel, nil
}
