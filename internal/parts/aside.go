package parts

import (
	"fmt"
	"sync"
	"time"

	"github.com/realmport/realmport/internal/clock"
)

// A process may fail at parts that others can make: its disk is full, its clock or its keys are such that S3 refuses it, it does not reach the
// source. It fails fast, so it would be the first to ask for the next part, and use up the tries of them all. So it rests a little after a failure, and
// leaves the part at which it failed to others for longer.
const (
	firstRest = time.Second
	mostRest  = 5 * time.Second
	asideTime = 30 * time.Second
)

// Aside is the error of a worker that has done nothing about a part, which somebody else shall be called for.
type Aside struct{ why string }

// Error implements error.
func (a *Aside) Error() string { return a.why }

// ForOthers says to the queue that the job goes back to it, for whoever comes next.
func (*Aside) ForOthers() {}

// failures are what a process has failed at of late. The zero failures are ready.
type failures struct {
	mu    sync.Mutex
	rest  time.Duration        // the last one; +checklocks:mu
	until time.Time            // of it; +checklocks:mu
	parts map[string]time.Time // until when they are for others; +checklocks:mu
}

func partName(attempt string, number int) string { return fmt.Sprint(attempt, "/", number) }

// aside tells why a part is for others at present; nil if it is not.
func (f *failures) aside(attempt string, number int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := clock.Now()
	if now.Before(f.until) {
		return &Aside{"this process rests after it failed at a part"}
	}
	if now.Before(f.parts[partName(attempt, number)]) {
		return &Aside{"this process has failed at the part before"}
	}
	return nil
}

// failed notes a failure.
func (f *failures) failed(attempt string, number int, aside time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := clock.Now()
	if !now.Before(f.until) { // of several at the same time, the first counts
		f.rest = min(max(2*f.rest, firstRest), mostRest)
		f.until = now.Add(f.rest)
	}
	if f.parts == nil {
		f.parts = map[string]time.Time{}
	}
	for name, until := range f.parts {
		if now.After(until) {
			delete(f.parts, name)
		}
	}
	f.parts[partName(attempt, number)] = now.Add(aside)
}

// worked notes that the process can make parts.
func (f *failures) worked() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rest = 0
}
