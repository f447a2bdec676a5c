package demo

import (
	"fmt"
	"slices"
	"time"

	"github.com/realmport/realmport"
)

// rowMaker makes the rows of the demo organization that do not hang on messages. They fit in memory: their number grows with the people's.
type rowMaker struct {
	*organization
	*realm
	log []entry
}

// entry is a line of the organization's log; they get their ids in the order of their times.
type entry struct {
	at    time.Time
	event int
	more  values
}

// The events of the log (demo-organization.md §3).
const (
	eventUserCreated       = 101
	eventUserDeactivated   = 103
	eventRoleChanged       = 105
	eventSettingChanged    = 132
	eventSubscribed        = 301
	eventChannelCreated    = 601
	eventChannelArchived   = 602
	eventGroupCreated      = 701
	eventGroupMemberJoined = 703
)

// rows returns the rows.
func (o *organization) rows() ([]row, error) {
	f := &fixture{last: map[string]int64{}, begin: o.workday(workingDays)}
	for id, name := range []string{"website", "ZulipMobile", "Internal", "ZulipElectron", "ZulipBuildsWebhook"} {
		f.insert(row{table: "zerver_client", values: values{"id": int64(id + 1), "name": name}})
	}
	system := f.newRealm(SystemRealm, never, "", values{
		"string_id": "zulipinternal", "name": "System bots", "date_created": o.workday(workingDays), "uuid": secretUUID(o.opts.Secret, "realm 1"),
		"uuid_owner_secret": o.ownerSecret(SystemRealm),
	})
	for _, b := range o.system {
		o.addMember(system, b)
	}
	r := f.newRealm(OrganizationRealm, always, "", o.realmValues())
	m := &rowMaker{organization: o, realm: r}
	for _, person := range o.members {
		o.addMember(r, person)
		m.logMember(person)
	}
	for _, c := range o.channels {
		m.addChannel(c)
	}
	for _, g := range o.groups {
		m.addDirectGroup(g)
	}
	m.addUserGroups()
	m.addSettings()
	m.addBotRows()
	m.addPersonal()
	if err := m.addScheduled(); err != nil {
		return nil, err
	}
	m.writeLog()
	return f.rows, nil
}

// ownerSecret is what a server proves with that a realm is its own.
func (o *organization) ownerSecret(realm int64) string {
	return fmt.Sprintf("zuliprealm_%.16x", derive(o.opts.Secret, fmt.Sprintf("owner of realm %d", realm)))
}

func (o *organization) realmValues() values {
	channel := func(name string) int64 { return o.byChannel[name].id }
	return values{
		"string_id": o.opts.StringID, "name": o.opts.Name, "date_created": o.workday(workingDays).Add(7 * time.Hour), "org_type": 20, // open source
		"description":                          "A map of small paths, made by people who walk them. See [hedgerow.example](https://hedgerow.example).",
		"uuid":                                 secretUUID(o.opts.Secret, "realm 2"),
		"uuid_owner_secret":                    o.ownerSecret(OrganizationRealm),
		"icon_source":                          "U",
		"enable_spectator_access":              true,
		"enable_read_receipts":                 true,
		"mandatory_topics":                     true,
		"new_stream_announcements_stream_id":   channel("announcements"),
		"signup_announcements_stream_id":       channel("general"),
		"zulip_update_announcements_stream_id": channel("announcements"),
		"zulip_update_announcements_level":     0,
	}
}

// addMember adds a user with what every user has.
func (o *organization) addMember(r *realm, m *member) {
	email := m.email
	if m.visibility > 1 {
		email = fmt.Sprintf("user%d@%s", m.id, o.mailDomain())
	}
	v := values{
		"full_name": m.name, "email": email, "delivery_email": m.email, "date_joined": m.since, "password": "!", "api_key": apiKey(o.opts.Secret, m.id),
		"uuid": secretUUID(o.opts.Secret, fmt.Sprintf("user %d", m.id)), "timezone": m.zone, "is_active": m.until.IsZero(),
		"allow_private_data_export": m.consents, "email_address_visibility": max(m.visibility, 1), "avatar_source": "G",
	}
	if m.avatar || m.system {
		v["avatar_source"] = "U"
	}
	switch {
	case m.bot == realmport.Human:
		h := scramble(uint64(m.id))
		v["twenty_four_hour_time"], v["color_scheme"], v["tos_version"] = h%3 > 0, 1+int(h>>8%3), "1.0"
		v["last_login"] = m.since.Add(time.Hour)
	case m.owner != nil:
		v["bot_owner_id"] = m.owner.id
	default:
		v["bot_owner_id"] = m.id
	}
	if m.bot != realmport.Human {
		v["is_bot"], v["bot_type"] = true, int(m.bot)
	}
	if m.lastPost > 0 && !m.system {
		v["last_active_message_id"] = m.lastPost
	}
	r.addGenerated(generatedUser{id: m.id, recipient: m.recipient(), role: m.role}, v)
	if m.role == realmport.Member && !m.system {
		r.add("zerver_usergroupmembership", always, values{"user_group_id": r.group(fullMembers), "user_profile_id": m.id})
	}
}

// note adds a line to the log.
func (m *rowMaker) note(at time.Time, event int, more values) {
	m.log = append(m.log, entry{at, event, more})
}

// logMember notes what became of a member.
func (m *rowMaker) logMember(who *member) {
	m.note(who.since, eventUserCreated, values{"modified_user_id": who.id, "acting_user_id": who.id, "extra_data": `{"10": {"11": {"400": 1}, "12": 0}}`})
	if who.role < realmport.Member && who.bot == realmport.Human {
		m.note(who.since.Add(time.Hour), eventRoleChanged, values{
			"modified_user_id": who.id, "acting_user_id": m.byKey["nora"].id, "extra_data": fmt.Sprintf(`{"1": 400, "2": %d}`, who.role),
		})
	}
	if who.consents {
		at := max(0, 14-int(who.id)%10)
		m.note(m.workday(at).Add(12*time.Hour+time.Duration(who.id)*time.Minute), eventSettingChanged, values{
			"modified_user_id": who.id, "acting_user_id": who.id, "extra_data": `{"1": false, "2": true, "property": "allow_private_data_export"}`,
		})
	}
	if !who.until.IsZero() {
		m.note(who.until, eventUserDeactivated, values{"modified_user_id": who.id, "acting_user_id": m.byKey["jonas"].id})
	}
}

// addChannel adds a channel with its subscribers.
func (m *rowMaker) addChannel(c *channel) {
	recipient := m.channelRecipient(c)
	v := values{
		"id": c.id, "realm_id": m.id, "recipient_id": recipient, "date_created": c.since, "creator_id": c.creator.id, "name": c.name,
		"description": c.description, "rendered_description": m.render(c.description),
		"invite_only": c.secret, "history_public_to_subscribers": c.shared, "is_web_public": c.web, "deactivated": !c.until.IsZero(),
		"is_recently_active":              c.until.IsZero(),
		"can_add_subscribers_group_id":    m.group(nobody),
		"can_administer_channel_group_id": m.group(nobody),
		"can_remove_subscribers_group_id": m.group(administrators),
		"can_send_message_group_id":       m.group(everyone),
		"can_subscribe_group_id":          m.group(nobody),
	}
	if c.name == "announcements" {
		v["can_send_message_group_id"] = m.group(members)
	}
	if c.first > 0 {
		v["first_message_id"] = c.first
	}
	m.add("zerver_stream", always, v)
	m.add("zerver_recipient", always, values{"id": recipient, "type": 2, "type_id": c.id})
	m.note(c.since, eventChannelCreated, values{"modified_stream_id": c.id, "acting_user_id": c.creator.id})
	if !c.until.IsZero() {
		m.note(c.until, eventChannelArchived, values{"modified_stream_id": c.id, "acting_user_id": m.byKey["tomas"].id})
	}
	for _, s := range c.subs {
		h := scramble(uint64(s.who.id)<<24 + uint64(c.id))
		m.add("zerver_subscription", always, values{
			"user_profile_id": s.who.id, "recipient_id": recipient, "is_user_active": s.who.until.IsZero(),
			"color": channelColours()[h%uint64(len(channelColours()))], "is_muted": c.name == "builds" && h%3 == 0, "pin_to_top": c.name == "general" && h%4 == 0,
		})
		m.note(s.since, eventSubscribed, values{"modified_user_id": s.who.id, "modified_stream_id": c.id, "acting_user_id": c.creator.id})
	}
}

// channelColours are some of those that a server gives to channels (format.md §2.6).
func channelColours() []string {
	return []string{"#76ce90", "#fae589", "#a6c7e5", "#e79ab5", "#bfd56f", "#f4ae55", "#b0a5fd", "#addfe5", "#f5ce6e", "#94c849", "#ee7e4a", "#4f8de4"}
}

// addDirectGroup adds people who write to each other.
func (m *rowMaker) addDirectGroup(g *group) {
	recipient := m.groupRecipient(g)
	var ids []int64
	for _, who := range g.members {
		ids = append(ids, who.id)
		m.add("zerver_subscription", always, values{"user_profile_id": who.id, "recipient_id": recipient, "is_user_active": who.until.IsZero()})
	}
	m.add("zerver_huddle", always, values{"id": g.id, "recipient_id": recipient, "group_size": len(ids), "huddle_hash": groupHash(ids)})
	m.add("zerver_recipient", always, values{"id": recipient, "type": 3, "type_id": g.id})
}

// writeLog adds the lines of the log in the order of their times.
func (m *rowMaker) writeLog() {
	slices.SortStableFunc(m.log, func(a, b entry) int { return a.at.Compare(b.at) })
	for _, e := range m.log {
		v := values{"realm_id": m.id, "event_type": e.event, "event_time": e.at}
		if e.event == eventSubscribed {
			if n := min(m.number(e.at), len(m.days)-1); n > 0 && m.lastOfDay[n-1] > 0 {
				v["event_last_message_id"] = m.lastOfDay[n-1]
			}
		}
		m.add("zerver_realmauditlog", always, with(v, e.more))
	}
}
