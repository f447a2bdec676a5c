package exports

import (
	"context"
	"sync"

	"github.com/realmport/realmport"
)

// consentWatch knows the consents of organizations whose administrators want to hear of changes. On a Zulip server it is
// Zulip that changes them, so they are compared with what they were.
type consentWatch struct {
	realms realmLocks // while an organization's are compared
	mu     sync.Mutex
	seen   map[int64]map[int64]realmport.Consent // realm → user; +checklocks:mu
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

// swap notes an organization's consents, and returns those noted before.
func (w *consentWatch) swap(realmID int64, now map[int64]realmport.Consent) (before map[int64]realmport.Consent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = map[int64]map[int64]realmport.Consent{}
	}
	before = w.seen[realmID]
	w.seen[realmID] = now
	return before
}

// check compares the consents with those seen before, and tells of those that changed and of people who came back.
// Of an organization that was not watched nothing is told.
func (w *consentWatch) check(ctx context.Context, s *Service, realmID int64) error {
	defer w.realms.lock(realmID)()
	list, err := s.Directory.Consents(ctx, realmID)
	if err != nil {
		return err
	}
	// Before anything is noted: what could not be told is told the next time.
	to, err := s.Directory.Administrators(ctx, realmID)
	if err != nil {
		return err
	}
	now := make(map[int64]realmport.Consent, len(list))
	for _, c := range list {
		now[c.UserID] = c
	}
	before := w.swap(realmID, now)
	for _, c := range list {
		if was, known := before[c.UserID]; known && c.Active && (c.Consented != was.Consented || !was.Active) {
			s.Notifier.ConsentChanged(c, to)
		}
	}
	return nil
}
