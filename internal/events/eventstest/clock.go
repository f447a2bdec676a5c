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
	set     int // how many there ever were
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
	c.set++
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

// Set is how many timers were set so far, those that are over too.
func (c *Clock) Set() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.set
}

// Await waits until so many timers are set at the same time, or ctx ends.
func (c *Clock) Await(ctx context.Context, timers int) error {
	return c.await(ctx, func() bool { return len(c.timers) >= timers })
}

// AwaitSet waits until so many timers were set, as Set counts them, or ctx ends.
func (c *Clock) AwaitSet(ctx context.Context, timers int) error {
	return c.await(ctx, func() bool { return c.set >= timers })
}

func (c *Clock) await(ctx context.Context, is func() bool) error {
	for {
		c.mu.Lock()
		done, changed := is(), c.changed
		c.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
