package pace

import (
	"sync"
	"time"
)

// Ages knows how long the snapshots that are open have been so. The zero Ages is ready; it is safe for concurrent use.
type Ages struct {
	mu   sync.Mutex
	open map[aged]struct{} // +checklocks:mu
}

// Oldest is how long the snapshot that has been open for longest has been so; 0 if none is open.
func (a *Ages) Oldest() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	var oldest time.Duration
	for s := range a.open {
		oldest = max(oldest, s.Age())
	}
	return oldest
}

// Open is how many snapshots are open.
func (a *Ages) Open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.open)
}

func (a *Ages) opened(s aged) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[aged]struct{}{}
	}
	a.open[s] = struct{}{}
}

func (a *Ages) closed(s aged) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, s)
}
