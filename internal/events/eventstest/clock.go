// Package eventstest is a clock that tests turn by hand.
package eventstest

import (
	"context"
	"sync"
	"time"

	"github.com/realmport/realmport/internal/events"
)

// Clock stands still until it is advanced.
type Clock struct {
	mu sync.Mutex
	// changed is closed, and replaced, when a timer was set.
	changed chan struct{}
	now     time.Time
	timers  map[*timer]struct{}
}

var _ events.Clock = (*Clock)(nil)

type timer struct {
	at time.Time
	fn func()
}

// New returns a clock that shows that time.
func New(now time.Time) *Clock {
	return &Clock{changed: make(chan struct{}), now: now, timers: map[*timer]struct{}{}}
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc calls fn when the clock has been advanced so far.
func (c *Clock) AfterFunc(d time.Duration, fn func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{at: c.now.Add(d), fn: fn}
	c.timers[t] = struct{}{}
	close(c.changed)
	c.changed = make(chan struct{})
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.timers, t)
	}
}

// Advance turns the clock, and calls what became due, one after another in no order.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var due []func()
	for t := range c.timers {
		if !t.at.After(c.now) {
			delete(c.timers, t)
			due = append(due, t.fn)
		}
	}
	c.mu.Unlock()
	for _, fn := range due {
		fn()
	}
}

// Await waits until so many timers are set, or ctx ends.
func (c *Clock) Await(ctx context.Context, timers int) error {
	for {
		c.mu.Lock()
		n, changed := len(c.timers), c.changed
		c.mu.Unlock()
		if n >= timers {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
