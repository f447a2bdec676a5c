package events

import (
	"time"

	"github.com/realmport/realmport/internal/clock"
)

// Clock tells the time and wakes up.
type Clock interface {
	Now() time.Time
	// AfterFunc calls fn, in a goroutine of its own, after d, unless stop was called before.
	AfterFunc(d time.Duration, fn func()) (stop func())
}

// System is the machine's clock.
type System struct{}

// Now returns the present time.
func (System) Now() time.Time { return clock.Now() }

// AfterFunc is time.AfterFunc.
func (System) AfterFunc(d time.Duration, fn func()) (stop func()) {
	timer := time.AfterFunc(d, fn)
	return func() { timer.Stop() }
}
