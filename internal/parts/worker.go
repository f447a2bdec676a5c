package parts

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/export"
)

// Worker makes parts of whichever exports. It is safe for concurrent use. The caller closes it when no Do is under way any more.
type Worker struct {
	Parts   realmport.Parts
	Stock   realmport.Stock
	Helper  export.HelperOptions
	Beat    time.Duration // how often it gives a sign of life of each part, at the most
	Log     *slog.Logger
	Prepare func() error // makes the folder for temporary files; it may be nil
	// Aside is how long a part at which this process failed is left to others; 0 is half a minute.
	Aside time.Duration
	// At is called at each step that a crash may come before, for tests; it may be nil.
	At func(step string)

	sessions sessions
	failures failures
}

// The steps of the work on a part, in their order, as At is told of them.
const (
	StepPartClaim  = "part-claim"  // nothing was done yet
	StepPartMake   = "part-make"   // it is noted who is at work
	StepPartStore  = "part-store"  // all bytes are sent, without the name
	StepPartFinish = "part-finish" // it is stored, and nobody knows
	StepPartDone   = "part-done"   // it is noted as made
)

// elsewhereTime is after how long another process is called for a part that this one does not make.
const elsewhereTime = time.Second

// Do makes a part, unless it is made or somebody is at work on it. What went wrong is noted for the coordinator; the error is for the log.
// With again above zero this process does not make the part, and another one shall be called for it after that time.
func (w *Worker) Do(ctx context.Context, attempt string, number int) (again time.Duration, err error) {
	w.at(StepPartClaim)
	if w.failures.forOthers(attempt, number) {
		return elsewhereTime, nil
	}
	s, err := w.sessions.open(ctx, w, attempt)
	switch {
	case errors.Is(err, errShunned):
		return elsewhereTime, nil
	case realmport.ErrorCode(err) == realmport.NotFound: // the attempt has ended
		return 0, nil
	case err != nil:
		return elsewhereTime, w.told(ctx, err)
	}
	defer w.sessions.release(s)
	worker := rand.Text()
	text, ok, err := w.Parts.Claim(ctx, attempt, number, worker, s.stale)
	if err != nil || !ok {
		return 0, err
	}
	p := &part{Worker: w, attempt: attempt, number: number, worker: worker}
	return w.settled(ctx, p, s, p.do(ctx, s, text))
}

// told logs an error that is no part's, since what is done next is called success.
func (w *Worker) told(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	w.Log.Warn("a part is left to others", "error", err)
	return nil
}

// settled draws the conclusions of a try.
func (w *Worker) settled(ctx context.Context, p *part, s *session, err error) (again time.Duration, failure error) {
	switch code := realmport.ErrorCode(err); {
	case err == nil:
		w.failures.worked()
		return 0, nil
	case ctx.Err() != nil:
		return 0, err
	case errors.Is(err, errUnable):
		_ = w.sessions.unable(w, p.attempt, err) // says so; another process shall be called
		return elsewhereTime, nil
	case code == realmport.Unavailable || code == realmport.NotFound:
		w.sessions.spoil(s) // its connections may be those that broke
	}
	w.failures.failed(p.attempt, p.number, cmp.Or(w.Aside, asideTime))
	return 0, err
}

// Close leaves all snapshots.
func (w *Worker) Close() { w.sessions.close() }

func (w *Worker) at(step string) {
	if w.At != nil {
		w.At(step)
	}
}
