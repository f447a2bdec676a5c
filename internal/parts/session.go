package parts

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/export"
)

const (
	// idleTime is how long a snapshot is kept when no part of its export is being made: the next may come at once, but the server
	// keeps old row versions for it.
	idleTime = time.Second
	// shunTime is how long a process does not try again to join an export that it cannot help with.
	shunTime = 30 * time.Second
)

// sessions are the snapshots that a process has joined, one per attempt. The zero sessions are ready.
type sessions struct {
	mu      sync.Mutex
	joined  map[string]*session  // by attempt; +checklocks:mu
	shunned map[string]time.Time // until when; +checklocks:mu
}

// session is a joined snapshot.
type session struct {
	attempt string
	ready   chan struct{} // closed when helper or err is set
	helper  *export.Helper
	err     error

	// The rest belongs to the lock of the sessions.
	users  int
	spoilt bool
	idle   *time.Timer
}

// open returns the session of an attempt, and joins its snapshot if need be. The caller releases it.
func (s *sessions) open(ctx context.Context, w *Worker, attempt string) (*session, error) {
	s.mu.Lock()
	if until, ok := s.shunned[attempt]; ok && clock.Now().Before(until) {
		s.mu.Unlock()
		return nil, realmport.Errorf(realmport.Unsupported, "this process cannot help with the export")
	}
	one := s.joined[attempt]
	first := one == nil
	if first {
		one = &session{attempt: attempt, ready: make(chan struct{})}
		if s.joined == nil {
			s.joined = map[string]*session{}
		}
		s.joined[attempt] = one
	}
	one.users++
	if one.idle != nil {
		one.idle.Stop()
	}
	s.mu.Unlock()
	if first {
		one.helper, one.err = join(ctx, w, attempt)
		close(one.ready)
		if realmport.ErrorCode(one.err) == realmport.Unsupported {
			w.Log.Error("this process cannot help with an export", "err", one.err)
			s.shun(attempt)
		}
	}
	<-one.ready
	if one.err != nil {
		s.spoil(one)
		s.release(one)
		return nil, one.err
	}
	return one, nil
}

// join reads the plan of an attempt and joins its snapshot.
func join(ctx context.Context, w *Worker, attempt string) (*export.Helper, error) {
	text, err := w.Parts.Plan(ctx, attempt, w.Stale)
	if err != nil {
		return nil, err
	}
	var plan export.Plan
	if err := json.Unmarshal(text, &plan); err != nil {
		return nil, realmport.Errorf(realmport.Unsupported, "the plan of an export cannot be read: do all processes run the same version? (%w)", err)
	}
	// A session is for all parts, so it does not end with the context of the first.
	helper, err := export.Join(context.WithoutCancel(ctx), w.Helper, plan)
	if realmport.ErrorCode(err) == realmport.NotFound {
		// The attempt had not ended a moment ago: what is left to do are files, for which the coordinator needs no snapshot any more.
		return export.JoinFiles(w.Helper, plan)
	}
	return helper, err
}

// shun notes that an export cannot be joined, and forgets old notes.
func (s *sessions) shun(attempt string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := clock.Now()
	for other, until := range s.shunned {
		if now.After(until) {
			delete(s.shunned, other)
		}
	}
	if s.shunned == nil {
		s.shunned = map[string]time.Time{}
	}
	s.shunned[attempt] = now.Add(shunTime)
}

// spoil takes a session away from whoever comes next.
func (s *sessions) spoil(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.spoilt = true
	if s.joined[one.attempt] == one {
		delete(s.joined, one.attempt)
	}
}

// release gives a session back. It is closed when nobody wants it for a while.
func (s *sessions) release(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.users--
	if one.users > 0 {
		return
	}
	if one.spoilt {
		closeHelper(one)
		return
	}
	one.idle = time.AfterFunc(idleTime, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if one.users == 0 && s.joined[one.attempt] == one {
			delete(s.joined, one.attempt)
			closeHelper(one)
		}
	})
}

// close closes all sessions that nobody uses.
func (s *sessions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for attempt, one := range s.joined {
		if one.users == 0 {
			delete(s.joined, attempt)
			closeHelper(one)
		}
	}
}

func closeHelper(one *session) {
	if one.helper != nil {
		_ = one.helper.Close() // reading is over: it does not matter how
		one.helper = nil
	}
}
