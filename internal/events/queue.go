package events

import (
	"context"
	"slices"
	"time"
)

// HeartbeatType is the type of the event that a waiting reader gets now and then, whatever types it asked for.
const HeartbeatType = "heartbeat"

// queue is what a reader has not acknowledged yet. It is guarded by its hub's mutex.
type queue struct {
	Registration
	id     string
	next   int64 // the id of the next event
	pruned int64 // the newest acknowledged event's id; -1 at first
	events []Numbered
	bytes  int       // of the events' data
	waiter *waiter   // nil if nobody waits
	read   time.Time // when somebody last asked for events or stopped waiting
}

// waiter is a reader who waits.
type waiter struct {
	events []Numbered // set before done is closed
	done   chan struct{}
}

func (q *queue) wants(eventType string) bool {
	return eventType == HeartbeatType || q.Types == nil || slices.Contains(q.Types, eventType)
}

// lastRead is when the queue was last of use to somebody.
func (q *queue) lastRead(now time.Time) time.Time {
	if q.waiter != nil {
		return now
	}
	return q.read
}

// end lets the waiter, if there is one, go with these events.
func (q *queue) end(list []Numbered, now time.Time) {
	if q.waiter == nil {
		return
	}
	q.waiter.events = list
	close(q.waiter.done)
	q.waiter, q.read = nil, now
}

// acknowledge drops the events up to last. It fails with ErrPruned or ErrUnknown; in the latter case the events up to last are
// gone nevertheless, as in the reference.
func (q *queue) acknowledge(last int64) error {
	if last < q.pruned {
		return ErrPruned
	}
	n := 0
	for n < len(q.events) && q.events[n].ID <= last {
		q.pruned = q.events[n].ID
		q.bytes -= len(q.events[n].Data)
		n++
	}
	q.events = slices.Delete(q.events, 0, n)
	if last != q.pruned {
		return ErrUnknown
	}
	return nil
}

// Events acknowledges a queue's events up to the id last, -1 for none, and returns the others. If there are none and wait is
// set, it waits for the next one, or for a heartbeat, or until somebody else waits for the queue, who then gets the events.
// It fails with ErrNoQueue, ErrPruned or ErrUnknown, or as ctx does.
func (h *Hub) Events(ctx context.Context, user int64, id string, last int64, wait bool) (list []Numbered, waited bool, err error) {
	h.mu.Lock()
	h.sweep()
	q, err := h.find(user, id)
	if err == nil {
		q.read = h.o.Clock.Now()
		err = q.acknowledge(last)
	}
	if err != nil || len(q.events) > 0 || !wait || h.closed {
		if err == nil {
			list = slices.Clone(q.events)
		}
		h.mu.Unlock()
		return list, false, err
	}
	q.end(nil, h.o.Clock.Now())
	w := &waiter{done: make(chan struct{})}
	q.waiter = w
	h.mu.Unlock()

	stop := h.o.Clock.AfterFunc(h.o.Heartbeat(), func() { h.heartbeat(q, w) })
	defer stop()
	select {
	case <-w.done:
		return w.events, true, nil
	case <-ctx.Done():
		h.mu.Lock()
		defer h.mu.Unlock()
		if q.waiter == w {
			q.end(nil, h.o.Clock.Now())
		}
		return nil, true, context.Cause(ctx)
	}
}

// heartbeat ends w's waiting, if it still waits.
func (h *Hub) heartbeat(q *queue, w *waiter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if q.waiter == w {
		h.push(q, Event{Type: HeartbeatType, Data: []byte(`{"type":"heartbeat"}`)})
	}
}
