package events

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/realmport/realmport"
)

// savedVersion is the form of what Save writes.
const savedVersion = 1

// saved is the form of all queues in a file. Only Save and Load know it.
type saved struct {
	Version int          `json:"version"`
	Queues  []savedQueue `json:"queues"`
}

type savedQueue struct {
	ID       string       `json:"id"`
	User     int64        `json:"user"`
	Realm    int64        `json:"realm"`
	Types    []string     `json:"types"` // null for all
	Lifespan int64        `json:"lifespan_seconds"`
	Next     int64        `json:"next"`
	Pruned   int64        `json:"pruned"`
	Events   []savedEvent `json:"events"`
}

type savedEvent struct {
	ID   int64           `json:"id"`
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// Save writes all queues. They hold links to archives: who can read what was written can download.
func (h *Hub) Save(w io.Writer) error {
	h.mu.Lock()
	h.sweep()
	s := saved{Version: savedVersion}
	for _, id := range slices.Sorted(maps.Keys(h.queues)) {
		q := h.queues[id]
		sq := savedQueue{
			ID: q.id, User: q.User, Realm: q.Realm, Types: q.Types, Lifespan: int64(q.Lifespan / time.Second), Next: q.next, Pruned: q.pruned,
		}
		for _, e := range q.events {
			sq.Events = append(sq.Events, savedEvent{ID: e.ID, Type: e.Type, Data: e.Data})
		}
		s.Queues = append(s.Queues, sq)
	}
	h.mu.Unlock()
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(s)
}

// Load adds the queues that Save wrote; their lifetimes begin anew. It fails with Invalid, and then adds none.
func (h *Hub) Load(r io.Reader) error {
	var s saved
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return realmport.Errorf(realmport.Invalid, "saved event queues cannot be read: %w", err)
	}
	if s.Version != savedVersion {
		return realmport.Errorf(realmport.Invalid, "saved event queues have the version %d; this realmport reads version %d", s.Version, savedVersion)
	}
	now := h.o.Clock.Now()
	var queues []*queue
	for _, sq := range s.Queues {
		q, err := sq.queue(now)
		if err != nil {
			return realmport.Errorf(realmport.Invalid, "saved event queue of user %d: %w", sq.User, err)
		}
		queues = append(queues, q)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, q := range queues {
		known := h.queues[q.id] != nil
		large := len(q.events) > h.o.EventsPerQueue || q.bytes > h.o.BytesPerQueue
		if known || large || len(h.queues) >= h.o.Queues || len(h.users[q.User]) >= h.o.QueuesPerUser {
			continue // its reader registers anew
		}
		h.add(q)
	}
	return nil
}

func (s *savedQueue) queue(now time.Time) (*queue, error) {
	life := time.Duration(min(max(s.Lifespan, 1), int64(MaxLifespan/time.Second))) * time.Second
	q := &queue{
		Registration: Registration{User: s.User, Realm: s.Realm, Types: s.Types, Lifespan: life},
		id:           s.ID, next: s.Next, pruned: s.Pruned, read: now,
	}
	last := s.Pruned
	for _, e := range s.Events {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(e.Data, &object); err != nil || len(object) == 0 {
			return nil, fmt.Errorf("the event %d is not an object", e.ID)
		}
		if e.ID <= last || e.ID >= s.Next {
			return nil, fmt.Errorf("the event %d is out of order", e.ID)
		}
		last = e.ID
		q.events = append(q.events, Numbered{Event: Event{Type: e.Type, Data: e.Data}, ID: e.ID})
		q.bytes += len(e.Data)
	}
	if s.ID == "" || s.Pruned < -1 || s.Next <= s.Pruned {
		return nil, fmt.Errorf("its numbers do not fit: next %d, acknowledged %d", s.Next, s.Pruned)
	}
	return q, nil
}
