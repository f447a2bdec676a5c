package httpapi

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/events"
)

const (
	eventsPath    = "/api/v1/events"
	eventsMethods = "OPTIONS, GET, DELETE"
)

// Types of events that there are.
const (
	exportEvent  = "realm_export"
	consentEvent = "realm_export_consent"
	settingEvent = "user_settings"
	messageEvent = "message"
)

var eventTypes = []string{exportEvent, consentEvent, settingEvent, messageEvent}

// registerParameters are those of POST /register that are known. What is not needed for the events that there are
// is accepted and has no effect.
var registerParameters = []string{
	"event_types", "fetch_event_types", "narrow", "queue_lifespan_secs", "all_public_streams", "apply_markdown", "client_capabilities",
	"client_gravatar", "include_subscribers", "slim_presence",
}

// register is POST /register (api.md §3.5).
func (c *call) register() error {
	types, err := c.typeList("event_types")
	if err != nil {
		return err
	}
	fetch, err := c.typeList("fetch_event_types")
	if err != nil {
		return err
	}
	if fetch == nil {
		fetch = types
	}
	if raw, ok := c.get("narrow"); ok {
		text, err := jsonText("narrow", raw)
		if err != nil {
			return err
		}
		if text[0] != '[' {
			return invalid("narrow", "is not a list")
		}
	}
	var lifespan integer
	if raw, ok := c.get("queue_lifespan_secs"); ok {
		if lifespan, err = parseInteger("queue_lifespan_secs", raw); err != nil {
			return err
		}
	}
	queue, err := c.newQueue(types, lifespan.Value)
	if err != nil {
		return err
	}
	if c.user.Role.Administers() && (types == nil || slices.Contains(types, consentEvent)) {
		// From now on, what changes is told. The queue comes first: without one nobody would be watched.
		if err := c.api.o.Exports.WatchConsents(c.ctx(), c.user.RealmID); err != nil {
			return errors.Join(err, c.api.o.Events.Delete(c.user.ID, queue))
		}
	}
	if c.user.Role.Administers() && (types == nil || slices.Contains(types, exportEvent)) {
		if err := c.api.o.Exports.NoteExports(c.ctx(), c.user.RealmID); err != nil {
			return errors.Join(err, c.api.o.Events.Delete(c.user.ID, queue))
		}
	}
	fields := []field{
		{"queue_id", queue},
		{"zulip_version", c.api.o.ZulipVersion},
		{"zulip_feature_level", c.api.o.FeatureLevel},
		{"zulip_merge_base", c.api.o.MergeBase},
		{"last_event_id", -1},
	}
	if fetch == nil || slices.Contains(fetch, settingEvent) {
		fields = append(fields, field{"user_settings", map[string]bool{consentSetting: c.user.Consents}})
	}
	return c.succeed(c.withIgnored(fields, registerParameters...)...)
}

// typeList reads a parameter that lists types of events: nil for all. Of types that there are none of nothing is kept.
func (c *call) typeList(name string) ([]string, error) {
	raw, ok := c.get(name)
	if !ok {
		return nil, nil
	}
	list, err := parseStrings(name, raw)
	if list == nil || err != nil {
		return nil, err
	}
	kept := []string{}
	for _, t := range eventTypes {
		if slices.Contains(list, t) {
			kept = append(kept, t)
		}
	}
	return kept, nil
}

func (c *call) newQueue(types []string, lifespan int64) (string, error) {
	lifespan = min(max(lifespan, 0), int64(events.MaxLifespan/time.Second))
	id, err := c.api.o.Events.Register(events.Registration{
		User: c.user.ID, Realm: c.user.RealmID, Types: types, Lifespan: time.Duration(lifespan) * time.Second,
	})
	if errors.Is(err, events.ErrFull) {
		return "", realmport.Errorf(realmport.Invalid, "Could not allocate event queue")
	}
	return id, err
}

// events serves the path of events, whose methods are the front proxy's business in the reference.
func (c *call) events(do handlers) {
	switch c.r.Method {
	case http.MethodOptions:
		c.w.Header().Set("Allow", eventsMethods)
		c.write(http.StatusNoContent, htmlType, nil)
	case http.MethodGet, http.MethodDelete:
		c.rest(rules{poll: true}, do)
	default:
		c.w.Header().Set("Allow", eventsMethods)
		c.page(http.StatusMethodNotAllowed, "Method Not Allowed (405)", "Events can only be read, and their queue be deleted.")
	}
}

// getEvents is GET /events (api.md §3.5).
func (c *call) getEvents() error {
	var last integer
	var dontBlock bool
	var err error
	rawLast, hasLast := c.get("last_event_id")
	if hasLast {
		if last, err = parseInteger("last_event_id", rawLast); err != nil {
			return err
		}
	}
	if raw, ok := c.get("dont_block"); ok {
		if dontBlock, err = parseBool("dont_block", raw); err != nil {
			return err
		}
	}
	supported := []string{"queue_id", "last_event_id", "dont_block"}
	queue, ok := c.get("queue_id")
	if !ok {
		if !dontBlock {
			return realmport.Errorf(realmport.Invalid, "Missing 'queue_id' argument")
		}
		if queue, err = c.newQueue(nil, 0); err != nil {
			return err
		}
		return c.succeed(c.withIgnored([]field{{"events", []string{}}, {"queue_id", queue}}, supported...)...)
	}
	if !hasLast {
		return realmport.Errorf(realmport.Invalid, "Missing 'last_event_id' argument")
	}
	c.readForever()
	list, waited, err := c.api.o.Events.Events(c.ctx(), c.user.ID, queue, last.Value, !dontBlock)
	switch {
	case errors.Is(err, events.ErrNoQueue):
		return badQueue(queue)
	case errors.Is(err, events.ErrPruned):
		return realmport.Errorf(realmport.Invalid, "An event newer than %s has already been pruned!", last.Text)
	case errors.Is(err, events.ErrUnknown):
		return realmport.Errorf(realmport.Invalid, "Event %s was not in this queue", last.Text)
	case err != nil:
		return err
	}
	body := jsontext.Value("[")
	for i, e := range list {
		if i > 0 {
			body = append(body, ',')
		}
		body = e.Append(body)
	}
	fields := []field{{"events", append(body, ']')}}
	if waited {
		return c.succeed(append(fields, field{"queue_id", queue})...)
	}
	return c.succeed(c.withIgnored(fields, supported...)...)
}

// deleteQueue is DELETE /events.
func (c *call) deleteQueue() error {
	queue, ok := c.get("queue_id")
	if !ok {
		return &failure{
			status: http.StatusBadRequest, code: "REQUEST_VARIABLE_MISSING", message: "Missing 'queue_id' argument",
			extra: []field{{"var_name", "queue_id"}},
		}
	}
	if err := c.api.o.Events.Delete(c.user.ID, queue); err != nil {
		return badQueue(queue)
	}
	return c.succeed()
}

func badQueue(id string) error {
	const longest = 100 // of what is repeated to the client
	if len(id) > longest {
		id = id[:longest]
	}
	return &failure{
		status: http.StatusBadRequest, code: "BAD_EVENT_QUEUE_ID", message: "Bad event queue ID: " + id, extra: []field{{"queue_id", id}},
	}
}
