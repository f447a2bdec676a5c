package exports

import "sync"

// realmLocks let requests of one organization be decided one after another.
type realmLocks struct {
	mu sync.Mutex
	of map[int64]*sync.Mutex
}

// lock locks an organization. The caller calls the returned function.
func (l *realmLocks) lock(realmID int64) func() {
	l.mu.Lock()
	if l.of == nil {
		l.of = map[int64]*sync.Mutex{}
	}
	m := l.of[realmID]
	if m == nil {
		m = &sync.Mutex{}
		l.of[realmID] = m
	}
	l.mu.Unlock()
	m.Lock()
	return m.Unlock
}
