package pace

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// patience is how long one check may take.
const patience = 15 * time.Second

// Check says why reading should pause, or "" if it need not.
type Check func(context.Context) (reason string, err error)

// Gate makes all its users pause while a check has a reason to. The check runs only while somebody reads, in one of the readers. A check that fails
// changes nothing. A Gate is safe for concurrent use.
type Gate struct {
	check Check
	every time.Duration
	now   func() time.Time
	log   *slog.Logger

	mu       sync.Mutex
	next     time.Time     // when to check again; +checklocks:mu
	checking bool          // +checklocks:mu
	reason   string        // of the pause, or ""; +checklocks:mu
	since    time.Time     // of the pause; +checklocks:mu
	failing  bool          // the last check failed; +checklocks:mu
	changed  chan struct{} // closed after each check; +checklocks:mu
}

// NewGate makes a gate that asks check at most once in that time. It returns nil without a check, and a nil Gate is always open.
func NewGate(check Check, every time.Duration, now func() time.Time, log *slog.Logger) *Gate {
	if check == nil {
		return nil
	}
	return &Gate{check: check, every: every, now: now, log: log, changed: make(chan struct{})}
}

// Paused returns the reason of the present pause, or "".
func (g *Gate) Paused() string {
	if g == nil {
		return ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reason
}

// Wait returns when the gate is open, or with ctx's cause.
func (g *Gate) Wait(ctx context.Context) error {
	for g != nil {
		open, ask, until, changed := g.look()
		switch {
		case ctx.Err() != nil:
			if ask {
				g.leave()
			}
			return context.Cause(ctx)
		case ask:
			g.ask(ctx)
		case open:
			return nil
		default:
			if err := rest(ctx, until, changed); err != nil {
				return err
			}
		}
	}
	return nil
}

// look says whether the gate is open, whether it is the caller's turn to check, and else how long, or until what, to wait.
func (g *Gate) look() (open, ask bool, until time.Duration, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if !g.checking && !now.Before(g.next) {
		g.checking = true
		return false, true, 0, nil
	}
	until = patience // somebody else is at it
	if !g.checking {
		until = g.next.Sub(now)
	}
	return g.reason == "", false, until, g.changed
}

// leave lets somebody else check.
func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.checking = false
	g.wake()
}

// wake makes all who wait look again.
//
// +checklocks:g.mu
func (g *Gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// ask runs the check and takes note of what it says.
func (g *Gate) ask(ctx context.Context) {
	limited, cancel := context.WithTimeoutCause(ctx, patience, errors.New("the check of the server's load took too long"))
	defer cancel()
	reason, err := g.check(limited)
	if ctx.Err() != nil { // it says nothing of the server
		g.leave()
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.checking = false
	g.next = g.now().Add(g.every)
	g.note(reason, err)
	g.wake()
}

// note changes the state, and logs each change once.
//
// +checklocks:g.mu
func (g *Gate) note(reason string, err error) {
	if err != nil {
		if !g.failing {
			g.log.Warn("the server's load is unknown", "err", err)
		}
		g.failing = true
		return
	}
	g.failing = false
	switch {
	case g.reason == "" && reason != "":
		g.since = g.now()
		g.log.Warn("reading pauses for the server's sake", "reason", reason)
	case g.reason != "" && reason == "":
		g.log.Info("reading goes on", "paused", g.now().Sub(g.since))
	}
	g.reason = reason
}

// rest waits for a while, for a change, or for the end of ctx.
func rest(ctx context.Context, d time.Duration, changed <-chan struct{}) error {
	timer := time.NewTimer(max(d, time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-changed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
