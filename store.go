package realmport

import (
	"context"
	"encoding/json"
	"time"
)

// ExportStatus is where an export is in its life. The values are Zulip's own.
type ExportStatus int

// The statuses (api.md §1.4). An export that is Succeeded, Failed or Deleted never goes back.
const (
	Requested ExportStatus = 1
	Started   ExportStatus = 2
	Succeeded ExportStatus = 3
	Failed    ExportStatus = 4
	Deleted   ExportStatus = 5
	// FromPriorServer is a row that an import brought along, without an archive; since Zulip 12.
	FromPriorServer ExportStatus = 6
)

// Pending tells whether the export is still to be made.
func (s ExportStatus) Pending() bool { return s == Requested || s == Started }

// Export is an export that somebody asked for: a row of zerver_realmexport. Times that are not
// set are zero.
type Export struct {
	ID      int64
	RealmID int64
	Type    ExportType
	Status  ExportStatus
	// ActingUser asked for it; 0 if it was made on the command line, or the user is gone.
	ActingUser int64

	Requested, Started, Succeeded, Failed, Deleted time.Time

	// Path of the archive below the server's root, from its slash on: "/user_avatars/exports/...". Set once succeeded.
	Path   string
	SHA256 string // hex
	Size   int64  // bytes
	// Stats are an object of counts once succeeded. Before, OwnStats in a row that realmport made.
	Stats json.RawMessage
}

// OwnStats marks, from its creation, a pending export as realmport's to make. On a Zulip server others are Zulip's own, which
// fails what somebody else has started (api.md §1.7).
const OwnStats = `{"engine": "realmport"}`

// Ours tells whether a pending export is realmport's to make.
func (e *Export) Ours() bool {
	var mark struct{ Engine string }
	return json.Unmarshal(e.Stats, &mark) == nil && mark.Engine == "realmport"
}

// Directory knows the organizations and users of a server. Lookups fail with NotFound.
type Directory interface {
	Realm(ctx context.Context, id int64) (*Realm, error)
	RealmByStringID(ctx context.Context, stringID string) (*Realm, error)
	// UserByKey finds the user with this API key, which is compared exactly.
	UserByKey(ctx context.Context, key string) (*User, error)
	User(ctx context.Context, id int64) (*User, error)
	// Consents lists the people of an organization, guests and deactivated ones too, without bots, by id.
	Consents(ctx context.Context, realmID int64) ([]Consent, error)
	// Administrators lists the ids of an organization's active human administrators and owners.
	Administrators(ctx context.Context, realmID int64) ([]int64, error)
	// Usable tells whether somebody could use an export: for Standard, whether an owner is among the consenting users; for
	// Public, whether an owner's address is visible to administrators (api.md §1.3, 3a and 3b).
	Usable(ctx context.Context, realmID int64, t ExportType) (bool, error)
	// Usage says how much the organization has (api.md §1.3).
	Usage(ctx context.Context, realmID int64) (Usage, error)
	// SetConsent changes a user's setting allow_private_data_export, with its audit row 132, and tells whether it was different.
	// NotAllowed if the organization is not realmport's to write.
	SetConsent(ctx context.Context, userID int64, consents bool, now time.Time) (changed bool, err error)
}

// Usage is how much an organization has, as Zulip counts it: from its daily statistics.
type Usage struct {
	Messages    int64 // of all kinds, ever sent
	UploadBytes int64
}

// Exports keeps the rows of exports. All changes of one call are one transaction.
type Exports interface {
	// Create adds a row with the status Requested and OwnStats, and returns its id.
	Create(ctx context.Context, e NewExport) (int64, error)
	// Export fails with NotFound.
	Export(ctx context.Context, id int64) (*Export, error)
	// ByPath finds the succeeded export whose archive has this path. It fails with NotFound.
	ByPath(ctx context.Context, path string) (*Export, error)
	// List returns an organization's exports that a user asked for, by id.
	List(ctx context.Context, realmID int64) ([]Export, error)
	// CountSince counts an organization's exports that were requested at that time or later, the command line's too;
	// failed ones only if they shall count.
	CountSince(ctx context.Context, realmID int64, since time.Time, failed bool) (int, error)
	// Pending lists the pending exports of all organizations that are realmport's to make, by id.
	Pending(ctx context.Context) ([]Export, error)

	// The following change a row only if its status is one of those named, and tell whether it was.

	// Start: Requested or Started → Started.
	Start(ctx context.Context, id int64, now time.Time) (bool, error)
	// Succeed: Started → Succeeded, with the audit row 206 and, where the organization is realmport's to write, the Notification
	// Bot's message to the acting user (api.md §1.8), whose id it returns; 0 for none.
	Succeed(ctx context.Context, id int64, r Result, now time.Time) (ok bool, messageID int64, err error)
	// Fail: Requested or Started → Failed; with evenEnded, also Succeeded, Failed and Deleted, as the reference does to an export
	// whose job comes twice.
	Fail(ctx context.Context, id int64, now time.Time, evenEnded bool) (bool, error)
	// Delete: Succeeded → Deleted, with the audit row 230.
	Delete(ctx context.Context, id, actingUser int64, now time.Time) (bool, error)
}

// NewExport is what Exports.Create needs to know.
type NewExport struct {
	RealmID    int64
	Type       ExportType
	ActingUser int64
	Now        time.Time
}

// Result is what a finished archive is.
type Result struct {
	Path   string
	SHA256 string
	Size   int64
	Stats  json.RawMessage
}

// Runs keeps what realmport knows of the work on an export, beside Zulip's row of it: who works on it, whether they are alive, how far
// they are. It may be in another database than the organizations.
type Runs interface {
	// Claim makes Owner the one who works on the export, as attempt number Attempt of the returned run, unless somebody
	// else is at it whose heartbeat is not older than Stale, or it is not the export's turn; then the verdict says so. The returned run has the
	// Path and Spool that the attempt before left, for cleaning up, or for finishing what it had Built.
	Claim(ctx context.Context, c Claim) (*Run, Verdict, error)
	// Wait notes that an export waits for its turn, from now on if it did not already. It is repeated within Stale of the claims for as
	// long as the export waits. It does nothing for one that somebody is at work on, or that was cancelled.
	Wait(ctx context.Context, exportID, realmID int64) error
	// Leave notes that an export waits no more, as it has ended. A claim that is granted, Release, Cancel and Forget do so, too.
	Leave(ctx context.Context, exportID int64) error
	// Beat writes the heartbeat and the progress. It fails with Conflict if owner is not at work on it any more, and tells whether
	// cancelling was asked for.
	Beat(ctx context.Context, exportID int64, owner string, p Progress) (cancelled bool, err error)
	// Plan notes where the attempt is going to write, before it does. It fails with Conflict like Beat.
	Plan(ctx context.Context, exportID int64, owner, path, spool string) error
	// Built notes that the whole archive is written, before it gets its final name at Path. It fails with Conflict like Beat.
	Built(ctx context.Context, exportID int64, owner string, s *Summary, missing []Missing) error
	// Release ends an attempt. With a reason the work has failed for that reason; uncounted does not count the attempt,
	// as when the process was asked to stop. It does nothing if owner is not at work on it.
	Release(ctx context.Context, exportID int64, owner, reason string, uncounted bool) error
	// Cancel asks whoever works on the export to stop, now or as soon as they start; reason says who asked.
	Cancel(ctx context.Context, exportID int64, reason string) error
	// Run returns what is known; an empty Run if nothing was done yet.
	Run(ctx context.Context, exportID int64) (*Run, error)
	// Silent lists the exports somebody was at work on whose heartbeat is older than stale, by id.
	Silent(ctx context.Context, stale time.Duration) ([]int64, error)
	// Forget removes what is known of an export.
	Forget(ctx context.Context, exportID int64) error
}

// Claim is the wish to work on an export.
type Claim struct {
	ExportID, RealmID int64
	Owner             string
	Stale             time.Duration
	// ServerLimit and RealmLimit are how many exports may be at work at once, of all organizations and of this one, whoever works on
	// them; 0 for no limit. Those whose heartbeat is older than Stale do not count.
	ServerLimit, RealmLimit int
	// Free is how many exports the claiming process could begin now, this one among them. If as many others have their turn before it, they go
	// first, whatever the limits. 0 if that is not known.
	Free int
}

// Verdict is what becomes of a claim.
type Verdict uint8

// The verdicts. After NoRoom the export is one of those that wait, and has its turn if it is claimed again every few seconds.
const (
	Claimed Verdict = iota + 1
	Busy            // somebody else is at work on it
	NoRoom          // as many are at work as may be, or others have waited for longer
)

// Run is the work on an export.
type Run struct {
	ExportID  int64
	RealmID   int64
	Attempt   int    // of the present or last one; from 1
	Owner     string // "" if nobody is at work
	Heartbeat time.Time
	Started   time.Time // when the present or last attempt began
	Path      string    // as Result.Path, of the present or last attempt; "" if none was planned
	Spool     string    // folder of temporary files
	Cancelled string    // who asked to cancel; ""
	Reason    string    // why the last attempt failed; ""
	Progress  Progress
	Summary   *Summary // once built
	Missing   []Missing
}
