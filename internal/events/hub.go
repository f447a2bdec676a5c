package events

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"
)

// What may go wrong.
var (
	// ErrNoQueue says that the user has no such queue: unknown, expired, or somebody else's.
	ErrNoQueue = errors.New("no such event queue")
	// ErrPruned says that the event named as the last one seen is older than one that was acknowledged already.
	ErrPruned = errors.New("a newer event was acknowledged already")
	// ErrUnknown says that the event named as the last one seen was not in the queue.
	ErrUnknown = errors.New("the event was not in the queue")
	// ErrFull says that there are as many queues as there may be.
	ErrFull = errors.New("too many event queues")
)

// Lifetimes of queues that nobody waits for (api.md §3.5).
const (
	DefaultLifespan = 10 * time.Minute
	MaxLifespan     = 7 * 24 * time.Hour
	sweepEvery      = time.Minute
)

// Options bound a Hub. Zero values take the defaults.
type Options struct {
	Clock Clock // System
	// Queues is how many queues there may be in all (10,000), and QueuesPerUser how many one user may have (20): of
	// theirs the one that nobody has read for longest makes room for a new one.
	Queues, QueuesPerUser int
	// EventsPerQueue and BytesPerQueue are how much a queue holds (1,000 events, 4 MiB). One that would hold more is dropped, so
	// that its reader starts anew instead of missing events; a single event always fits.
	EventsPerQueue, BytesPerQueue int
	// Heartbeat is how long a reader waits before it is sent a heartbeat: 45 to 55 s by chance.
	Heartbeat func() time.Duration
}

// Event is something that happened. Data is its JSON object, without an id, and not changed any more.
type Event struct {
	Type string
	Data []byte
}

// Numbered is an event in a queue.
type Numbered struct {
	Event
	ID int64
}

// Append appends the event's JSON object, with its id as the last key.
func (n Numbered) Append(dst []byte) []byte {
	dst = append(dst, n.Data[:len(n.Data)-1]...)
	return fmt.Appendf(dst, `,"id":%d}`, n.ID)
}

// Hub holds the queues. It is safe for concurrent use.
type Hub struct {
	o Options

	mu     sync.Mutex
	queues map[string]*queue
	users  map[int64][]*queue // in the order of their making
	swept  time.Time
	closed bool
}

// New returns a Hub without queues.
func New(o Options) *Hub {
	if o.Clock == nil {
		o.Clock = System{}
	}
	if o.Heartbeat == nil {
		o.Heartbeat = func() time.Duration {
			n, _ := rand.Int(rand.Reader, big.NewInt(int64(10*time.Second))) // never fails
			return 45*time.Second + time.Duration(n.Int64())
		}
	}
	for _, d := range []struct {
		value    *int
		fallback int
	}{
		{&o.Queues, 10_000}, {&o.QueuesPerUser, 20}, {&o.EventsPerQueue, 1000}, {&o.BytesPerQueue, 4 << 20},
	} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	return &Hub{o: o, queues: map[string]*queue{}, users: map[int64][]*queue{}, swept: o.Clock.Now()}
}

// Registration asks for a queue.
type Registration struct {
	User, Realm int64
	// Types are the types of events that the user wants; nil for all. Heartbeats come anyway.
	Types []string
	// Lifespan is how long the queue lives while nobody waits for it: DefaultLifespan if not positive, at most MaxLifespan.
	Lifespan time.Duration
}

// Register makes a queue, whose first event has the id 0, and returns its id. It fails with ErrFull.
func (h *Hub) Register(r Registration) (string, error) {
	if r.Lifespan <= 0 {
		r.Lifespan = DefaultLifespan
	}
	r.Lifespan = min(r.Lifespan, MaxLifespan)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sweep()
	if own := h.users[r.User]; len(own) >= h.o.QueuesPerUser {
		h.drop(slices.MinFunc(own, func(a, b *queue) int { return a.lastRead(h.o.Clock.Now()).Compare(b.lastRead(h.o.Clock.Now())) }))
	}
	if len(h.queues) >= h.o.Queues || h.closed {
		return "", ErrFull
	}
	q := &queue{Registration: r, id: newID(), pruned: -1, read: h.o.Clock.Now()}
	h.add(q)
	return q.id, nil
}

// newID returns a random UUID of version 4.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Publish gives an event to the queues of these users that want its type.
func (h *Hub) Publish(to []int64, e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sweep()
	for _, user := range to {
		for _, q := range slices.Clone(h.users[user]) {
			if q.wants(e.Type) {
				h.push(q, e)
			}
		}
	}
}

// Delete removes a user's queue; whoever waits for it gets no events. It fails with ErrNoQueue.
func (h *Hub) Delete(user int64, id string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sweep()
	q, err := h.find(user, id)
	if err != nil {
		return err
	}
	h.drop(q)
	return nil
}

// Realms lists the organizations that have a queue for events of that type, in ascending order.
func (h *Hub) Realms(eventType string) []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sweep()
	var list []int64
	for _, q := range h.queues {
		if q.wants(eventType) {
			list = append(list, q.Realm)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Wanted tells whether somebody of the organization has a queue for events of that type.
func (h *Hub) Wanted(realm int64, eventType string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, q := range h.queues {
		if q.Realm == realm && q.wants(eventType) {
			return true
		}
	}
	return false
}

// Close ends everybody's waiting, with no events, and lets nobody wait or register any more. The queues stay, to be saved.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, q := range h.queues {
		q.end(nil, h.o.Clock.Now())
	}
}

// The methods below are called with the mutex held.

func (h *Hub) find(user int64, id string) (*queue, error) {
	q := h.queues[id]
	if q == nil || q.User != user {
		return nil, ErrNoQueue
	}
	return q, nil
}

func (h *Hub) add(q *queue) {
	h.queues[q.id] = q
	h.users[q.User] = append(h.users[q.User], q)
}

func (h *Hub) drop(q *queue) {
	delete(h.queues, q.id)
	own := slices.DeleteFunc(h.users[q.User], func(other *queue) bool { return other == q })
	if h.users[q.User] = own; len(own) == 0 {
		delete(h.users, q.User)
	}
	q.end(nil, h.o.Clock.Now())
}

// push adds an event to a queue and wakes up who waits for it, or drops the queue if it would hold too much.
func (h *Hub) push(q *queue, e Event) {
	if len(q.events) >= h.o.EventsPerQueue || len(q.events) > 0 && q.bytes+len(e.Data) > h.o.BytesPerQueue {
		h.drop(q)
		return
	}
	q.events = append(q.events, Numbered{Event: e, ID: q.next})
	q.next++
	q.bytes += len(e.Data)
	q.end(slices.Clone(q.events), h.o.Clock.Now())
}

// sweep drops the queues that nobody has read for too long. As in the reference it happens once a minute, so that a
// queue may live a minute longer than its lifespan.
func (h *Hub) sweep() {
	now := h.o.Clock.Now()
	if now.Sub(h.swept) < sweepEvery {
		return
	}
	h.swept = now
	for _, q := range h.queues {
		if q.waiter == nil && now.Sub(q.read) > q.Lifespan {
			h.drop(q)
		}
	}
}
