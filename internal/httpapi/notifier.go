package httpapi

import (
	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/events"
	"github.com/realmport/realmport/internal/exports"
)

// Notifier gives what happens to the event queues. It is the same dialect as the API with the same options.
type Notifier struct {
	o    Options
	wire wire
}

var _ exports.Notifier = (*Notifier)(nil)

// NewNotifier returns a Notifier. Of the options, Exports may be missing: it needs a Notifier itself.
func NewNotifier(o Options) (*Notifier, error) {
	if err := o.completeWire(); err != nil {
		return nil, err
	}
	n := &Notifier{o: o}
	n.wire = wire{&n.o}
	return n, nil
}

func (n *Notifier) publish(to []int64, eventType string, fields ...field) {
	data := jsonObject(append([]field{{"type", eventType}}, fields...)...)
	n.o.Events.Publish(to, events.Event{Type: eventType, Data: data})
}

// ExportsChanged tells of the whole list, as it is now.
func (n *Notifier) ExportsChanged(realm *realmport.Realm, list []realmport.Export, to []int64) {
	n.publish(to, exportEvent, field{"exports", n.wire.exports(list, realm)})
}

// ExportsWanted tells whether anybody waits for the organization's exports to change.
func (n *Notifier) ExportsWanted(realmID int64) bool { return n.o.Events.Wanted(realmID, exportEvent) }

// ConsentChanged tells administrators of a user's consent.
func (n *Notifier) ConsentChanged(c realmport.Consent, to []int64) {
	n.publish(to, consentEvent, field{"user_id", c.UserID}, field{"consented", c.Consented})
}

// SettingChanged tells a user of their own setting.
func (n *Notifier) SettingChanged(userID int64, property string, value bool) {
	n.publish([]int64{userID}, settingEvent, field{"op", "update"}, field{"property", property}, field{"value", value})
}

// doneText is the direct message to who asked for an export (api.md §1.8).
const doneText = "Your data export is complete. [View and download exports](/#organization/data-exports-admin)."

// person is a member of a message's display_recipient.
type person struct {
	ID            int64  `json:"id"`
	Email         string `json:"email"`
	FullName      string `json:"full_name"`
	IsMirrorDummy bool   `json:"is_mirror_dummy"`
}

// MessageSent tells a user of the Notification Bot's direct message, with the main fields of such an event.
func (n *Notifier) MessageSent(to *realmport.User, messageID int64) {
	const botName, botEmail = "Notification Bot", "notification-bot@zulip.com"
	n.publish([]int64{to.ID}, messageEvent, field{"message", struct {
		ID               int64    `json:"id"`
		SenderID         int64    `json:"sender_id"`
		SenderEmail      string   `json:"sender_email"`
		SenderFullName   string   `json:"sender_full_name"`
		SenderRealmStr   string   `json:"sender_realm_str"`
		Type             string   `json:"type"`
		DisplayRecipient []person `json:"display_recipient"`
		Subject          string   `json:"subject"`
		Content          string   `json:"content"`
		ContentType      string   `json:"content_type"`
		Timestamp        int64    `json:"timestamp"`
		Client           string   `json:"client"`
		IsMeMessage      bool     `json:"is_me_message"`
		Reactions        []string `json:"reactions"`
		Submessages      []string `json:"submessages"`
		TopicLinks       []string `json:"topic_links"`
	}{
		ID: messageID, SenderID: n.o.NotificationBot, SenderEmail: botEmail, SenderFullName: botName, SenderRealmStr: "zulipinternal",
		Type: "private", Content: doneText, ContentType: "text/x-markdown", Timestamp: n.o.Clock.Now().Unix(), Client: "Internal",
		DisplayRecipient: []person{
			{ID: n.o.NotificationBot, Email: botEmail, FullName: botName},
			{ID: to.ID, Email: to.DeliveryEmail, FullName: to.FullName},
		},
	}}, field{"flags", []string{}})
}
