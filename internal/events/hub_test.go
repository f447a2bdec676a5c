package events_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport/internal/events"
	"github.com/realmport/realmport/internal/events/eventstest"
)

var start = time.Date(2026, time.March, 3, 9, 30, 0, 0, time.UTC)

// world is a hub with a clock turned by hand.
type world struct {
	*events.Hub
	t     *testing.T
	clock *eventstest.Clock
}

func newWorld(t *testing.T, change func(*events.Options)) *world {
	t.Helper()
	w := &world{t: t, clock: eventstest.New(start)}
	o := events.Options{Clock: w.clock}
	if change != nil {
		change(&o)
	}
	w.Hub = events.New(o)
	return w
}

func (w *world) register(user int64, types ...string) string {
	w.t.Helper()
	id, err := w.Register(events.Registration{User: user, Realm: user / 10, Types: types})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) publish(eventType string, to ...int64) {
	w.Publish(to, events.Event{Type: eventType, Data: fmt.Appendf(nil, `{"type":%q}`, eventType)})
}

// ids are the events of a queue after last, as "type id" words.
func (w *world) ids(user int64, id string, last int64) string {
	w.t.Helper()
	list, waited, err := w.Events(w.t.Context(), user, id, last, false)
	if err != nil || waited {
		w.t.Fatalf("got waited %t, error %v", waited, err)
	}
	return words(list)
}

func words(list []events.Numbered) string {
	var s []string
	for _, e := range list {
		s = append(s, fmt.Sprint(e.Type, " ", e.ID))
	}
	return strings.Join(s, ", ")
}

// answer is what a waiting reader got.
type answer struct {
	list   string
	waited bool
	err    error
}

// wait starts to wait for events, and returns when the reader waits. Another reader may end by that, and its timer with it.
func (w *world) wait(ctx context.Context, user int64, id string, last int64) <-chan answer {
	w.t.Helper()
	set := w.clock.Set()
	got := make(chan answer, 1)
	go func() {
		list, waited, err := w.Events(ctx, user, id, last, true)
		got <- answer{words(list), waited, err}
	}()
	patient, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	if err := w.clock.AwaitSet(patient, set+1); err != nil {
		w.t.Fatal(err)
	}
	return got
}

func TestAcknowledging(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	q := w.register(11)
	steps := []struct {
		publish int
		last    int64
		want    string
		err     error
	}{
		{0, -1, "", nil},
		{0, 0, "", events.ErrUnknown},
		{3, -1, "a 0, a 1, a 2", nil},
		{0, -1, "a 0, a 1, a 2", nil}, // not acknowledged
		{0, 0, "a 1, a 2", nil},
		{0, 0, "a 1, a 2", nil}, // repeating is fine
		{0, -1, "", events.ErrPruned},
		{0, 1, "a 2", nil},
		{0, 7, "", events.ErrUnknown}, // has emptied the queue
		{0, 2, "", nil},
		{1, 2, "a 3", nil},
		{0, -7, "", events.ErrPruned},
	}
	for i, s := range steps {
		for range s.publish {
			w.publish("a", 11)
		}
		list, _, err := w.Events(t.Context(), 11, q, s.last, false)
		if got := words(list); got != s.want || !errors.Is(err, s.err) {
			t.Fatalf("step %d: got %q, %v, want %q, %v", i, got, err, s.want, s.err)
		}
	}
}

func TestWhoGetsWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	all, some, none, other := w.register(11), w.register(11, "b"), w.register(11, "unknown"), w.register(12)
	w.publish("a", 11)
	w.publish("b", 11, 12, 13)
	for _, c := range []struct {
		user int64
		id   string
		want string
	}{{11, all, "a 0, b 1"}, {11, some, "b 0"}, {11, none, ""}, {12, other, "b 0"}} {
		if got := w.ids(c.user, c.id, -1); got != c.want {
			t.Errorf("user %d: got %q, want %q", c.user, got, c.want)
		}
	}
	for _, c := range []struct {
		user int64
		id   string
	}{{12, all}, {11, "q"}, {11, ""}} {
		if _, _, err := w.Events(t.Context(), c.user, c.id, -1, false); !errors.Is(err, events.ErrNoQueue) {
			t.Errorf("queue %q of user %d: got %v, want none", c.id, c.user, err)
		}
	}
	if diff := cmp.Diff([]int64{1}, w.Realms("b")); diff != "" {
		t.Error(diff)
	}
	if got := w.Realms(events.HeartbeatType); len(got) != 1 {
		t.Errorf("got realms %v, want one", got)
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	q := w.register(11, "a")

	got := w.wait(t.Context(), 11, q, -1)
	w.publish("b", 11) // not wanted
	w.publish("a", 11)
	if a := <-got; a != (answer{"a 0", true, nil}) {
		t.Errorf("got %+v, want the event", a)
	}
	// A heartbeat comes after 45 to 55 s, whatever types are wanted.
	got = w.wait(t.Context(), 11, q, 0)
	w.clock.Advance(45*time.Second - 1)
	select {
	case a := <-got:
		t.Fatalf("got %+v too early", a)
	default:
	}
	w.clock.Advance(10*time.Second + 1)
	if a := <-got; a != (answer{"heartbeat 1", true, nil}) {
		t.Errorf("got %+v, want a heartbeat", a)
	}
	// The second reader ends the waiting of the first, who gets nothing.
	first := w.wait(t.Context(), 11, q, 1)
	second := w.wait(t.Context(), 11, q, 1)
	if a := <-first; a != (answer{"", true, nil}) {
		t.Errorf("got %+v, want no events", a)
	}
	w.publish("a", 11)
	if a := <-second; a != (answer{"a 2", true, nil}) {
		t.Errorf("got %+v, want the event", a)
	}
	// So does deleting the queue.
	last := w.wait(t.Context(), 11, q, 2)
	if err := w.Delete(11, q); err != nil {
		t.Fatal(err)
	}
	if a := <-last; a != (answer{"", true, nil}) {
		t.Errorf("got %+v, want no events", a)
	}
	if err := w.Delete(11, q); !errors.Is(err, events.ErrNoQueue) {
		t.Errorf("deleted twice: got %v", err)
	}
}

func TestReaderGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	q := w.register(11)
	ctx, cancel := context.WithCancel(t.Context())
	got := w.wait(ctx, 11, q, -1)
	cancel()
	if a := <-got; !errors.Is(a.err, context.Canceled) {
		t.Errorf("got %+v, want the context's error", a)
	}
	w.publish("a", 11)
	if got := w.ids(11, q, -1); got != "a 0" {
		t.Errorf("got %q, want the event", got)
	}
}

func TestLifespan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	usual := w.register(11)
	long, err := w.Register(events.Registration{User: 11, Lifespan: 1000 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	alive := func(id string) bool {
		_, _, err := w.Events(t.Context(), 11, id, -1, false)
		return err == nil
	}
	w.clock.Advance(599 * time.Second)
	if !alive(usual) { // which makes it live longer
		t.Error("a queue died too early")
	}
	w.clock.Advance(661 * time.Second)
	if alive(usual) {
		t.Error("a queue lives too long")
	}
	w.clock.Advance(events.MaxLifespan - time.Hour)
	if !alive(long) {
		t.Error("the long queue died too early")
	}
	w.clock.Advance(events.MaxLifespan + time.Minute + 1)
	if alive(long) {
		t.Error("the long queue lives too long")
	}
	// A queue does not die while somebody waits.
	q := w.register(11)
	got := w.wait(t.Context(), 11, q, -1)
	w.clock.Advance(50 * time.Minute)
	<-got // a heartbeat, by now
	if !alive(q) {
		t.Error("a queue died while somebody waited")
	}
	if got := w.Realms("a"); len(got) != 1 {
		t.Errorf("got realms %v, want one", got)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *events.Options) { o.Queues, o.QueuesPerUser, o.EventsPerQueue, o.BytesPerQueue = 3, 2, 3, 100 })
	a, b := w.register(11), w.register(11)
	w.clock.Advance(time.Second)
	w.ids(11, a, -1) // b is now the one that was not read for longest
	c := w.register(11)
	if _, _, err := w.Events(t.Context(), 11, b, -1, false); !errors.Is(err, events.ErrNoQueue) {
		t.Errorf("got %v, want the oldest queue gone", err)
	}
	d := w.register(12)
	if _, err := w.Register(events.Registration{User: 13}); !errors.Is(err, events.ErrFull) {
		t.Errorf("got %v, want no queue above the limit", err)
	}
	// A queue that would hold too much is dropped.
	for range 4 {
		w.publish("a", 11)
	}
	large := events.Event{Type: "a", Data: []byte(`{"a":"` + strings.Repeat("x", 100) + `"}`)}
	w.Publish([]int64{12}, large) // a single one always fits
	if got := w.ids(12, d, -1); got != "a 0" {
		t.Errorf("got %q, want the large event", got)
	}
	w.Publish([]int64{12}, large)
	for user, id := range map[int64]string{11: c, 12: d} {
		if _, _, err := w.Events(t.Context(), user, id, -1, false); !errors.Is(err, events.ErrNoQueue) {
			t.Errorf("queue of user %d: got %v, want it gone", user, err)
		}
	}
	if got := w.Realms("a"); len(got) != 0 {
		t.Errorf("got realms %v, want none", got)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	q := w.register(11)
	got := w.wait(t.Context(), 11, q, -1)
	w.Close()
	if a := <-got; a != (answer{"", true, nil}) {
		t.Errorf("got %+v, want no events", a)
	}
	list, waited, err := w.Events(t.Context(), 11, q, -1, true)
	if len(list) != 0 || waited || err != nil {
		t.Errorf("got %v, %t, %v, want to be sent away at once", list, waited, err)
	}
	if _, err := w.Register(events.Registration{User: 11}); !errors.Is(err, events.ErrFull) {
		t.Errorf("got %v, want no new queues", err)
	}
}
