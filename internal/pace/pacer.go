package pace

import (
	"context"
	"time"

	"github.com/realmport/realmport"
)

// Pacer says how a source is read. The zero Pacer has no limits.
type Pacer struct {
	Limiter *Limiter
	Gate    *Gate
	// MaxAge is how long a snapshot may be open; 0 for as long as it takes.
	MaxAge time.Duration
	// Now tells the time; needed with MaxAge and Ages.
	Now func() time.Time
	// Ages is told of the snapshots that are open; it may be nil.
	Ages *Ages
}

// wait takes note of what was read, and waits as long as the limits say.
func (p *Pacer) wait(ctx context.Context, rows, bytes int) error {
	if err := p.Gate.Wait(ctx); err != nil {
		return err
	}
	return p.Limiter.Wait(ctx, rows, bytes)
}

// aged is a snapshot that knows its age, also if another process took it.
type aged interface{ Age() time.Duration }

// Source returns a source whose snapshots are read as p says. It can be joined if src can, and its snapshots shared if
// those of src can. Without limits it is src itself.
func Source(src realmport.Source, p *Pacer) realmport.Source {
	if p == nil || p.Limiter == nil && p.Gate == nil && p.MaxAge <= 0 && p.Ages == nil {
		return src
	}
	if j, ok := src.(realmport.Joiner); ok {
		return &joiner{source{j, p}, j}
	}
	return &source{src, p}
}

type source struct {
	realmport.Source
	pacer *Pacer
}

// Snapshot implements realmport.Source. The gate must be open for it.
func (s *source) Snapshot(ctx context.Context) (realmport.Snapshot, error) {
	if err := s.pacer.Gate.Wait(ctx); err != nil {
		return nil, err
	}
	return s.wrap(s.Source.Snapshot(ctx))
}

func (s *source) wrap(inner realmport.Snapshot, err error) (realmport.Snapshot, error) {
	if err != nil {
		return nil, err
	}
	snap := &snapshot{Snapshot: inner, pacer: s.pacer}
	if s.pacer.Now != nil {
		snap.opened = s.pacer.Now()
	}
	s.pacer.Ages.opened(snap)
	if shared, ok := inner.(realmport.Shared); ok {
		return &sharedSnapshot{snap, shared}, nil
	}
	return snap, nil
}

type joiner struct {
	source
	inner realmport.Joiner
}

// Join implements realmport.Joiner.
func (j *joiner) Join(ctx context.Context, token string) (realmport.Snapshot, error) {
	return j.wrap(j.inner.Join(ctx, token))
}

type sharedSnapshot struct {
	*snapshot
	inner realmport.Shared
}

// Token implements realmport.Shared.
func (s *sharedSnapshot) Token() string { return s.inner.Token() }
