package exports

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/export"
)

// attempt is one attempt at an export.
type attempt struct {
	*Worker
	export *realmport.Export
	run    *realmport.Run
	owner  string
	began  time.Time
	left   int  // how many things are missing from the archive
	built  bool // it was noted that all is written: a successor may publish it
}

// do runs the attempt and settles how it ended.
func (a *attempt) do(ctx context.Context) (time.Duration, error) {
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	meter := &realmport.Meter{}
	beating := a.beat(work, stop, meter)
	err := a.work(work, meter)
	if cause := context.Cause(work); err != nil && cause != nil && ctx.Err() == nil {
		err = cause
	}
	stop(nil)
	<-beating

	// What comes now is brief, and is done even if the process is stopping.
	settle, cancel := lasting(ctx)
	defer cancel()
	switch {
	case err == nil:
		log := a.Log.With("export", a.export.ID, "realm", a.export.RealmID, "seconds", a.Now().Sub(a.began).Seconds())
		if a.left > 0 {
			log.Warn("export done, with something left out: its status and missing.json say what", "missing", a.left)
		} else {
			log.Info("export done")
		}
		return 0, a.Runs.Release(settle, a.export.ID, a.owner, "", false)
	case errors.Is(err, errLost):
		return a.Stale, errors.Join(err, a.yield(settle))
	case ctx.Err() != nil:
		clean := a.clean(settle)
		return retryAfter(1), errors.Join(err, clean, a.Runs.Release(settle, a.export.ID, a.owner, "", true))
	default:
		return a.failed(settle, err)
	}
}

// failed ends an attempt by an error: the export is tried again, or fails for good.
func (a *attempt) failed(ctx context.Context, err error) (time.Duration, error) {
	if cleaning := a.clean(ctx); cleaning != nil {
		a.Log.Error("files of a failed export are left", "export", a.export.ID, "error", cleaning)
	}
	reason, again := reasonOf(err), retryAfter(a.run.Attempt)
	log := a.Log.With("export", a.export.ID, "realm", a.export.RealmID, "attempt", a.run.Attempt, "error", err)
	if !errors.Is(err, errCancelled) && mayHelp(err) && a.run.Attempt < a.Policy.Attempts {
		log.Warn("attempt at an export failed", "again_in", again.String())
		return again, a.Runs.Release(ctx, a.export.ID, a.owner, reason, false)
	}
	if err := a.Runs.Release(ctx, a.export.ID, a.owner, reason, false); err != nil {
		return again, err
	}
	ok, err := a.Exports.Fail(ctx, a.export.ID, a.Now(), false)
	if err != nil {
		return again, err
	}
	log.Error("export failed")
	if ok {
		a.changed(ctx, a.export.RealmID)
	}
	return 0, nil
}

// reasonOf says why an export failed, to the administrators of its organization. They need not know the server's hosts and folders, which
// the error itself may name: that is for the log.
func reasonOf(err error) string {
	if errors.Is(err, errCancelled) || errors.Is(err, errExhausted) {
		return err.Error()
	}
	reason := "a fault of this server"
	switch realmport.ErrorCode(err) {
	case realmport.Unavailable:
		reason = "a database or storage of this server does not answer"
	case realmport.NotAllowed:
		reason = "this server does not let realmport read or write what it needs"
	case realmport.Unsupported:
		reason = "this server's version or data is not one that realmport can export"
	case realmport.NotFound:
		reason = "something that the export needs is not on this server"
	}
	return reason + "; its log says more"
}

// mayHelp tells whether trying again may end differently.
func mayHelp(err error) bool {
	switch realmport.ErrorCode(err) {
	case realmport.Invalid, realmport.NotFound, realmport.NotAllowed, realmport.Unsupported:
		return false
	default:
		return true
	}
}

// retryAfter is how long to wait after the n-th attempt: half a minute, then twice as long each time, up to half an hour.
func retryAfter(n int) time.Duration {
	return min(30*time.Second<<min(max(n-1, 0), 10), 30*time.Minute)
}

// beat writes the heartbeat with the progress until ctx ends, and ends the work if it shall not go on. The returned channel is
// closed when it has stopped.
func (a *attempt) beat(ctx context.Context, stop context.CancelCauseFunc, meter *realmport.Meter) <-chan struct{} {
	return clock.Every(ctx, a.Beat, func() {
		cancelled, err := a.Runs.Beat(ctx, a.export.ID, a.owner, meter.Progress())
		switch {
		case realmport.ErrorCode(err) == realmport.Conflict:
			stop(errLost)
		case err != nil && ctx.Err() == nil:
			// The database may come back. If it does not in time, another worker takes over, and this one sees it then.
			a.Log.Warn("heartbeat not written", "export", a.export.ID, "error", err)
		case cancelled:
			stop(errCancelled)
		}
	})
}

// work does what is to be done, from wherever the attempt before has left it.
func (a *attempt) work(ctx context.Context, meter *realmport.Meter) error {
	e := a.export
	a.at(StepStart)
	if a.run.Cancelled != "" {
		return errCancelled
	}
	ok, err := a.Exports.Start(ctx, e.ID, a.Now())
	if err != nil {
		return err
	}
	if !ok {
		return errCancelled
	}
	if a.run.Path != "" || a.run.Spool != "" {
		if done, err := a.adopt(ctx); done || err != nil {
			return err
		}
		if a.run.Attempt > 1 {
			a.Log.Info("the export starts over, with a new snapshot", "export", e.ID, "attempt", a.run.Attempt)
		}
	}
	// The reference does not count what ended before the row said that it was started.
	if a.run.Attempt > max(a.Policy.Attempts, 1) && !a.Policy.FailRedelivered {
		return errExhausted
	}
	realm, err := a.Directory.Realm(ctx, e.RealmID)
	if err != nil {
		return err
	}
	path, name := a.Place.NewPath(e.RealmID)
	spool := filepath.Join(a.Work, name+"-"+a.owner)
	if err := a.Runs.Plan(ctx, e.ID, a.owner, path, spool); err != nil {
		return taken(err)
	}
	a.run.Path, a.run.Spool = path, spool
	return a.write(ctx, realm, name, meter)
}

// adopt finishes what the attempt before has built and given its name, or removes what it has left.
func (a *attempt) adopt(ctx context.Context) (done bool, err error) {
	name, ok := a.Place.Archive(a.run.Path)
	if ok && a.run.Summary != nil {
		if ok, err = a.isOwn(ctx); err != nil {
			return false, err
		}
	}
	if ok && a.run.Summary != nil {
		file, err := a.Archives.Open(ctx, name)
		if err == nil {
			size := file.Size
			if err := file.Close(); err != nil {
				return false, err
			}
			if size == a.run.Summary.Bytes {
				a.Log.Info("export was written whole before its process ended", "export", a.export.ID)
				return true, a.finish(ctx, a.run.Summary)
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return false, a.discard(ctx, a.export, a.run.Path, a.run.Spool)
}

// isOwn tells whether an archive that was built is of the export's organization and type, as it always is unless ids came again.
func (a *attempt) isOwn(ctx context.Context) (bool, error) {
	realm, err := a.Directory.Realm(ctx, a.export.RealmID)
	if err != nil {
		return false, err
	}
	return a.run.Summary.Realm == realm.StringID && a.run.Summary.Type == a.export.Type.String(), nil
}

// write makes the archive and publishes it.
func (a *attempt) write(ctx context.Context, realm *realmport.Realm, name string, meter *realmport.Meter) error {
	a.at(StepWrite)
	if err := os.MkdirAll(a.run.Spool, 0o700); err != nil {
		return err
	}
	opts := a.Engine
	team, out, err := a.create(ctx)
	if err != nil {
		return err
	}
	if team != nil {
		opts.Team = team
		defer func() {
			settle, cancel := lasting(ctx)
			defer cancel()
			if err := team.Close(settle); err != nil {
				a.Log.Warn("parts of an export are left, and are removed later", "export", a.export.ID, "error", err)
			}
		}()
	}
	var missing []realmport.Missing
	if a.Prepare != nil {
		if err := a.Prepare(ctx, &opts); err != nil {
			return errors.Join(err, out.Abort())
		}
	}
	opts.Realm, opts.Type, opts.Name, opts.Output, opts.Spool, opts.Meter = realm.StringID, a.export.Type, name, out, a.run.Spool, meter
	opts.AllowUnusable = true // it was checked when it was asked for
	opts.Log = a.Log.With("export", a.export.ID)
	opts.Missing = func(m realmport.Missing) {
		if len(missing) < mostMissing {
			missing = append(missing, m)
		}
	}
	opts.Built = func(s *realmport.Summary) error {
		a.at(StepBuilt)
		s.Seconds = a.Now().Sub(a.began).Seconds()
		err := a.Runs.Built(ctx, a.export.ID, a.owner, s, missing)
		a.built = err == nil
		a.at(StepPublish)
		return taken(err)
	}
	summary, err := export.Run(ctx, opts)
	if err != nil {
		return errors.Join(err, out.Abort())
	}
	return a.finish(ctx, summary)
}

// create begins the archive, and names who makes its parts; nil if that is this process.
func (a *attempt) create(ctx context.Context) (Team, realmport.Output, error) {
	name, _ := a.Place.Archive(a.run.Path)
	if a.Team != nil {
		team, err := a.Team(ctx, a.export, a.owner)
		if err != nil {
			return nil, nil, err
		}
		if team != nil {
			stock, ok := a.Archives.(realmport.Stock)
			if !ok {
				return nil, nil, errors.New("a team needs a place that joins parts")
			}
			out, err := stock.CreateJoined(ctx, name)
			return team, out, err
		}
	}
	out, err := a.Archives.Create(ctx, name)
	return nil, out, err
}

// taken says so if somebody else has the export now.
func taken(err error) error {
	if realmport.ErrorCode(err) == realmport.Conflict {
		return errLost
	}
	return err
}

// finish writes the row, which makes the export a success, and tells of it.
func (a *attempt) finish(ctx context.Context, summary *realmport.Summary) error {
	a.at(StepFinish)
	a.left = 0
	for _, n := range summary.Missing {
		a.left += n
	}
	// What is published is told of, even if the process is stopping.
	ctx, cancel := lasting(ctx)
	defer cancel()
	stats, err := json.Marshal(summary)
	if err != nil {
		return err
	}
	// A worker that was paused for long must not publish what its successor has removed.
	if _, err := a.Runs.Beat(ctx, a.export.ID, a.owner, atTheEnd(summary)); err != nil {
		return taken(err)
	}
	if err := os.RemoveAll(a.run.Spool); err != nil {
		a.Log.Warn("temporary files are left", "export", a.export.ID, "error", err)
	}
	ok, message, err := a.Exports.Succeed(ctx, a.export.ID, realmport.Result{
		Path: a.run.Path, SHA256: summary.SHA256, Size: summary.Bytes, Stats: stats,
	}, a.Now())
	if err != nil {
		return err
	}
	if !ok {
		return errCancelled
	}
	a.at(StepTell)
	if message != 0 {
		if u, err := a.Directory.User(ctx, a.export.ActingUser); err != nil {
			a.Log.Warn("requester not told of their message", "export", a.export.ID, "error", err)
		} else {
			a.Notifier.MessageSent(u, message)
		}
	}
	a.changed(ctx, a.export.RealmID)
	return nil
}

// yield removes what the attempt wrote after another worker has taken the export over, but not what that one may publish.
func (a *attempt) yield(ctx context.Context) error {
	path := a.run.Path
	if a.built {
		run, err := a.Runs.Run(ctx, a.export.ID)
		if err != nil {
			return err
		}
		if run.Path == path { // it was not planned to write it anew
			path = ""
		}
	}
	return a.discard(ctx, a.export, path, a.run.Spool)
}

// atTheEnd is the progress of an export that is done.
func atTheEnd(s *realmport.Summary) realmport.Progress {
	return realmport.Progress{
		Phase: "done", Done: 1, Messages: s.Messages, MessagesTotal: s.Messages, Rows: s.Rows, Files: s.Files, FilesTotal: s.Files, Bytes: s.Bytes,
	}
}

// clean removes the files of the attempt, unless the row names them.
func (a *attempt) clean(ctx context.Context) error {
	e, err := a.Exports.Export(ctx, a.export.ID)
	if err != nil {
		return err
	}
	if e.Path != "" && e.Path == a.run.Path {
		return nil
	}
	return a.discard(ctx, e, a.run.Path, a.run.Spool)
}
