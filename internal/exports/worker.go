package exports

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/export"
)

// Worker does the work on exports. Any number of them, in any number of processes, may be given the same export: one does it.
type Worker struct {
	*Service
	// Engine is what all exports have in common; the worker sets what is the export's own.
	Engine export.Options
	// Prepare completes the options before each attempt, with what may have changed since the last one; it may be nil.
	Prepare func(context.Context, *export.Options) error
	// Team returns who makes the parts of an attempt of that name. It may be nil, or return nil: then they are made here.
	Team func(ctx context.Context, e *realmport.Export, attempt string) (Team, error)
	// Work is a folder for temporary files. Each attempt has a folder of its own in it.
	Work string
	// Beat is how often the heartbeat is written, and Stale how old it is when the worker counts as dead.
	Beat, Stale time.Duration
	// ServerLimit and RealmLimit are how many exports are at work at once, of all organizations and of one, over all processes; 0 for
	// no limit. The others wait for their turn (realmport.Claim).
	ServerLimit, RealmLimit int
	// Slots is how many exports this process works on at once; 0 means 1.
	Slots int
	// At is called at each step that a crash may come before, for tests; it may be nil.
	At func(step string)
}

// Team makes the parts of an attempt, on several machines.
type Team interface {
	export.Team
	// Close ends the attempt and removes what its parts left. It is called once, after everything else, Begin or not.
	Close(ctx context.Context) error
}

// The steps of the work, in their order, as At is told of them.
const (
	StepClaim   = "claim"   // nothing was done yet
	StepStart   = "start"   // the attempt is noted, the row is still as requested
	StepWrite   = "write"   // the row says started, nothing is written
	StepBuilt   = "built"   // all is written, without the final name
	StepPublish = "publish" // it was noted that all is written
	StepFinish  = "finish"  // the archive has its name, the row does not say so yet
	StepTell    = "tell"    // the row says succeeded, nobody was told
)

// Causes of the end of an attempt's context.
var (
	errCancelled = realmport.Errorf(realmport.Interrupted, "the export was cancelled")
	errExhausted = realmport.Errorf(realmport.NotAllowed, "it was begun as often as it may be, and each time its process ended without an error, "+
		"as when memory runs out")
	errLost = realmport.Errorf(realmport.Conflict, "another worker has taken the export over")
)

// turnEvery is how often an export that waits asks for its turn.
const turnEvery = time.Second

// mostMissing is how many of the missing things the state of an export lists; the archive's missing.json lists all.
const mostMissing = 1000

// Do makes one attempt at an export. With again > 0 the caller shall call it again after that time. An error is told for the
// log; how the export itself fared is logged already. If ctx ends, as when the process is asked to stop, the attempt does not count and the caller shall
// see to it that Do is called again.
func (w *Worker) Do(ctx context.Context, id int64) (again time.Duration, err error) {
	w.at(StepClaim)
	e, err := w.Exports.Export(ctx, id)
	if realmport.ErrorCode(err) == realmport.NotFound {
		return 0, errors.Join(err, w.Runs.Forget(ctx, id)) // its organization is gone
	}
	if err != nil {
		return retryAfter(1), err
	}
	if w.Policy.FailRedelivered && e.Status != realmport.Requested {
		return 0, w.failRedelivered(ctx, e)
	}
	if !e.Status.Pending() {
		return 0, w.tidy(ctx, e)
	}
	owner := rand.Text()
	run, verdict, err := w.Runs.Claim(ctx, realmport.Claim{
		ExportID: id, RealmID: e.RealmID, Owner: owner, Stale: w.Stale, ServerLimit: w.ServerLimit, RealmLimit: w.RealmLimit,
		Free: max(w.Slots-int(w.working.Load()), 1),
	})
	switch {
	case err != nil:
		return retryAfter(1), err
	case verdict == realmport.Busy:
		return w.Stale, nil // see whether they end it
	case verdict == realmport.NoRoom:
		return turnEvery, nil
	}
	w.working.Add(1)
	defer w.working.Add(-1)
	a := &attempt{Worker: w, export: e, run: run, owner: owner, began: w.Now()}
	return a.do(ctx)
}

func (w *Worker) at(step string) {
	if w.At != nil {
		w.At(step)
	}
}

// failRedelivered is what the reference does to an export whose job comes twice.
func (w *Worker) failRedelivered(ctx context.Context, e *realmport.Export) error {
	w.Log.Error("export failed: its job was delivered twice", "export", e.ID, "realm", e.RealmID)
	if err := w.tidy(ctx, e); err != nil {
		return err
	}
	if _, err := w.Exports.Fail(ctx, e.ID, w.Now(), true); err != nil {
		return err
	}
	w.changed(ctx, e.RealmID)
	return nil
}

// tidy removes what a worker that was killed may have left of an export that has ended.
func (w *Worker) tidy(ctx context.Context, e *realmport.Export) error {
	run, err := w.Runs.Run(ctx, e.ID)
	if err != nil {
		return err
	}
	if err := w.discard(ctx, e, run.Path, run.Spool); err != nil {
		return err
	}
	if run.Owner == "" {
		return w.Runs.Leave(ctx, e.ID)
	}
	return w.Runs.Release(ctx, e.ID, run.Owner, "", false)
}

// discard removes the files of an attempt, but never the archive that the export's row names.
func (w *Worker) discard(ctx context.Context, e *realmport.Export, path, spool string) error {
	var errs []error
	if path != "" && (path != e.Path || e.Status == realmport.Deleted) {
		if name, ok := w.Place.Archive(path); ok {
			errs = append(errs, w.Archives.Remove(ctx, name))
		}
	}
	// Of another machine's folder there is nothing here to remove.
	if spool != "" && filepath.Dir(spool) == filepath.Clean(w.Work) {
		errs = append(errs, os.RemoveAll(spool))
	}
	return errors.Join(errs...)
}
