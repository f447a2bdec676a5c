package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/exports"
	"github.com/realmport/realmport/internal/parts"
)

// partsEvery is how often the parts of an export are looked at.
const partsEvery = 500 * time.Millisecond

// openTeam prepares what exports are made with by several processes together, if the configuration allows that.
func (s *service) openTeam(engine export.Options) {
	source, ok := engine.Source.(realmport.Joiner)
	if !ok || s.stock == nil || s.parts == nil {
		return
	}
	s.team = &parts.Coordination{
		Parts: s.parts, Stock: s.stock, Width: s.cfg.Parts.Width, Tries: s.cfg.Parts.Tries, Poll: partsEvery, Stale: s.cfg.Stale, Log: s.log,
		MaxAge: s.cfg.Limits.SnapshotAge,
	}
	s.partWorker = &parts.Worker{
		Parts: s.parts, Stock: s.partStock, Beat: s.cfg.Heartbeat, Log: s.log, At: s.main.At,
		Prepare: func() error { return os.MkdirAll(s.cfg.Work, 0o700) },
		Helper:  export.HelperOptions{Source: source, Files: engine.Files, Spool: s.cfg.Work, Workers: s.cfg.Workers},
	}
	s.closeLater(func() error { s.partWorker.Close(); return nil })
}

// teamFor says who makes the parts of an export: for a small one it is not worth the trouble.
func (s *service) teamFor(ctx context.Context, e *realmport.Export, attempt string) (exports.Team, error) {
	if s.team == nil {
		return nil, nil
	}
	usage, err := s.store.Usage(ctx, e.RealmID)
	if err != nil {
		return nil, err
	}
	// A server that keeps no daily statistics tells of no messages: then it is not known.
	if known := usage.Messages > 0; known && usage.Messages < s.cfg.Parts.MinMessages && usage.UploadBytes < s.cfg.Parts.MinUploadBytes {
		return nil, nil
	}
	team := *s.team
	team.Log = s.log.With("export", e.ID)
	return team.New(attempt), nil
}

// bucketEvery is how often what killed processes have left is looked for in the bucket. Coordinators that are silent are looked for with the exports.
const bucketEvery = time.Hour

// reapParts ends what silent coordinators have left.
func (s *service) reapParts(ctx context.Context) {
	if err := s.team.Reap(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("parts of earlier exports were not all removed", "error", err)
	}
}

// cleanBucket removes what processes that were killed have left: parts, and unfinished uploads of archives.
func (s *service) cleanBucket(ctx context.Context) {
	ours := func(name string) bool { _, ok := s.place.Archive("/" + name); return ok }
	_, err := s.stock.SweepUploads(ctx, ours, parts.LeftoverAge)
	if s.team != nil {
		err = errors.Join(err, s.team.Clean(ctx))
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("what earlier exports left in the bucket was not all removed", "error", err)
	}
}
