package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/jobs"
	"github.com/realmport/realmport/internal/parts"
	"github.com/realmport/realmport/internal/postgres"
	"github.com/realmport/realmport/internal/store"
)

// What an export from the command line does like a service with the default settings.
const (
	teamWidth = 32
	teamTries = 3
	teamBeat  = 2 * time.Second
	teamStale = time.Minute
)

// joinTeam lets the processes that work on the jobs of a database help with the export. This one makes parts, too, with as many
// workers as were asked for. The caller calls leave at the end.
func (c *exportCmd) joinTeam(ctx context.Context, log *slog.Logger, opts *export.Options, stock realmport.Stock) (leave func() error, err error) {
	source, ok := opts.Source.(realmport.Joiner)
	if !ok {
		return nil, realmport.Errorf(realmport.Invalid, "--jobs is for a source in PostgreSQL: nobody else can read an embedded store meanwhile")
	}
	db, err := postgres.OpenDB(ctx, c.Jobs, 4)
	if err != nil {
		return nil, err
	}
	shared, err := store.NewParts(ctx, db, store.PartsOptions{Schema: c.JobsSchema})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	worker := &parts.Worker{
		Parts: shared, Stock: stock, Beat: teamBeat, Stale: teamStale, Log: log,
		Helper: export.HelperOptions{Source: source, Files: opts.Files, Spool: opts.Spool, Workers: c.Workers},
	}
	queue, err := jobs.Open(ctx, jobs.Options{PostgreSQL: c.Jobs, Schema: c.JobsSchema, Part: worker.Do, PartWorkers: c.Workers, Log: log})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	team := parts.Coordination{
		Parts: shared, Queue: queue, Stock: stock, Width: max(teamWidth, 2*c.Workers), Tries: teamTries, Poll: partsEvery, Stale: teamStale, Log: log,
	}.New(rand.Text())
	opts.Team = team
	leave = func() error {
		settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), teamStale)
		defer cancel()
		err := errors.Join(team.Close(settle), queue.Stop(settle))
		worker.Close()
		return errors.Join(err, db.Close())
	}
	if err := queue.Start(ctx); err != nil {
		return nil, errors.Join(err, leave())
	}
	return leave, nil
}
