package exports

import (
	"context"
	"fmt"
	"sync"

	"github.com/realmport/realmport"
)

// toldExports remembers what administrators were told of their organizations' exports. Where several processes work, the one that
// clients listen to is not always the one that makes the export, so lists are compared with what they were.
type toldExports struct {
	mu   sync.Mutex
	seen map[int64]string // realm → which exports, in which status; +checklocks:mu
}

// knows tells whether an organization's exports are noted.
func (t *toldExports) knows(realmID int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, known := t.seen[realmID]
	return known
}

// swap notes an organization's exports, and tells whether they were the same.
func (t *toldExports) swap(realmID int64, list []realmport.Export) (same bool) {
	var b []byte
	for _, e := range list {
		b = fmt.Appendf(b, "%d:%d ", e.ID, e.Status)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[int64]string{}
	}
	before, known := t.seen[realmID]
	t.seen[realmID] = string(b)
	return known && before == string(b)
}

// NoteExports notes an organization's exports as somebody begins to listen, so that they are told of what changes from then on. It does nothing
// if they are noted already.
func (s *Service) NoteExports(ctx context.Context, realmID int64) error {
	defer s.telling.lock(realmID)()
	if s.told.knows(realmID) {
		return nil
	}
	list, err := s.Exports.List(ctx, realmID)
	if err == nil {
		s.told.swap(realmID, list)
	}
	return err
}

// WatchExports tells an organization's administrators of exports that another process has changed. The caller repeats it as long as somebody
// listens. If nothing is noted, as after a restart, they are told in any case: nobody knows what happened before.
func (s *Service) WatchExports(ctx context.Context, realmID int64) error {
	return s.tell(ctx, realmID, true)
}

// UnwatchExports forgets the organizations to whom nobody listens any more; keep tells who are watched.
func (s *Service) UnwatchExports(keep func(realmID int64) bool) {
	t := &s.told
	t.mu.Lock()
	defer t.mu.Unlock()
	for realm := range t.seen {
		if !keep(realm) {
			delete(t.seen, realm)
		}
	}
}

// changed tells the administrators of an organization which exports it has. What was changed is changed, whether
// they can be told or not.
func (s *Service) changed(ctx context.Context, realmID int64) {
	if !s.Notifier.ExportsWanted(realmID) {
		return
	}
	if err := s.tell(context.WithoutCancel(ctx), realmID, false); err != nil {
		s.Log.Error("administrators not told of an export", "realm", realmID, "error", err)
	}
}

// tell tells an organization's administrators of its exports; with unlessSame only if they changed since.
func (s *Service) tell(ctx context.Context, realmID int64, unlessSame bool) error {
	// The list that is read last is told last.
	defer s.telling.lock(realmID)()
	realm, err := s.Directory.Realm(ctx, realmID)
	if err != nil {
		return err
	}
	list, err := s.Exports.List(ctx, realmID)
	if err != nil {
		return err
	}
	to, err := s.Directory.Administrators(ctx, realmID)
	if err != nil {
		return err
	}
	if same := s.told.swap(realmID, list); same && unlessSame {
		return nil
	}
	s.Notifier.ExportsChanged(realm, list, to)
	return nil
}
