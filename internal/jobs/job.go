package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// kind is the name of the jobs' kind, and queueName the one of their queue, in River's tables.
const (
	kind      = "export"
	queueName = "exports"
)

// args are a job's arguments, which operators may see as they are.
type args struct {
	Export int64 `json:"export"`
	// Round counts an export's jobs. There is one of each round: who saw that the last job is over, or gives it up,
	// inserts the next, and of several who do so at once only one succeeds.
	Round int64 `json:"round"`
}

// Kind implements river.JobArgs.
func (args) Kind() string { return kind }

// tag finds the jobs of an export.
func tag(exportID int64) string { return fmt.Sprintf("export-%d", exportID) }

// Enqueue lets a worker take up the export soon. What is queued or running already, even if it was cancelled and is about to
// return, is not queued twice.
func (q *Queue) Enqueue(ctx context.Context, exportID int64) error {
	return q.change(ctx, "enqueue", exportID, func(last *rivertype.JobRow) error {
		if last != nil && last.FinalizedAt == nil {
			return nil
		}
		return q.insert(ctx, exportID, last)
	})
}

// Requeue lets a worker take up an export whose worker gave no sign of life, at once: the job that seems to be running is given up.
// Anything else is as with Enqueue; so it may be called for every export that nobody is seen at work on, which finds those, too,
// whose worker was killed before its first sign of life. Called by several at once, it gives one new job. If the worker lives after
// all, its context ends, but nothing waits until it has returned.
func (q *Queue) Requeue(ctx context.Context, exportID int64) error {
	return q.change(ctx, "requeue", exportID, func(last *rivertype.JobRow) error {
		if last != nil && last.FinalizedAt == nil {
			if dead, err := q.dead(ctx, last); err != nil || !dead {
				return err
			}
			// River frees the job when it has been running for a minute. Until then it only occupies its round.
			if err := q.cancel(ctx, last); err != nil {
				return err
			}
		}
		return q.insert(ctx, exportID, last)
	})
}

// Cancel ends the context of the worker that has the export, wherever it is, or removes the export from the queue. It does nothing
// if neither is there.
func (q *Queue) Cancel(ctx context.Context, exportID int64) error {
	return q.change(ctx, "cancel", exportID, func(last *rivertype.JobRow) error {
		if last == nil {
			return nil
		}
		return q.cancel(ctx, last)
	})
}

// change calls fn with the export's last job, nil if there is none.
func (q *Queue) change(ctx context.Context, what string, exportID int64, fn func(*rivertype.JobRow) error) error {
	list, err := q.client.JobList(ctx, river.NewJobListParams().
		Kinds(kind).TagsAll(tag(exportID)).OrderBy(river.JobListOrderByID, river.SortOrderDesc).First(1))
	if err == nil {
		var last *rivertype.JobRow
		if len(list.Jobs) > 0 {
			last = list.Jobs[0]
		}
		err = fn(last)
	}
	if err != nil {
		return fmt.Errorf("%s export %d: %w", what, exportID, err)
	}
	return nil
}

// insert adds the job that follows the last one, unless somebody else has.
func (q *Queue) insert(ctx context.Context, exportID int64, last *rivertype.JobRow) error {
	next := args{Export: exportID}
	if last != nil {
		round, err := roundOf(last)
		if err != nil {
			return err
		}
		next.Round = round + 1
	}
	_, err := q.client.Insert(ctx, next, &river.InsertOpts{
		Queue: queueName,
		// River's own attempts would know nothing of the export's.
		MaxAttempts: 1,
		Tags:        []string{tag(exportID)},
		// Those that are over count, too: who is late must not bring back a round of the past.
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: rivertype.JobStates()},
	})
	return err
}

// dead tells whether a job is running, and has been for so long that a worker would have given a sign of life; or is running although
// nobody but this process can run it, and this one does not.
func (q *Queue) dead(ctx context.Context, job *rivertype.JobRow) (bool, error) {
	if job.State != rivertype.JobStateRunning || job.AttemptedAt == nil {
		return false, nil
	}
	if q.opts.Alone && !slices.Contains(job.AttemptedBy, q.client.ID()) {
		return true, nil
	}
	now, err := q.now(ctx)
	return err == nil && now.Sub(*job.AttemptedAt) >= q.opts.Grace, err
}

// cancel asks whoever runs the job to stop; one that does not run it ends. River does nothing to one that is over.
func (q *Queue) cancel(ctx context.Context, job *rivertype.JobRow) error {
	_, err := q.client.JobCancel(ctx, job.ID)
	if errors.Is(err, rivertype.ErrNotFound) { // removed meanwhile: it was over
		return nil
	}
	return err
}
