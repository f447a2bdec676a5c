// Package exports is what the HTTP API, the web page and the command line call: who may ask for an export, which limits
// hold, what may be done with one; and the work on it, from the request to the published archive.
//
// The export's row (realmport.Exports) is the truth. A job queue only runs the work; the work's state
// (realmport.Runs) carries a heartbeat, so that what fell silent is taken up again.
package exports

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/realmport/realmport"
)

// Queue runs the work on exports, on this machine or another.
type Queue interface {
	// Enqueue lets a worker take up the export soon. What is queued or running already is not queued twice.
	Enqueue(ctx context.Context, exportID int64) error
	// Cancel interrupts the worker that runs the export, wherever it is. It does nothing if none does.
	Cancel(ctx context.Context, exportID int64) error
}

// Notifier tells users what happened, by events. It does not block, and what fails it logs.
type Notifier interface {
	// ExportsChanged tells the users in to which exports their organization has.
	ExportsChanged(realm *realmport.Realm, list []realmport.Export, to []int64)
	// ExportsWanted tells whether anybody of the organization listens for that.
	ExportsWanted(realmID int64) bool
	ConsentChanged(c realmport.Consent, to []int64)
	// SettingChanged tells a user of their own setting.
	SettingChanged(userID int64, property string, value bool)
	// MessageSent tells a user of a direct message from the Notification Bot.
	MessageSent(to *realmport.User, messageID int64)
}

// Service is what users may do with exports. All methods take the user who asks, logged in already.
type Service struct {
	Directory realmport.Directory
	Exports   realmport.Exports
	Runs      realmport.Runs
	Archives  realmport.Archives
	Place     Place // of the archives
	// Former are places where archives were before, from which they are deleted too.
	Former   []Former
	Queue    Queue
	Notifier Notifier
	Policy   Policy
	Now      func() time.Time
	Log      *slog.Logger
	// Later runs what an answer need not wait for. It may be nil: then the answer waits.
	Later func(func())

	realms  realmLocks // while it is decided what an organization may have
	telling realmLocks // while its administrators are told
	// consents and exports are what the watchers saw last; see watch.go and tell.go.
	consents consentWatch
	told     toldExports
	working  atomic.Int32 // exports that this process works on
}

// changeTime bounds what is done even if who asked for it does not wait.
const changeTime = 30 * time.Second

// lasting returns a context that does not end with another: what changes several things in turn is not left half done because a client
// went away.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), changeTime)
}

// administrator refuses everybody else (api.md §1.1).
func administrator(u *realmport.User) error {
	if !u.Role.Administers() {
		return realmport.Errorf(realmport.NotAllowed, "Must be an organization administrator")
	}
	return nil
}

// Create asks for an export and returns its id. Refusals have the documented messages (api.md §1.3), and in
// their details the limit, its value and the present one.
func (s *Service) Create(ctx context.Context, u *realmport.User, t realmport.ExportType) (int64, error) {
	if err := administrator(u); err != nil {
		return 0, err
	}
	if s.Policy.OwnersOnly && u.Role != realmport.Owner {
		return 0, realmport.Errorf(realmport.NotAllowed, "Must be an organization owner")
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	id, created, err := s.create(ctx, u, t)
	if err != nil || !created {
		return id, err
	}
	s.Log.Info("export requested", "export", id, "realm", u.RealmID, "type", t.String(), "user", u.ID)
	s.changed(ctx, u.RealmID)
	asked := s.Now()
	enqueue := func() {
		ctx, cancel := lasting(ctx)
		defer cancel()
		if err := errors.Join(s.forgetEarlier(ctx, id, asked), s.Runs.Wait(ctx, id, u.RealmID), s.Queue.Enqueue(ctx, id)); err != nil {
			// The row stands: the reaper enqueues it.
			s.Log.Warn("export not queued yet", "export", id, "error", err)
		}
	}
	if s.Later == nil {
		enqueue()
	} else {
		s.Later(enqueue)
	}
	return id, nil
}

// clockError is how far the clocks of machines that work together may be apart.
const clockError = 10 * time.Minute

// forgetEarlier forgets the work on another export that had the same id: ids come again where the organizations' database was restored
// from a backup.
func (s *Service) forgetEarlier(ctx context.Context, id int64, asked time.Time) error {
	run, err := s.Runs.Run(ctx, id)
	if err != nil || run.Started.IsZero() && run.Cancelled == "" || run.Started.After(asked.Add(-clockError)) {
		return err
	}
	return s.Runs.Forget(ctx, id)
}

// create decides and adds the row; or finds the one that the same request made a moment ago.
func (s *Service) create(ctx context.Context, u *realmport.User, t realmport.ExportType) (id int64, created bool, err error) {
	defer s.realms.lock(u.RealmID)()
	now := s.Now()
	if s.Policy.ResendWindow > 0 {
		if id, err := s.resent(ctx, u, t, now); err != nil || id != 0 {
			return id, false, err
		}
	}
	if err := s.admit(ctx, u, t, now); err != nil {
		return 0, false, err
	}
	id, err = s.Exports.Create(ctx, realmport.NewExport{RealmID: u.RealmID, Type: t, ActingUser: u.ID, Now: now})
	return id, err == nil, err
}

// resent finds the pending export that this user asked for within the window: clients repeat a request whose answer they
// did not get (api.md §5).
func (s *Service) resent(ctx context.Context, u *realmport.User, t realmport.ExportType, now time.Time) (int64, error) {
	list, err := s.Exports.List(ctx, u.RealmID)
	if err != nil {
		return 0, err
	}
	for _, e := range list {
		if e.ActingUser == u.ID && e.Type == t && e.Status.Pending() && now.Sub(e.Requested) < s.Policy.ResendWindow {
			return e.ID, nil
		}
	}
	return 0, nil
}

// List returns the organization's exports, by id.
func (s *Service) List(ctx context.Context, u *realmport.User) ([]realmport.Export, error) {
	if err := administrator(u); err != nil {
		return nil, err
	}
	return s.Exports.List(ctx, u.RealmID)
}

// Consents lists which of the organization's active people consent to the export of their private data.
func (s *Service) Consents(ctx context.Context, u *realmport.User) ([]realmport.Consent, error) {
	if err := administrator(u); err != nil {
		return nil, err
	}
	list, err := s.Directory.Consents(ctx, u.RealmID)
	return slices.DeleteFunc(list, func(c realmport.Consent) bool { return !c.Active }), err
}

// find returns an export of the user's organization.
func (s *Service) find(ctx context.Context, u *realmport.User, id int64) (*realmport.Export, error) {
	if err := administrator(u); err != nil {
		return nil, err
	}
	e, err := s.Exports.Export(ctx, id)
	if realmport.ErrorCode(err) == realmport.NotFound || err == nil && e.RealmID != u.RealmID {
		return nil, realmport.Errorf(realmport.NotFound, "Invalid data export ID")
	}
	return e, err
}

// Delete removes an export's archive and marks its row (api.md §1.6). What is not there to be deleted is Invalid.
func (s *Service) Delete(ctx context.Context, u *realmport.User, id int64) error {
	ctx, cancel := lasting(ctx)
	defer cancel()
	e, err := s.find(ctx, u, id)
	if err != nil {
		return err
	}
	if err := deletable(e.Status); err != nil {
		return err
	}
	// The archive first: a row that says deleted while the link still works would be a lie; the other way round the
	// request can be repeated.
	if err := s.remove(ctx, e); err != nil {
		return err
	}
	ok, err := s.Exports.Delete(ctx, id, u.ID, s.Now())
	if err != nil {
		return err
	}
	if !ok { // somebody else was faster
		if e, err = s.Exports.Export(ctx, id); err != nil {
			return err
		}
		return deletable(e.Status)
	}
	s.Log.Info("export deleted", "export", id, "realm", u.RealmID, "user", u.ID)
	s.changed(ctx, u.RealmID)
	return nil
}

// Former is a place where archives were.
type Former struct {
	Place    Place
	Archives realmport.Archives
}

// remove removes an archive from wherever it may be.
func (s *Service) remove(ctx context.Context, e *realmport.Export) error {
	known := false
	for _, f := range append([]Former{{s.Place, s.Archives}}, s.Former...) {
		name, ok := f.Place.Archive(e.Path)
		if !ok {
			continue
		}
		known = true
		if err := f.Archives.Remove(ctx, name); err != nil {
			return err
		}
	}
	if !known {
		s.Log.Warn("the archive of an export that is deleted is in a place that is not configured: only its row is marked", "export", e.ID)
	}
	return nil
}

func deletable(status realmport.ExportStatus) error {
	switch status {
	case realmport.Succeeded:
		return nil
	case realmport.Deleted, realmport.FromPriorServer:
		return realmport.Errorf(realmport.Invalid, "Export already deleted")
	case realmport.Failed:
		return realmport.Errorf(realmport.Invalid, "Export failed, nothing to delete")
	default:
		return realmport.Errorf(realmport.Invalid, "Export still in progress")
	}
}

// Status is everything that is known of one export.
type Status struct {
	Export realmport.Export
	Run    realmport.Run
}

// Status returns what is known of one export.
func (s *Service) Status(ctx context.Context, u *realmport.User, id int64) (*Status, error) {
	e, err := s.find(ctx, u, id)
	if err != nil {
		return nil, err
	}
	run, err := s.Runs.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	if run.Cancelled != "" && e.Status == realmport.Failed {
		run.Reason = run.Cancelled
	}
	return &Status{Export: *e, Run: *run}, nil
}

// Cancel ends a pending export: it fails with the reason that it was cancelled. What is not pending is Invalid.
func (s *Service) Cancel(ctx context.Context, u *realmport.User, id int64) error {
	ctx, cancel := lasting(ctx)
	defer cancel()
	e, err := s.find(ctx, u, id)
	if err != nil {
		return err
	}
	if !e.Status.Pending() {
		return realmport.Errorf(realmport.Invalid, "Export is not in progress")
	}
	if !e.Ours() {
		return realmport.Errorf(realmport.Invalid, "Export is made by the Zulip server itself, and cannot be cancelled")
	}
	if err := s.Runs.Cancel(ctx, id, "cancelled by "+u.String()); err != nil {
		return err
	}
	ok, err := s.Exports.Fail(ctx, id, s.Now(), false)
	if err != nil {
		return err
	}
	if !ok {
		return realmport.Errorf(realmport.Invalid, "Export is not in progress")
	}
	s.Log.Info("export cancelled", "export", id, "realm", u.RealmID, "user", u.ID)
	if err := s.Queue.Cancel(ctx, id); err != nil {
		s.Log.Warn("the worker was not interrupted; it will see it at its next heartbeat", "export", id, "error", err)
	}
	s.changed(ctx, u.RealmID)
	return nil
}

// SetConsent changes the user's own consent, for people only (api.md §6).
func (s *Service) SetConsent(ctx context.Context, u *realmport.User, consents bool) error {
	if u.Bot != realmport.Human {
		return realmport.Errorf(realmport.Invalid, "This endpoint does not accept bot requests.")
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	changed, err := s.Directory.SetConsent(ctx, u.ID, consents, s.Now())
	if err != nil || !changed {
		return err
	}
	s.Notifier.SettingChanged(u.ID, "allow_private_data_export", consents)
	return s.consents.check(ctx, s, u.RealmID)
}
