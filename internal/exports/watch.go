package exports

import (
	"context"
	"sync"

	"github.com/realmport/realmport"
)

// consentWatch knows the consents of organizations whose administrators want to hear of changes. On a Zulip server it is
// Zulip that changes them, so they are compared with what they were.
type consentWatch struct {
	mu   sync.Mutex
	seen map[int64]map[int64]realmport.Consent // realm → user
}

// WatchConsents begins, or goes on, to tell an organization's administrators of changed consents (api.md §3.5). The caller
// repeats it as long as somebody listens.
func (s *Service) WatchConsents(ctx context.Context, realmID int64) error {
	return s.consents.check(ctx, s, realmID)
}

// UnwatchConsents forgets the organizations to whom nobody listens any more; keep tells who are watched.
func (s *Service) UnwatchConsents(keep func(realmID int64) bool) {
	w := &s.consents
	w.mu.Lock()
	defer w.mu.Unlock()
	for realm := range w.seen {
		if !keep(realm) {
			delete(w.seen, realm)
		}
	}
}

// check compares the consents with those seen before, and tells of those that changed and of people who came back.
// Of an organization that was not watched nothing is told.
func (w *consentWatch) check(ctx context.Context, s *Service, realmID int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	list, err := s.Directory.Consents(ctx, realmID)
	if err != nil {
		return err
	}
	before := w.seen[realmID]
	now := make(map[int64]realmport.Consent, len(list))
	var changed []realmport.Consent
	for _, c := range list {
		now[c.UserID] = c
		if was, known := before[c.UserID]; known && c.Active && (c.Consented != was.Consented || !was.Active) {
			changed = append(changed, c)
		}
	}
	var to []int64
	if len(changed) > 0 {
		if to, err = s.Directory.Administrators(ctx, realmID); err != nil {
			return err
		}
	}
	if w.seen == nil {
		w.seen = map[int64]map[int64]realmport.Consent{}
	}
	w.seen[realmID] = now
	for _, c := range changed {
		s.Notifier.ConsentChanged(c, to)
	}
	return nil
}
