package parts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/export"
)

var (
	errLost    = errors.New("the part is somebody else's now")
	errStopped = errors.New("the worker was stopped")
	errUnable  = errors.New("not able to make parts of it")
	errDoubt   = errors.New("it is not known whether the part was still its worker's")
	errShunned = errors.New("this process has found out, a moment ago, that it cannot help with the export")
	// errEnded is of messages, for which the coordinator has its snapshot until all are read.
	errEnded = realmport.Errorf(realmport.Unavailable, "the snapshot of the export has ended before all was read from it, as when PostgreSQL is restarted")
)

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
	beating := p.beat(work, stop, s)
	name := fmt.Sprintf("%s/%06d-%s", folderOf(p.attempt), p.number, p.worker)
	made, err := p.make(work, s, text, name)
	if cause := context.Cause(work); err != nil && cause != nil && ctx.Err() == nil {
		err = cause
	}
	if err == nil {
		err = p.finish(ctx, made)
	}
	stop(nil)
	<-beating
	switch {
	case err == nil:
		p.at(StepPartDone)
		return nil
	case errors.Is(err, errLost):
		p.Log.Warn("a part was finished too late: somebody else makes it", "part", p.number)
		return p.remove(ctx, name)
	case errors.Is(err, errDoubt):
		return nil
	case made != nil:
		// It may be noted as made, without an answer: then it is the coordinator's, who removes it at the end in any case.
		return errors.Join(p.giveBack(ctx, err), fmt.Errorf("note part %d: %w", p.number, err))
	}
	back := p.giveBack(ctx, err)
	removed := p.remove(ctx, name)
	if ctx.Err() != nil {
		return errors.Join(errStopped, back, removed)
	}
	return errors.Join(fmt.Errorf("make part %d: %w", p.number, err), back, removed)
}

// settleTime bounds each thing that is done about a part after its work has ended, even if the process is stopping. A process that was paused
// meanwhile has time for them all the same.
const settleTime = 30 * time.Second

func settling(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}

// remove removes what was stored.
func (p *part) remove(ctx context.Context, name string) error {
	settle, cancel := settling(ctx)
	defer cancel()
	return p.Stock.Remove(settle, name)
}

// giveBack lets others make the part. What only this process cannot do, or was stopped from, is not the part's fault.
func (p *part) giveBack(ctx context.Context, err error) error {
	settle, cancel := settling(ctx)
	defer cancel()
	stopped, unable := ctx.Err() != nil, errors.As(err, new(unableError))
	return p.Parts.GiveBack(settle, p.attempt, p.number, p.worker, writeReason(err), stopped || unable, !stopped && !unable && final(err))
}

// final tells whether an error will be the same whoever tries again. What is not allowed to one may be to another, whose keys and clock are right.
func final(err error) bool {
	return realmport.ErrorCode(err) == realmport.Unsupported || realmport.ErrorCode(err) == realmport.Invalid || errors.Is(err, errEnded)
}

// unableError says why this process cannot make a part.
type unableError struct{ error }

// Unwrap returns the cause, and errUnable if it will be the same the next time.
func (e unableError) Unwrap() []error {
	switch realmport.ErrorCode(e.error) {
	case realmport.Invalid, realmport.NotAllowed, realmport.Unsupported:
		return []error{e.error, errUnable}
	default:
		return []error{e.error}
	}
}

// make makes the part and stores it under the name.
func (p *part) make(ctx context.Context, s *session, text []byte, name string) (*export.Made, error) {
	var spec export.Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, unableError{realmport.Errorf(realmport.Unsupported, "the specification of a part cannot be read: do all processes run the same version? (%w)", err)}
	}
	task, err := s.helper.Begin(ctx, spec)
	switch {
	case realmport.ErrorCode(err) == realmport.NotFound:
		return nil, errors.Join(errEnded, err)
	case err != nil:
		return nil, unableError{fmt.Errorf("join the snapshot of an export: %w", err)}
	}
	defer task.Close()
	if p.Prepare != nil {
		if err := p.Prepare(); err != nil {
			return nil, err
		}
	}
	// What is sent is not called back half-way: it could arrive after it was removed.
	out, err := p.Stock.Create(context.WithoutCancel(ctx), name)
	if err != nil {
		return nil, err
	}
	made, err := task.Make(ctx, out)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		if spec.Messages != nil && realmport.ErrorCode(err) == realmport.NotFound { // a further connection could not join
			err = errors.Join(errEnded, err)
		}
		return nil, errors.Join(err, out.Abort())
	}
	p.at(StepPartStore)
	if err := out.Commit(); err != nil {
		return nil, errors.Join(err, out.Abort())
	}
	made.Name = name
	if tagged, ok := out.(realmport.Tagged); ok {
		made.Tag = tagged.Tag()
	}
	return made, nil
}

// finish tells the coordinator. A try without an answer is repeated, which changes nothing if it was heard.
func (p *part) finish(ctx context.Context, made *export.Made) error {
	p.at(StepPartFinish)
	var result bytes.Buffer
	text := json.NewEncoder(&result)
	text.SetEscapeHTML(false) // records come to the archive as they are
	if err := text.Encode(made); err != nil {
		return err
	}
	settle, cancel := settling(ctx)
	defer cancel()
	tries := 0
	err := persist(settle, func() error {
		tries++
		return p.Parts.Finish(settle, p.attempt, p.number, p.worker, result.Bytes())
	})
	switch {
	case realmport.ErrorCode(err) != realmport.Conflict:
		return err
	case tries > 1: // the first may have been heard, and its result taken
		return errDoubt
	default:
		return errLost
	}
}

// persistTime bounds how long something is tried again.
const persistTime = 2 * time.Minute

// persist calls fn until it does not fail by something that may pass, with growing pauses, for as long as persistTime or until ctx ends.
func persist(ctx context.Context, fn func() error) error {
	ctx, cancel := context.WithTimeout(ctx, persistTime)
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := fn()
		switch code := realmport.ErrorCode(err); {
		case err == nil, code != realmport.Unavailable && code != realmport.Internal:
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// beat gives signs of life until ctx ends, and ends the work if the part is somebody else's. The returned channel is closed
// when it has stopped.
func (p *part) beat(ctx context.Context, stop context.CancelCauseFunc, s *session) <-chan struct{} {
	return clock.Every(ctx, min(p.Beat, s.stale/4), func() {
		err := p.Parts.Beat(ctx, p.attempt, p.number, p.worker)
		if realmport.ErrorCode(err) == realmport.Conflict {
			stop(errLost)
		} else if err != nil && ctx.Err() == nil {
			// The database may come back. If it does not in time, another worker takes over, and this one sees it then.
			p.Log.Warn("sign of life not written", "part", p.number, "error", err)
		}
	})
}
