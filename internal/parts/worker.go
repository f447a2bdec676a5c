package parts

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
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
	Beat    time.Duration // how often it gives a sign of life of each part
	Stale   time.Duration // how long a silent worker keeps a part
	Log     *slog.Logger
	Prepare func() error // makes the folder for temporary files; it may be nil
	// At is called at each step that a crash may come before, for tests; it may be nil.
	At func(step string)
	// Aside is how long a part at which this process failed is left to others; 0 is half a minute.
	Aside time.Duration

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

var (
	errLost    = errors.New("the part is somebody else's now")
	errStopped = errors.New("the worker was stopped")
	errEnded   = realmport.Errorf(realmport.Unavailable, "the snapshot of the export has ended before its messages were read, as when PostgreSQL is restarted")
)

// Do makes a part, unless it is made or somebody is at work on it. What went wrong is noted for the coordinator; the error is for the log. An
// Aside says that it did nothing, and that the part is for others.
func (w *Worker) Do(ctx context.Context, attempt string, number int) error {
	w.at(StepPartClaim)
	if err := w.failures.aside(attempt, number); err != nil {
		return err
	}
	s, err := w.sessions.open(ctx, w, attempt)
	switch realmport.ErrorCode(err) {
	case "":
	case realmport.NotFound: // the attempt has ended
		return nil
	case realmport.Unsupported: // said already
		return &Aside{err.Error()}
	default:
		if ctx.Err() == nil {
			w.Log.Error("the snapshot of an export was not joined", "err", err)
			w.failures.failed(attempt, number, w.aside())
			return &Aside{err.Error()}
		}
		return fmt.Errorf("join the snapshot of an export: %w", err)
	}
	defer w.sessions.release(s)
	worker := rand.Text()
	text, ok, err := w.Parts.Claim(ctx, attempt, number, worker, w.Stale)
	if err != nil || !ok {
		return err
	}
	p := &part{Worker: w, attempt: attempt, number: number, worker: worker}
	err = p.do(ctx, s.helper, text)
	switch {
	case err == nil:
		w.failures.worked()
	case ctx.Err() == nil:
		w.failures.failed(attempt, number, w.aside())
	}
	if err != nil {
		if realmport.ErrorCode(err) == realmport.Unavailable || realmport.ErrorCode(err) == realmport.NotFound {
			w.sessions.spoil(s) // its connections may be those that broke
		}
		return err
	}
	return nil
}

// Close leaves all snapshots.
func (w *Worker) Close() { w.sessions.close() }

func (w *Worker) aside() time.Duration { return cmp.Or(w.Aside, asideTime) }

func (w *Worker) at(step string) {
	if w.At != nil {
		w.At(step)
	}
}

// part is one try at a part.
type part struct {
	*Worker
	attempt string
	number  int
	worker  string // this try
}

// do makes the part and settles how it ended.
func (p *part) do(ctx context.Context, helper *export.Helper, text []byte) error {
	p.at(StepPartMake)
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	beating := p.beat(work, stop)
	name := fmt.Sprintf("%s/%06d-%s", folderOf(p.attempt), p.number, p.worker)
	made, err := p.store(work, helper, text, name)
	if cause := context.Cause(work); err != nil && cause != nil && ctx.Err() == nil {
		err = cause
	}
	stop(nil)
	<-beating

	// What comes now is brief, and is done even if the process is stopping.
	if err == nil {
		finish, cancel := settling(ctx)
		err = p.finish(finish, made)
		cancel()
	}
	// A process that was paused meanwhile has time to clean up all the same.
	settle, cancel := settling(ctx)
	defer cancel()
	switch {
	case err == nil:
		p.at(StepPartDone)
		return nil
	case errors.Is(err, errLost):
		p.Log.Warn("a part was finished too late: somebody else makes it", "part", p.number)
		return p.Stock.Remove(settle, name)
	}
	removed := p.Stock.Remove(settle, name)
	stopped := ctx.Err() != nil
	back := p.Parts.GiveBack(settle, p.attempt, p.number, p.worker, writeReason(err), stopped, !stopped && final(err))
	if stopped {
		return errors.Join(errStopped, removed, back)
	}
	return errors.Join(fmt.Errorf("make part %d: %w", p.number, err), removed, back)
}

// settleTime bounds what is done of a part after its work has ended.
const settleTime = 30 * time.Second

func settling(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}

// store makes the part and stores it under the name.
func (p *part) store(ctx context.Context, helper *export.Helper, text []byte, name string) (*export.Made, error) {
	var spec export.Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, realmport.Errorf(realmport.Unsupported, "the specification of a part cannot be read: do all processes run the same version? (%w)", err)
	}
	if !helper.Makes(spec) {
		return nil, errEnded
	}
	if p.Prepare != nil {
		if err := p.Prepare(); err != nil {
			return nil, err
		}
	}
	out, err := p.Stock.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	made, err := helper.Make(ctx, spec, out)
	if err != nil {
		return nil, errors.Join(err, out.Abort())
	}
	p.at(StepPartStore)
	if err := out.Commit(); err != nil {
		return nil, errors.Join(err, out.Abort())
	}
	made.Name = name
	return made, nil
}

// finish tells the coordinator.
func (p *part) finish(ctx context.Context, made *export.Made) error {
	p.at(StepPartFinish)
	result, err := json.Marshal(made)
	if err != nil {
		return err
	}
	err = p.Parts.Finish(ctx, p.attempt, p.number, p.worker, result)
	if realmport.ErrorCode(err) == realmport.Conflict {
		return errLost
	}
	return err
}

// beat gives signs of life until ctx ends, and ends the work if the part is somebody else's. The returned channel is closed
// when it has stopped.
func (p *part) beat(ctx context.Context, stop context.CancelCauseFunc) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(p.Beat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := p.Parts.Beat(ctx, p.attempt, p.number, p.worker)
			if realmport.ErrorCode(err) == realmport.Conflict {
				stop(errLost)
			} else if err != nil && ctx.Err() == nil {
				// The database may come back. If it does not in time, another worker takes over, and this one sees it then.
				p.Log.Warn("sign of life not written", "part", p.number, "err", err)
			}
		}
	}()
	return done
}
