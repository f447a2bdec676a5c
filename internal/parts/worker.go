package parts

import (
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

	sessions sessions
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
	errUnable  = errors.New("not able to make parts of it")
)

// errShunned says that this process has found out, a moment ago, that it cannot help with an export.
var errShunned = errors.New("this process cannot help with the export")

// elsewhereTime is after how long another process is called for a part that this one cannot make.
const elsewhereTime = time.Second

// Do makes a part, unless it is made or somebody is at work on it. What went wrong is noted for the coordinator; the error is for the log.
// With again above zero this process cannot make the part, and another one shall be called for it after that time.
func (w *Worker) Do(ctx context.Context, attempt string, number int) (again time.Duration, err error) {
	w.at(StepPartClaim)
	s, err := w.sessions.open(ctx, w, attempt)
	switch {
	case errors.Is(err, errShunned):
		return elsewhereTime, nil
	case realmport.ErrorCode(err) == realmport.NotFound: // the attempt has ended
		return 0, nil
	case err != nil:
		return 0, err
	}
	defer w.sessions.release(s)
	worker := rand.Text()
	text, ok, err := w.Parts.Claim(ctx, attempt, number, worker, w.Stale)
	if err != nil || !ok {
		return 0, err
	}
	p := &part{Worker: w, attempt: attempt, number: number, worker: worker}
	err = p.do(ctx, s, text)
	switch code := realmport.ErrorCode(err); {
	case code == realmport.Unavailable || code == realmport.NotFound:
		w.sessions.spoil(s) // its connections may be those that broke
	case errors.Is(err, errUnable):
		w.Log.Error("this process cannot help with an export", "err", err)
		w.sessions.shun(attempt)
		return elsewhereTime, nil
	}
	return 0, err
}

// Close leaves all snapshots.
func (w *Worker) Close() { w.sessions.close() }

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
func (p *part) do(ctx context.Context, s *session, text []byte) error {
	p.at(StepPartMake)
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	beating := p.beat(work, stop)
	name := fmt.Sprintf("%s/%06d-%s", folderOf(p.attempt), p.number, p.worker)
	made, err := p.make(work, s, text, name)
	if cause := context.Cause(work); err != nil && cause != nil && ctx.Err() == nil {
		err = cause
	}
	stop(nil)
	<-beating

	// What comes now is brief, and is done even if the process is stopping.
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if err == nil {
		err = p.finish(settle, made)
	}
	if err == nil {
		p.at(StepPartDone)
		return nil
	}
	removed := p.Stock.Remove(settle, name)
	if errors.Is(err, errLost) {
		p.Log.Warn("a part was finished too late: somebody else makes it", "part", p.number)
		return removed
	}
	// What only this process cannot do is not the part's fault.
	stopped, unable := ctx.Err() != nil, errors.As(err, new(unableError))
	back := p.Parts.GiveBack(settle, p.attempt, p.number, p.worker, writeReason(err), stopped || unable, !stopped && !unable && final(err))
	if stopped {
		return errors.Join(errStopped, removed, back)
	}
	return errors.Join(fmt.Errorf("make part %d: %w", p.number, err), removed, back)
}

// unableError says why this process cannot make a part.
type unableError struct{ error }

// Unwrap returns the cause, and errUnable if it will be the same the next time.
func (e unableError) Unwrap() []error {
	if final(e.error) {
		return []error{errUnable, e.error}
	}
	return []error{e.error}
}

// settleTime bounds what is done of a part after its work has ended.
const settleTime = 30 * time.Second

// make makes the part and stores it under the name.
func (p *part) make(ctx context.Context, s *session, text []byte, name string) (*export.Made, error) {
	var spec export.Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, unableError{realmport.Errorf(realmport.Unsupported, "the specification of a part cannot be read: do all processes run the same version? (%w)", err)}
	}
	task, err := s.helper.Begin(ctx, spec)
	if err != nil {
		return nil, unableError{fmt.Errorf("join the snapshot of an export: %w", err)}
	}
	defer task.Close()
	if p.Prepare != nil {
		if err := p.Prepare(); err != nil {
			return nil, err
		}
	}
	out, err := p.Stock.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	made, err := task.Make(ctx, out)
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
