package parts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/export"
)

const (
	// idleTime is how long a session is kept when no part of its export is being made: the next may come at once, but the server
	// keeps old row versions for its snapshot.
	idleTime = time.Second
	// shunTime is how long a process does not try again to help with an export that it cannot help with.
	shunTime = 30 * time.Second
)

// sessions are what a process knows of the exports that it helps with, one per attempt. The zero sessions are ready.
type sessions struct {
	mu      sync.Mutex
	known   map[string]*session  // by attempt; +checklocks:mu
	shunned map[string]time.Time // until when; +checklocks:mu
}

// session is a helper of one export. What can change belongs to the lock of the sessions.
type session struct {
	attempt string
	helper  *export.Helper
	stale   time.Duration // how long the coordinator bears the silence of a worker
	users   int
	spoilt  bool
	idle    *time.Timer
}

// open returns the session of an attempt. The caller releases it.
func (s *sessions) open(ctx context.Context, w *Worker, attempt string) (*session, error) {
	if one, err := s.find(attempt); one != nil || err != nil {
		return one, err
	}
	text, err := w.Parts.Plan(ctx, attempt, silentTime)
	if err != nil {
		return nil, err
	}
	var plan plan
	if err := json.Unmarshal(text, &plan); err != nil || plan.Stale < leastStale {
		err = realmport.Errorf(realmport.Unsupported, "the plan of an export cannot be read: do all processes run the same version? (%w)",
			errors.Join(err, fmt.Errorf("stale is %s", plan.Stale)))
		return nil, s.unable(w, attempt, err)
	}
	if plan.Place != w.Stock.Place() {
		return nil, s.unable(w, attempt, realmport.Errorf(realmport.Unsupported, "the coordinator of the export joins parts in %s, and this process keeps its archives in %s: "+
			"configure both alike", plan.Place, w.Stock.Place()))
	}
	helper, err := export.NewHelper(w.Helper, plan.Plan)
	if err != nil {
		return nil, s.unable(w, attempt, err)
	}
	return s.keep(&session{attempt: attempt, helper: helper, stale: plan.Stale}), nil
}

// plan is what a coordinator tells its workers.
type plan struct {
	export.Plan
	Place string        // of the bucket with the parts
	Stale time.Duration // how long a silent worker keeps a part
}

// leastStale is the shortest silence that a coordinator can be meant to bear.
const leastStale = 100 * time.Millisecond

// silentTime is how long a coordinator may be silent before nobody begins to help it any more. It is ended by those who share its settings.
const silentTime = 10 * time.Minute

// find returns the session that there is; nil if there is none.
func (s *sessions) find(attempt string) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until, ok := s.shunned[attempt]; ok && clock.Now().Before(until) {
		return nil, errShunned
	}
	one := s.known[attempt]
	if one != nil {
		one.use()
	}
	return one, nil
}

// keep notes a new session, unless somebody was faster.
func (s *sessions) keep(one *session) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.known[one.attempt]; other != nil {
		one = other
	} else {
		if s.known == nil {
			s.known = map[string]*session{}
		}
		s.known[one.attempt] = one
	}
	one.use()
	return one
}

// use is called with the lock of the sessions.
func (one *session) use() {
	one.users++
	if one.idle != nil {
		one.idle.Stop()
		one.idle = nil
	}
}

// unable says, once, that this process cannot help with an export.
func (s *sessions) unable(w *Worker, attempt string, err error) error {
	w.Log.Error("this process cannot help with an export", "error", err)
	s.shun(attempt)
	return errShunned
}

// shun notes that this process cannot help with an export, and forgets old notes.
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
	if s.known[one.attempt] == one {
		delete(s.known, one.attempt)
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
		one.helper.Close()
		return
	}
	one.idle = time.AfterFunc(idleTime, func() { s.drop(one) })
}

// drop closes a session that nobody uses.
func (s *sessions) drop(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one.users == 0 && s.known[one.attempt] == one {
		delete(s.known, one.attempt)
		one.helper.Close()
	}
}

// close closes all sessions that nobody uses.
func (s *sessions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for attempt, one := range s.known {
		if one.users == 0 {
			delete(s.known, attempt)
			one.helper.Close()
		}
	}
}
