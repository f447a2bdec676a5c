package exports

import (
	"context"
	"errors"
	"time"

	"github.com/realmport/realmport"
)

// Requeuer is a Queue that can run an export whose worker has died.
type Requeuer interface {
	Queue
	// Requeue lets a worker take up the export soon, even if the queue believes that somebody has run it for a while already.
	Requeue(ctx context.Context, exportID int64) error
}

// Reap sees to it that every pending export is queued, and takes up those whose worker fell silent. What nobody is at work on waits for its
// turn from then on: while all workers are busy, nobody asks for it. Reap is called at the start and every Stale/2
// or so, on any process; several at the same time do no harm.
func (w *Worker) Reap(ctx context.Context, queue Requeuer) error {
	silent, err := w.Runs.Silent(ctx, w.Stale)
	if err != nil {
		return err
	}
	var errs []error
	dead := map[int64]bool{}
	for _, id := range silent {
		dead[id] = true
		w.Log.Warn("the worker of an export fell silent: it is taken up again", "export", id)
		errs = append(errs, queue.Requeue(ctx, id))
	}
	pending, err := w.Exports.Pending(ctx)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, e := range pending {
		if dead[e.ID] {
			continue
		}
		run, idle, err := w.idle(ctx, e.ID)
		if err == nil && idle && !w.rests(run) {
			err = w.Runs.Wait(ctx, e.ID, e.RealmID)
		}
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		// Then a job that the queue takes for running is that of a process which died before it claimed the export, or after it gave it up.
		if idle {
			errs = append(errs, queue.Requeue(ctx, e.ID))
		}
	}
	return errors.Join(errs...)
}

// idle tells whether nobody is at work on an export that is pending. The row is read last, since what has ended in the meantime
// is nobody's to take up.
func (w *Worker) idle(ctx context.Context, id int64) (*realmport.Run, bool, error) {
	run, err := w.Runs.Run(ctx, id)
	if err != nil || run.Owner != "" {
		return nil, false, err
	}
	e, err := w.Exports.Export(ctx, id)
	if realmport.ErrorCode(err) == realmport.NotFound {
		return nil, false, nil
	}
	return run, err == nil && e.Status.Pending(), err
}

// rests tells whether an export's last attempt failed a moment ago, so that its next one is not due yet: others need not wait for it.
func (w *Worker) rests(run *realmport.Run) bool {
	return run.Reason != "" && w.Now().Sub(run.Heartbeat).Abs() < retryAfter(run.Attempt)
}

// TakeOver frees all exports that somebody was at work on. It is for a process that knows that it is the only one, at its
// start: it need not wait until the heartbeats are old.
func (w *Worker) TakeOver(ctx context.Context) error {
	silent, err := w.Runs.Silent(ctx, -ages) // whatever the clock was when they last gave a sign of life
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range silent {
		errs = append(errs, w.free(ctx, id))
	}
	return errors.Join(errs...)
}

// ages is longer than any clock may be wrong.
const ages = 100 * 365 * 24 * time.Hour

// free ends the work on an export whose worker is known to be dead.
func (w *Worker) free(ctx context.Context, id int64) error {
	e, err := w.Exports.Export(ctx, id)
	switch {
	case realmport.ErrorCode(err) == realmport.NotFound:
		return w.Runs.Forget(ctx, id)
	case err != nil:
		return err
	case !e.Status.Pending():
		return w.tidy(ctx, e) // nobody will come to it any more
	}
	run, err := w.Runs.Run(ctx, id)
	if err != nil {
		return err
	}
	return w.Runs.Release(ctx, id, run.Owner, "its process ended", false)
}
