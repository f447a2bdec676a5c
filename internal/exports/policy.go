package exports

import (
	"context"
	"time"

	"github.com/realmport/realmport"
)

// Policy says which exports are made. Zero values of limits mean none.
type Policy struct {
	MaxMessages    int64
	MaxUploadBytes int64
	PerWeek        int  // exports of one organization in 7 days
	CountFailed    bool // failed exports count towards PerWeek, too
	OwnersOnly     bool // other administrators may not ask
	// Full lets owners ask for full exports, which do not ask the members for consent.
	Full bool
	// ResendWindow is how long the same request by the same user gives the same pending export.
	ResendWindow time.Duration
	// Attempts is how often the work on an export is begun before it fails; 0 means 1.
	Attempts int
	// FailRedelivered fails an export whose job comes a second time, whatever it was, as the reference does (api.md §1.7).
	FailRedelivered bool
	// Contact is the server administrator's address, named in refusals.
	Contact string
}

// week is the window of Policy.PerWeek, and mostFailed how many times as many there may be with those that failed or were cancelled:
// their rows and their work are not for nothing.
const (
	week       = 7 * 24 * time.Hour
	mostFailed = 10
)

// admit checks the limits in their documented order (api.md §1.3).
func (s *Service) admit(ctx context.Context, u *realmport.User, t realmport.ExportType, now time.Time) error {
	p := s.Policy
	if t == realmport.Full && (!p.Full || u.Role != realmport.Owner) {
		return realmport.Errorf(realmport.NotAllowed, "Must be an organization owner, of an organization whose policy allows exports without consent")
	}
	if p.PerWeek > 0 {
		n, err := s.Exports.CountSince(ctx, u.RealmID, now.Add(-week), p.CountFailed)
		if err != nil {
			return err
		}
		if n >= p.PerWeek {
			return refusal("Exceeded rate limit.", "exports_per_week", int64(p.PerWeek), int64(n))
		}
		if n, err = s.Exports.CountSince(ctx, u.RealmID, now.Add(-week), true); err != nil {
			return err
		}
		if most := mostFailed * p.PerWeek; n >= most {
			return refusal("Exceeded rate limit.", "exports_per_week_with_failed", int64(most), int64(n))
		}
	}
	if p.MaxMessages > 0 || p.MaxUploadBytes > 0 {
		usage, err := s.Directory.Usage(ctx, u.RealmID)
		if err != nil {
			return err
		}
		large := "Please request a manual export from " + p.Contact + "."
		if p.MaxMessages > 0 && usage.Messages > p.MaxMessages {
			return refusal(large, "max_messages", p.MaxMessages, usage.Messages)
		}
		if p.MaxUploadBytes > 0 && usage.UploadBytes > p.MaxUploadBytes {
			return refusal(large, "max_upload_bytes", p.MaxUploadBytes, usage.UploadBytes)
		}
	}
	if t == realmport.Full {
		return nil
	}
	ok, err := s.Directory.Usable(ctx, u.RealmID, t)
	switch {
	case err != nil || ok:
		return err
	case t == realmport.Standard:
		return realmport.Errorf(realmport.Invalid, "Make sure at least one Organization Owner is consenting to the export or contact %s for help.", p.Contact)
	default:
		return realmport.Errorf(realmport.Invalid, "Make sure at least one Organization Owner allows other Administrators "+
			"to see their email address or contact %s for help", p.Contact)
	}
}

// refusal is the documented message with the limit that was reached.
func refusal(message, limit string, value, present int64) error {
	return &realmport.Error{
		Code: realmport.Invalid, Message: message,
		Details: map[string]any{"limit": limit, "value": value, "present": present},
	}
}
