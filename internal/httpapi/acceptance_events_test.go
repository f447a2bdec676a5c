package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
)

const bothTypes = `["realm_export","realm_export_consent"]`

// register makes a queue for the types of events in a JSON list, for all if that is "", and returns its id.
func (w *world) register(t *testing.T, user int64, types string) string {
	t.Helper()
	form := "narrow=" + url.QueryEscape("[]")
	if types != "" {
		form += "&event_types=" + url.QueryEscape(types)
	}
	r := w.do(request{method: http.MethodPost, target: "/api/v1/register", as: user, form: form})
	var body struct {
		QueueID     string `json:"queue_id"`
		LastEventID int    `json:"last_event_id"`
	}
	must(t, json.Unmarshal([]byte(r.body), &body))
	if r.status != http.StatusOK || len(body.QueueID) != 36 || body.LastEventID != -1 {
		t.Fatalf("got %d %s, want a queue", r.status, r.body)
	}
	return body.QueueID
}

// poll reads a queue's events at once.
func (w *world) poll(user int64, queue string, last int) response {
	w.t.Helper()
	return w.do(request{target: fmt.Sprintf("%s?queue_id=%s&last_event_id=%d&dont_block=true", eventsPath, queue, last), as: user})
}

func eventsOf(list ...string) string {
	return `{"result":"success","msg":"","events":[` + strings.Join(list, ",") + `]}`
}

func exportEventOf(id int, objects ...string) string {
	return fmt.Sprintf(`{"type":"realm_export","exports":[%s],"id":%d}`, strings.Join(objects, ","), id)
}

func consentEventOf(id int, user int64, consented bool) string {
	return fmt.Sprintf(`{"type":"realm_export_consent","user_id":%d,"consented":%t,"id":%d}`, user, consented, id)
}

func (w *world) setting(user int64, form string) response {
	w.t.Helper()
	return w.do(request{method: http.MethodPatch, target: "/api/v1/settings", as: user, form: form})
}

func row87(t *testing.T, w *world) {
	queue := w.register(t, adminI, bothTypes)
	withMessages := w.register(t, adminI, `["message","realm_export"]`)
	path := w.finished(t, "export_type=2")
	pending := object(1, adminI, now, "null", "null", "null", true, 2)
	succeeded := object(1, adminI, now, `"https://acme.example.com`+path+`"`, "null", "null", false, 2)
	w.poll(adminI, queue, -1).want(t, http.StatusOK, eventsOf(exportEventOf(0, pending), exportEventOf(1, succeeded)))

	var got struct {
		Events []struct {
			Type    string
			Message struct {
				ID      int64
				Content string
			}
		}
	}
	must(t, json.Unmarshal([]byte(w.poll(adminI, withMessages, -1).body), &got))
	message := int64(w.count("SELECT max(id) FROM @zerver_message"))
	if e := got.Events; len(e) != 3 || e[0].Type != "realm_export" || e[2].Type != "realm_export" || e[1].Type != "message" ||
		e[1].Message.ID != message || e[1].Message.Content != doneText {
		t.Errorf("got %+v, want the message between the two others", got.Events)
	}
}

func row88(t *testing.T, w *world) {
	queue := w.register(t, adminI, "")
	w.post(adminI, "").want(t, http.StatusOK, ok(1))
	w.clock.Advance(time.Minute)
	w.work(1, true)
	pending := object(1, adminI, now, "null", "null", "null", true, 1)
	failed := object(1, adminI, now, "null", "null", unix(now.Add(time.Minute)), false, 1)
	w.poll(adminI, queue, -1).want(t, http.StatusOK, eventsOf(exportEventOf(0, pending), exportEventOf(1, failed)))
}

func row89(t *testing.T, w *world) {
	w.finished(t, "")
	queue := w.register(t, adminI, bothTypes)
	w.remove(adminI, "1").want(t, http.StatusOK, done)
	w.poll(adminI, queue, -1).want(t, http.StatusOK, eventsOf(exportEventOf(0, object(1, adminI, now, "null", unix(now), "null", false, 1))))
}

func row90(t *testing.T, w *world) {
	queue := w.register(t, adminAB, bothTypes)
	w.post(adminI, "").want(t, http.StatusOK, ok(1))
	w.poll(adminAB, queue, -1).want(t, http.StatusOK, eventsOf())
	w.waiting(t, adminAB, queue, func() { w.clock.Advance(50 * time.Second) }).
		want(t, http.StatusOK, `{"result":"success","msg":"","events":[{"type":"heartbeat","id":0}],"queue_id":"`+queue+`"}`)
}

// waiting asks for events, lets something happen once the reader waits, and returns the answer.
func (w *world) waiting(t *testing.T, user int64, queue string, happen func()) response {
	t.Helper()
	c := w.send(request{target: fmt.Sprintf("%s?queue_id=%s&last_event_id=-1", eventsPath, queue), as: user})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must(t, w.clock.Await(ctx, 1))
	happen()
	return c.answer()
}

func row91(t *testing.T, w *world) {
	admin, own := w.register(t, adminI, bothTypes), w.register(t, memberM, "")
	w.setting(memberM, "allow_private_data_export=true").want(t, http.StatusOK, done)
	w.poll(adminI, admin, -1).want(t, http.StatusOK, eventsOf(consentEventOf(0, memberM, true)))
	w.poll(memberM, own, -1).want(t, http.StatusOK,
		eventsOf(`{"type":"user_settings","op":"update","property":"allow_private_data_export","value":true,"id":0}`))
}

func row92(t *testing.T, w *world) {
	w.set(memberM, "allow_private_data_export", true)
	admin, own := w.register(t, adminI, bothTypes), w.register(t, memberM, "")
	w.setting(memberM, "allow_private_data_export=true").want(t, http.StatusOK, done)
	w.poll(adminI, admin, -1).want(t, http.StatusOK, eventsOf())
	w.poll(memberM, own, -1).want(t, http.StatusOK, eventsOf())
}

func row93(t *testing.T, w *world) {
	admin := w.register(t, adminI, bothTypes)
	w.set(dormant, "is_active", true)
	must(t, w.worker.WatchConsents(t.Context(), acmeRealm))
	w.poll(adminI, admin, -1).want(t, http.StatusOK, eventsOf(consentEventOf(0, dormant, false)))
}

func row97(t *testing.T, w *world) {
	queue := w.register(t, adminI, "")
	w.finished(t, "")
	messages := w.count("SELECT count(*) FROM @zerver_message")
	w.clock.Advance(time.Minute)
	w.work(1, true) // would fail to build, if it tried to
	e := w.export(1)
	if e.Status != realmport.Failed || e.Path == "" || w.worker.Policy.Attempts != 1 {
		t.Errorf("got %+v, want it failed", e)
	}
	w.get(adminI).want(t, http.StatusOK, listOf(object(1, adminI, now, "null", "null", unix(now.Add(time.Minute)), false, 1)))
	if got := w.count("SELECT count(*) FROM @zerver_message"); got != messages {
		t.Errorf("got %d messages, want %d as before", got, messages)
	}
	if r := w.poll(adminI, queue, -1); strings.Count(r.body, `"type":"realm_export"`) != 3 || strings.Count(r.body, `"type":"message"`) != 1 {
		t.Errorf("got %s, want three lists and one message", r.body)
	}
}
