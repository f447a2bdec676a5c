package main

import (
	"context"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/pace"
	"github.com/realmport/realmport/internal/postgres"
)

// pressureEvery is how often a server that may be too busy is asked.
const pressureEvery = 5 * time.Second

// paced returns the source as the configured limits let it be read.
func (s *service) paced(source *postgres.Source) realmport.Source {
	limits := s.cfg.Limits
	p := &pace.Pacer{MaxAge: limits.SnapshotAge, Now: s.main.Now, Ages: s.metrics.ages}
	if limits.RowsPerSecond > 0 || limits.BytesPerSecond > 0 {
		p.Limiter = pace.NewLimiter(float64(limits.RowsPerSecond), float64(limits.BytesPerSecond), s.main.Now)
	}
	bounds := postgres.Bounds{
		Lag: limits.ReplicationLag, LagBytes: limits.ReplicationLagBytes, Active: limits.Statements, Connections: float64(limits.Connections) / 100,
	}
	if bounds.Any() {
		check := func(ctx context.Context) (string, error) { return source.Busy(ctx, bounds) }
		s.gate = pace.NewGate(check, pressureEvery, s.main.Now, s.log)
		p.Gate = s.gate
	}
	return pace.Source(source, p)
}

// catchUpTime is how long an export waits for a replica that is behind.
const catchUpTime = 2 * time.Minute

// catchUp waits until the replica that exports read from has what the primary has now: who has just taken their consent back shall not be
// exported.
func (s *service) catchUp(ctx context.Context) error {
	if s.replica == nil {
		return nil
	}
	position, err := s.primary.Position(ctx)
	if err != nil {
		return err
	}
	return s.replica.CatchUp(ctx, position, catchUpTime)
}
