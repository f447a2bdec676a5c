package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// errFailed is all that River's tables say of an error: what happened is in the log.
var errFailed = errors.New("the work failed, and the log says why")

// worker runs Work for River.
type worker struct {
	river.WorkerDefaults[args]
	work Work
	log  *slog.Logger
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, job *river.Job[args]) error {
	if ctx.Err() != nil { // fetched while the queue was being stopped, or the job cancelled
		return ctx.Err()
	}
	ctx, cancel := explained(ctx)
	defer cancel()
	again, err := w.attempt(ctx, job.Args.Export)
	log := w.log.With("export", job.Args.Export)
	cause := context.Cause(ctx)
	switch {
	case err == nil:
	case errors.Is(cause, ErrStopping):
		log.Info("work stopped, the export goes back to the queue", "error", err)
		// River gives a job back when it sees this, and does not count the attempt.
		return context.Canceled
	case errors.Is(cause, ErrCancelled):
		log.Info("work cancelled", "error", err)
		return river.ErrJobCancelledRemotely
	default:
		log.Error("work on the export failed", "error", err)
	}
	switch {
	case again > 0:
		return river.JobSnooze(again)
	case err != nil:
		return errFailed
	default:
		return nil
	}
}

// attempt calls the work and turns a panic into an error, without what it says: that may be anything.
func (w *worker) attempt(ctx context.Context, exportID int64) (again time.Duration, err error) {
	defer func() {
		if v := recover(); v != nil {
			again, err = 0, panicked(v)
		}
	}()
	return w.work(ctx, exportID)
}

// panicked describes a panic by its type and place.
func panicked(v any) error { return fmt.Errorf("panic with a %T\n%s", v, debug.Stack()) }

// explained returns a context that ends when a job's does, but with a cause of this package. The caller calls the
// returned function at the end.
func explained(ctx context.Context) (context.Context, func()) {
	told, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		// Of the two reasons that there are, River exports only one.
		if errors.Is(context.Cause(ctx), river.ErrJobCancelledRemotely) {
			cancel(ErrCancelled)
		} else {
			cancel(ErrStopping)
		}
	})
	return told, func() {
		stop()
		cancel(nil)
	}
}

// roundOf reads the round of a job.
func roundOf(job *rivertype.JobRow) (int64, error) {
	var a args
	if err := json.Unmarshal(job.EncodedArgs, &a); err != nil {
		return 0, fmt.Errorf("read job %d: %w", job.ID, err)
	}
	return a.Round, nil
}

// partCooldown is how long to wait at least before more parts are fetched, or others are notified of new ones: of an insertion that soon after
// another one nobody is notified, and it waits for partPoll at most.
const (
	partCooldown = 20 * time.Millisecond
	partPoll     = 200 * time.Millisecond
)

// config is River's configuration.
func config(opts Options) *river.Config {
	c := &river.Config{
		Logger: slog.New(newQuiet(opts.Log.Handler())),
		// How long an export takes is for nobody to know: silence is noticed by its heartbeat.
		JobTimeout: -1,
		// A running job is freed this long after its start if, and only if, it is cancelled: see Requeue.
		RescueStuckJobsAfter: time.Minute,
		// A new job is noticed at once by its notification, and by this if that was lost.
		FetchPollInterval: time.Second,
		FetchCooldown:     partCooldown,
		// What is over only tells operators what was done of late.
		CancelledJobRetentionPeriod: 24 * time.Hour,
		CompletedJobRetentionPeriod: 24 * time.Hour,
		DiscardedJobRetentionPeriod: 24 * time.Hour,
		// The tables stay small; and to rebuild an index PostgreSQL waits for all transactions of the database, such as those of
		// long exports.
		ReindexerIndexNames: []string{},
	}
	if opts.InsertOnly {
		return c
	}
	c.Queues = map[string]river.QueueConfig{}
	if opts.Work != nil {
		c.Queues[queueName] = river.QueueConfig{MaxWorkers: opts.Workers, FetchCooldown: 100 * time.Millisecond}
	}
	if opts.PartWorkers > 0 {
		// A part may take less than a second: what is spent between two of them counts.
		c.Queues[partQueue] = river.QueueConfig{
			MaxWorkers: opts.PartWorkers, FetchCooldown: partCooldown, FetchPollInterval: partPoll,
		}
	}
	// River gives up the running jobs of kinds that its leader does not know, and any process may lead.
	c.Workers = river.NewWorkers()
	river.AddWorker(c.Workers, &worker{work: opts.Work, log: opts.Log})
	river.AddWorker(c.Workers, &partWorker{part: opts.Part, log: opts.Log})
	return c
}
