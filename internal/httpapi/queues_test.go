package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/events"
)

func (w *world) registering(user int64, form string) response {
	w.t.Helper()
	return w.do(request{method: http.MethodPost, target: "/api/v1/register", as: user, form: form})
}

func TestRegister(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	for form, message := range map[string]string{
		"event_types=x":                 "event_types is not valid JSON",
		"event_types=1":                 "event_types is not a list",
		"event_types=[1]":               "event_types[0] is not a string",
		"fetch_event_types={}":          "fetch_event_types is not a list",
		"narrow=x":                      "narrow is not valid JSON",
		"narrow={}":                     "narrow is not a list",
		"queue_lifespan_secs=x":         "queue_lifespan_secs is not valid JSON",
		`queue_lifespan_secs="1"`:       "queue_lifespan_secs is not an integer",
		"event_types=[]&narrow=%5B%5B ": "narrow is not valid JSON",
	} {
		w.registering(memberM, form).wantRefused(t, message)
	}
	r := w.registering(adminI, "event_types="+url.QueryEscape(bothTypes)+"&narrow=[]&what=1")
	const head, tail = `{"result":"success","msg":"","queue_id":"`, `","zulip_version":"11.0","zulip_feature_level":372,"zulip_merge_base":"","last_event_id":-1,"ignored_parameters_unsupported":["what"]}` + "\n"
	if r.status != http.StatusOK || !strings.HasPrefix(r.body, head) || !strings.HasSuffix(r.body, tail) || len(r.body) != len(head)+36+len(tail) {
		t.Errorf("got %d %s", r.status, r.body)
	}
	const setting = `"last_event_id":-1,"user_settings":{"allow_private_data_export":false}}`
	for form, want := range map[string]bool{
		"": true, `event_types=["user_settings"]`: true, `event_types=["realm_export"]&fetch_event_types=["user_settings"]`: true,
		`event_types=["realm_export"]`: false, `event_types=["user_settings"]&fetch_event_types=[]`: false, "event_types=null": true,
		`event_types=["unknown"]`: false,
	} {
		if r := w.registering(memberM, form); strings.Contains(r.body, setting) != want {
			t.Errorf("%s: got %s", form, r.body)
		}
	}
	w.registering(genericB, "").want(t, http.StatusOK, w.lastQueue(t, genericB))
}

// lastQueue is what the registration of a user's only queue has answered.
func (w *world) lastQueue(t *testing.T, user int64) string {
	t.Helper()
	var file strings.Builder
	must(t, w.hub.Save(&file))
	before, _, ok := strings.Cut(file.String(), fmt.Sprintf(`","user":%d`, user))
	if !ok {
		t.Fatalf("user %d has no queue", user)
	}
	return `{"result":"success","msg":"","queue_id":"` + before[len(before)-36:] +
		`","zulip_version":"11.0","zulip_feature_level":372,"zulip_merge_base":"","last_event_id":-1,"user_settings":{"allow_private_data_export":false}}`
}

func TestTooManyQueues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], func(o *Options) {
		o.Events = events.New(events.Options{Clock: o.Clock, Queues: 1})
	})
	w.register(t, memberM, "")
	w.registering(adminI, "").wantRefused(t, "Could not allocate event queue")
}

func TestQueueLifespan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	w.registering(adminI, "queue_lifespan_secs=1200")
	w.registering(memberM, "queue_lifespan_secs=0")
	w.registering(guestG, "queue_lifespan_secs=99999999999999999999")
	if got := w.hub.Realms(exportEvent); len(got) != 1 {
		t.Fatalf("got realms %v", got)
	}
	for _, c := range []struct {
		later time.Duration
		want  int
	}{{11 * time.Minute, 2}, {10 * time.Minute, 1}, {events.MaxLifespan, 0}} {
		w.clock.Advance(c.later)
		w.hub.Realms(exportEvent)
		var file strings.Builder
		must(t, w.hub.Save(&file))
		if got := strings.Count(file.String(), `"lifespan_seconds"`); got != c.want {
			t.Errorf("after %v: got %d queues, want %d", c.later, got, c.want)
		}
	}
}

func TestEventErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	queue := w.register(t, adminI, "")
	for range 3 {
		w.post(adminI, "")
	}
	get := func(query string) response {
		return w.do(request{target: eventsPath + "?" + query, as: adminI})
	}
	for _, c := range []struct{ query, message string }{
		{"", "Missing 'queue_id' argument"},
		{"last_event_id=1&dont_block=false", "Missing 'queue_id' argument"},
		{"queue_id=" + queue, "Missing 'last_event_id' argument"},
		{"queue_id=x&dont_block=true", "Missing 'last_event_id' argument"},
		{"queue_id=x&last_event_id=x", "last_event_id is not valid JSON"},
		{"queue_id=x&last_event_id=1.5", "last_event_id is not an integer"},
		{"queue_id=x&last_event_id=1&dont_block=1", "dont_block is not a boolean"},
		{"queue_id=" + queue + "&last_event_id=-2", "An event newer than -2 has already been pruned!"},
	} {
		get(c.query).wantRefused(t, c.message)
	}
	if r := get("queue_id=" + queue + "&last_event_id=1"); strings.Count(r.body, `"type"`) != 1 || !strings.Contains(r.body, `"id":2}]}`) {
		t.Errorf("got %s, want the last event", r.body)
	}
	get("queue_id="+queue+"&last_event_id=0").wantRefused(t, "An event newer than 0 has already been pruned!")
	get("queue_id="+queue+"&last_event_id=99999999999999999999").wantRefused(t, "Event 99999999999999999999 was not in this queue")
	get("queue_id="+queue+"&last_event_id=2&dont_block=true&x=1").
		want(t, http.StatusOK, `{"result":"success","msg":"","events":[],"ignored_parameters_unsupported":["x"]}`).
		wantHeader(t, "X-RateLimit-Limit", "200")
	// Without a queue, but not blocking, a new one is made.
	if r := get("dont_block=true"); r.status != http.StatusOK || !strings.HasPrefix(r.body, `{"result":"success","msg":"","events":[],"queue_id":"`) {
		t.Errorf("got %d %s, want a new queue", r.status, r.body)
	}
	remove := func(form string) response {
		return w.do(request{method: http.MethodDelete, target: eventsPath, as: adminI, form: form})
	}
	remove("queue_id="+queue).want(t, http.StatusOK, done)
	remove("queue_id="+queue).want(t, http.StatusBadRequest,
		`{"result":"error","msg":"Bad event queue ID: `+queue+`","queue_id":"`+queue+`","code":"BAD_EVENT_QUEUE_ID"}`)
}

// TestWaitingForEvents is a reader who waits: for an event, for the end of the queue, for the end of the server.
func TestWaitingForEvents(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, k, nil)
			queue := w.register(t, adminI, bothTypes)
			after := func(list string) string {
				return `{"result":"success","msg":"","events":[` + list + `],"queue_id":"` + queue + `"}`
			}
			pending := object(1, adminI, now, "null", "null", "null", true, 1)
			w.waiting(t, adminI, queue, func() { w.post(adminI, "").want(t, http.StatusOK, ok(1)) }).
				want(t, http.StatusOK, after(exportEventOf(0, pending)))

			queue = w.register(t, adminI, bothTypes)
			w.waiting(t, adminI, queue, func() {
				w.do(request{method: http.MethodDelete, target: eventsPath + "?queue_id=" + queue, as: adminI}).want(t, http.StatusOK, done)
			}).want(t, http.StatusOK, after(""))

			queue = w.register(t, adminI, bothTypes)
			w.waiting(t, adminI, queue, w.api.Close).want(t, http.StatusOK, after(""))
		})
	}
}

// TestDemoted checks that who is no administrator any more is not told any more.
func TestDemoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	queue := w.register(t, adminI, bothTypes)
	w.set(adminI, "role", int(realmport.Member))
	w.post(ownerO, "").want(t, http.StatusOK, ok(1))
	w.poll(adminI, queue, -1).want(t, http.StatusOK, eventsOf())
}

func TestPollsHaveTheirOwnLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], func(o *Options) { o.RateLimit = "60:5" })
	queue := w.register(t, adminI, "")
	for range 5 {
		w.poll(adminI, queue, -1).want(t, http.StatusOK, eventsOf())
	}
	r := w.poll(adminI, queue, -1)
	if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") != "12.0" || !strings.Contains(r.body, `"retry-after":12.0}`) {
		t.Errorf("got %d %s, want one too many", r.status, r.body)
	}
	w.get(adminI).want(t, http.StatusOK, noExports).wantHeader(t, "X-RateLimit-Remaining", "3")
	// A user's own limit goes before the server's; one that makes no sense does not.
	w.set(adminI, "rate_limits", "60:7")
	w.get(adminI).wantHeader(t, "X-RateLimit-Limit", "7")
	w.set(adminI, "rate_limits", "many")
	w.get(adminI).wantHeader(t, "X-RateLimit-Limit", "5")
}

func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	for form, message := range map[string]string{
		"allow_private_data_export=True":   "allow_private_data_export is not valid JSON",
		"allow_private_data_export=":       "allow_private_data_export is not valid JSON",
		"allow_private_data_export=1":      "allow_private_data_export is not a boolean",
		"allow_private_data_export=null":   "allow_private_data_export is not a boolean",
		`allow_private_data_export="true"`: "allow_private_data_export is not a boolean",
	} {
		w.setting(memberM, form).wantRefused(t, message)
	}
	for i, path := range []string{"/api/v1/settings", "/api/v1/settings/display", "/api/v1/settings/notifications"} {
		form := fmt.Sprintf("allow_private_data_export=%t&full_name=x", i%2 == 0)
		w.do(request{method: http.MethodPatch, target: path, as: guestG, form: form}).
			want(t, http.StatusOK, `{"result":"success","msg":"","ignored_parameters_unsupported":["full_name"]}`)
		w.do(request{method: http.MethodPatch, target: path, as: guestG, form: "allow_private_data_export=x"}).
			wantRefused(t, "allow_private_data_export is not valid JSON")
	}
	w.setting(memberM, "").want(t, http.StatusOK, done)
	if got := w.count("SELECT count(*) FROM @zerver_userprofile WHERE allow_private_data_export AND realm_id = 2"); got != 2 {
		t.Errorf("got %d who consent, want the owner and the guest", got)
	}
}
