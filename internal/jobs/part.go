package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// partKind is the name of the kind of the parts' jobs, and partQueue the one of their queue, in River's tables.
const (
	partKind  = "part"
	partQueue = "parts"
)

// sweepEvery is how often the jobs of parts that are over are removed, and batch how many at a time: there are so many of them
// that they would slow the queue down, and what came of them is known otherwise.
const (
	sweepEvery = time.Minute
	batch      = 1000
)

// PartJob lets a worker make a part of an archive.
type PartJob struct {
	// Attempt is what the part is of: letters, digits and hyphens.
	Attempt string
	Part    int
	// Try counts the jobs of a part. A job that seems to be running may be that of a process which was killed; whoever sees that nobody is at
	// work on the part enqueues the next try, and is not disturbed by the last.
	Try int
	// Priority is from 1, which goes first, to 4.
	Priority int
}

// partArgs are a job's arguments, which operators may see as they are.
type partArgs struct {
	Attempt string `json:"attempt"`
	Part    int    `json:"part"`
	Try     int    `json:"try"`
}

// Kind implements river.JobArgs.
func (partArgs) Kind() string { return partKind }

// partTag finds the jobs of an attempt.
func partTag(attempt string) string { return "attempt-" + attempt }

// EnqueueParts lets workers make parts soon. Parts go by their priority, and after that in the order in which they came. The same try
// is not queued again as long as its job is there: while it is queued or running, and for up to a minute afterwards.
func (q *Queue) EnqueueParts(ctx context.Context, parts []PartJob) error {
	for len(parts) > 0 {
		n := min(len(parts), batch)
		list := make([]river.InsertManyParams, n)
		for i, p := range parts[:n] {
			list[i] = river.InsertManyParams{
				Args: partArgs{Attempt: p.Attempt, Part: p.Part, Try: p.Try},
				InsertOpts: &river.InsertOpts{
					Queue: partQueue, Priority: p.Priority, MaxAttempts: 1, Tags: []string{partTag(p.Attempt)},
					UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: rivertype.JobStates()},
				},
			}
		}
		if _, err := q.client.InsertMany(ctx, list); err != nil {
			return fmt.Errorf("enqueue %d parts: %w", len(parts), err)
		}
		parts = parts[n:]
	}
	return nil
}

// EnqueuePart is EnqueueParts for one.
func (q *Queue) EnqueuePart(ctx context.Context, attempt string, number, try, priority int) error {
	return q.EnqueueParts(ctx, []PartJob{{Attempt: attempt, Part: number, Try: try, Priority: priority}})
}

// ForgetParts removes the jobs of an attempt that has ended. The contexts of those that are running end; the jobs of processes that
// were killed are given up, and freed by River after a minute.
func (q *Queue) ForgetParts(ctx context.Context, attempt string) error {
	params := river.NewJobListParams().
		Kinds(partKind).TagsAll(partTag(attempt)).OrderBy(river.JobListOrderByID, river.SortOrderAsc).First(batch)
	for {
		list, err := q.client.JobList(ctx, params)
		if err == nil && len(list.Jobs) > 0 {
			err = q.forget(ctx, list.Jobs)
		}
		if err != nil {
			return fmt.Errorf("forget the parts of the attempt %s: %w", attempt, err)
		}
		if len(list.Jobs) < batch {
			return nil
		}
		params = params.After(list.LastCursor)
	}
}

// forget removes jobs. One that is begun meanwhile is cancelled, as those are that are running.
func (q *Queue) forget(ctx context.Context, list []*rivertype.JobRow) error {
	ids := make([]int64, len(list))
	for i, job := range list {
		ids[i] = job.ID
	}
	removed, err := q.client.JobDeleteMany(ctx, river.NewJobDeleteManyParams().IDs(ids...).First(len(ids)))
	if err != nil {
		return err
	}
	gone := make(map[int64]bool, len(ids))
	for _, job := range removed.Jobs {
		gone[job.ID] = true
	}
	var errs []error
	for _, job := range list {
		if !gone[job.ID] {
			errs = append(errs, q.cancel(ctx, job))
		}
	}
	return errors.Join(errs...)
}

// sweep removes the jobs of parts that are over. Several processes may do so at once.
func (q *Queue) sweep(ctx context.Context) {
	over := river.NewJobDeleteManyParams().Kinds(partKind).
		States(rivertype.JobStateCompleted, rivertype.JobStateCancelled, rivertype.JobStateDiscarded).First(batch)
	for {
		removed, err := q.client.JobDeleteMany(ctx, over)
		if err != nil {
			if ctx.Err() == nil {
				q.opts.Log.Warn("jobs of parts that are over were not removed", "error", err)
			}
			return
		}
		if len(removed.Jobs) < batch {
			return
		}
	}
}

// partWorker makes parts for River.
type partWorker struct {
	river.WorkerDefaults[partArgs]
	part Part
	log  *slog.Logger
}

// Work implements river.Worker.
func (w *partWorker) Work(ctx context.Context, job *river.Job[partArgs]) error {
	if ctx.Err() != nil { // fetched while the queue was being stopped, or the job cancelled
		return ctx.Err()
	}
	ctx, cancel := explained(ctx)
	defer cancel()
	again, err := w.try(ctx, job.Args)
	switch {
	case err == nil && again > 0:
		return river.JobSnooze(again)
	case err == nil:
		return nil
	}
	log := w.log.With("attempt", job.Args.Attempt, "part", job.Args.Part, "try", job.Args.Try, "error", err)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrStopping):
		log.Info("work stopped, the part goes back to the queue")
		return context.Canceled
	case errors.Is(cause, ErrCancelled):
		log.Info("work on the part cancelled")
		return river.ErrJobCancelledRemotely
	default:
		log.Error("work on the part failed")
		return errFailed
	}
}

// try makes the part, and turns a panic into an error, as worker.attempt does.
func (w *partWorker) try(ctx context.Context, a partArgs) (again time.Duration, err error) {
	defer func() {
		if v := recover(); v != nil {
			again, err = 0, panicked(v)
		}
	}()
	return w.part(ctx, a.Attempt, a.Part)
}
