package events_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/events"
)

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	all, some := w.register(11), w.register(12, "b")
	w.publish("a", 11)
	w.publish("b", 11, 12)
	w.Publish([]int64{11}, events.Event{Type: "c", Data: []byte("{\"text\":\"<&>\u2028é\"}")})
	w.ids(11, all, 0)
	w.Close()
	var file bytes.Buffer
	if err := w.Save(&file); err != nil {
		t.Fatal(err)
	}

	again := newWorld(t, nil)
	if err := again.Load(bytes.NewReader(file.Bytes())); err != nil {
		t.Fatal(err)
	}
	again.publish("b", 11, 12)
	if got := again.ids(11, all, 0); got != "b 1, c 2, b 3" {
		t.Errorf("got %q", got)
	}
	list, _, err := again.Events(t.Context(), 11, all, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(list[1].Append(nil)); got != "{\"text\":\"<&>\u2028é\",\"id\":2}" {
		t.Errorf("got %s", got)
	}
	if got := again.ids(12, some, -1); got != "b 0, b 1" {
		t.Errorf("got %q", got)
	}
	if _, _, err := again.Events(t.Context(), 11, all, -1, false); err == nil {
		t.Error("what was acknowledged is forgotten")
	}
	// A queue that is there already is left alone.
	if err := again.Load(bytes.NewReader(file.Bytes())); err != nil {
		t.Fatal(err)
	}
	if got := again.ids(12, some, -1); got != "b 0, b 1" {
		t.Errorf("loaded twice: got %q", got)
	}
	// Lifetimes begin anew with the loading.
	again.clock.Advance(11 * time.Minute)
	if got := again.Realms("b"); len(got) != 0 {
		t.Errorf("got realms %v, want none", got)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	queue := func(rest string) string {
		return `{"version":1,"queues":[{"id":"q","user":1,"realm":1,"lifespan_seconds":600,` + rest + `}]}`
	}
	for name, c := range map[string]struct{ text, want string }{
		"cut short":       {`{"version":1,"queues":[`, "cannot be read"},
		"another version": {`{"version":2}`, "version 2"},
		"order":           {queue(`"next":3,"pruned":-1,"events":[{"id":1,"type":"a","data":{"a":1}},{"id":0,"type":"a","data":{"a":1}}]`), "out of order"},
		"beyond":          {queue(`"next":3,"pruned":-1,"events":[{"id":3,"type":"a","data":{"a":1}}]`), "out of order"},
		"no object":       {queue(`"next":3,"pruned":-1,"events":[{"id":1,"type":"a","data":[]}]`), "not an object"},
		"empty object":    {queue(`"next":3,"pruned":-1,"events":[{"id":1,"type":"a","data":{}}]`), "not an object"},
		"numbers":         {queue(`"next":0,"pruned":5`), "do not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			err := w.Load(strings.NewReader(c.text))
			if realmport.ErrorCode(err) != realmport.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if got := w.Realms("a"); len(got) != 0 {
				t.Errorf("got realms %v, want none", got)
			}
		})
	}
}

// TestNothingIsLost is the promise of a queue: who acknowledges what they got gets every event once, in order.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, nil)
		q := w.register(11)
		var want, got int64
		last := int64(-1)
		for range rapid.IntRange(1, 30).Draw(r, "steps") {
			for range rapid.IntRange(0, 3).Draw(r, "published") {
				w.publish("a", 11)
				want++
			}
			if rapid.Bool().Draw(r, "saved") {
				var file bytes.Buffer
				if err := w.Save(&file); err != nil {
					r.Fatal(err)
				}
				w = newWorld(t, nil)
				if err := w.Load(&file); err != nil {
					r.Fatal(err)
				}
			}
			list, _, err := w.Events(t.Context(), 11, q, last, false)
			if err != nil {
				r.Fatal(err)
			}
			for _, e := range list {
				if e.ID != last+1 {
					r.Fatalf("got event %d after %d", e.ID, last)
				}
				last = e.ID
				got++
			}
		}
		if got != want {
			r.Fatalf("got %d events, want %d", got, want)
		}
	})
}

// TestAtOnce lets many do everything at once, for the race detector.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *events.Options) { o.QueuesPerUser = 3 })
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			user := int64(i % 3)
			for n := range 100 {
				id, err := w.Register(events.Registration{User: user, Realm: user})
				if err != nil {
					t.Error(err)
					return
				}
				w.publish("a", 0, 1, 2)
				if n%3 == 0 {
					_, _, _ = w.Events(t.Context(), user, id, -1, true) // there is an event, or the queue is gone
				}
				if n%5 == 0 {
					_ = w.Delete(user, id)
				}
				w.Realms("a")
			}
		})
	}
	group.Wait()
}
