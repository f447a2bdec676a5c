package demo

import (
	"fmt"
	"time"

	"github.com/realmport/realmport"
)

// alertWords are the words that people want to be told of, in small letters, by who they are.
func alertWords() map[string][]string {
	return map[string][]string{
		"kofi": {"thicket", "tile server"}, "lucia": {"step-free", "kerb"}, "siobhan": {"hedge"}, "petra": {"label", "typography"}, "felix": {"deploy"},
	}
}

// addBotRows adds what belongs to bots.
func (m *rowMaker) addBotRows() {
	m.add("zerver_service", always, values{
		"user_profile_id": m.byKey["weather"].id, "name": "weathervane", "base_url": "https://weather.hedgerow.example/hook",
		"token": apiKey(m.opts.Secret, -m.byKey["weather"].id), "interface": 1,
	})
	m.add("zerver_botconfigdata", always, values{"bot_profile_id": m.byKey["weather"].id, "key": "units", "value": "metric"})
	m.add("zerver_botstoragedata", always, values{"bot_profile_id": m.byKey["tracker"].id, "key": "last_issue", "value": "930"})
}

// addPersonal adds what belongs to single people: what they marked and noted, and traces of their presence.
func (m *rowMaker) addPersonal() {
	presence := 0
	for _, who := range m.members {
		for _, word := range who.words {
			m.add("zerver_alertword", always, values{"realm_id": m.id, "user_profile_id": who.id, "word": word})
		}
		if who.bot != realmport.Human {
			continue
		}
		presence++
		m.addPresence(who, presence)
		for i, step := range []string{"intro_inbox_view_modal", "intro_recent_view_modal"} {
			m.add("zerver_onboardingstep", always, values{"user_id": who.id, "onboarding_step": step, "timestamp": who.since.Add(time.Duration(i+1) * time.Hour)})
		}
	}
	m.addChoices()
	m.addNotes()
}

// addPresence adds when somebody was there.
func (m *rowMaker) addPresence(who *member, n int) {
	seen := who.lastSeen
	if seen.IsZero() {
		seen = who.since
	}
	seen = seen.Add(time.Duration(scramble(uint64(who.id))%3000) * time.Second)
	if seen.After(m.end()) {
		seen = m.end()
	}
	m.add("zerver_userpresence", always, values{
		"user_profile_id": who.id, "realm_id": m.id, "last_update_id": n, "last_connected_time": seen, "last_active_time": seen.Add(-time.Minute),
	})
	m.add("zerver_useractivityinterval", always, values{"user_profile_id": who.id, "start": seen.Add(-40 * time.Minute), "end": seen})
	for i, query := range []string{"get_events", "/api/v1/messages"} {
		m.add("zerver_useractivity", always, values{
			"user_profile_id": who.id, "client_id": []int64{organizationWebsite, organizationMobile}[(n+i)%2], "query": query, "count": 40 + 7*n, "last_visit": seen,
		})
	}
}

// addChoices adds topics that people follow or mute, and somebody they do not want to hear.
func (m *rowMaker) addChoices() {
	const muted, followed = 1, 3
	for _, c := range []struct {
		who, channel, topic string
		policy              int
	}{
		{"hana", "builds", "nightly packages", muted},
		{"tomas", "random", "coffee", muted},
		{"meilin", "builds", "main", muted},
		{"nora", "releases", `1.0 "Hawthorn": when?`, followed},
		{"kofi", "releases", `1.0 "Hawthorn": when?`, followed},
		{"lucia", "engineering", "routing over stiles", followed},
		{"zoe", "mapping-parties", "autumn party: where?", followed},
		{"maya", "general", "lunch", muted},
	} {
		ch := m.byChannel[c.channel]
		m.add("zerver_usertopic", always, values{
			"user_profile_id": m.byKey[c.who].id, "stream_id": ch.id, "recipient_id": m.channelRecipient(ch), "topic_name": c.topic,
			"last_updated": m.workday(3).Add(11 * time.Hour), "visibility_policy": c.policy,
		})
	}
	m.add("zerver_muteduser", always, values{"user_profile_id": m.byKey["quentin"].id, "muted_user_id": m.byKey["ci"].id, "date_muted": m.workday(70).Add(9 * time.Hour)})
}

// addNotes adds people's status and their saved texts.
func (m *rowMaker) addNotes() {
	for _, s := range []struct{ who, text, emoji string }{
		{"keola", "On a ferry", "wave"},
		{"hana", "Not looking at icons", "see_no_evil"},
		{"kofi", "On call", "coffee"},
		{"siobhan", "In the hedge", "hedgehog"},
		{"lars", "Knee up", ""},
		{"wren", "Learning", "seedling"},
	} {
		kind, code := "unicode_emoji", ""
		if s.emoji != "" {
			kind, code = m.emojiCode(s.emoji)
		}
		m.add("zerver_userstatus", always, values{
			"user_profile_id": m.byKey[s.who].id, "client_id": organizationWebsite, "timestamp": m.workday(1).Add(9 * time.Hour), "status_text": s.text,
			"reaction_type": kind, "emoji_name": s.emoji, "emoji_code": code,
		})
	}
	for _, s := range []struct{ who, title, content string }{
		{"samir", "Which version?", "Thank you for writing! Could you tell us which version of the app you have, and on which phone? It is at the very end of *Settings*."},
		{"samir", "Battery saving", "This happens when battery saving is on. Please try *Settings → Battery → Unrestricted*, and tell us whether it helped :blackberry:"},
		{"zoe", "Party invitation", "Hello! We are mapping **{village}** on {day}. Bring shoes that may get dirty. Soup is provided."},
	} {
		m.add("zerver_savedsnippet", always, values{
			"realm_id": m.id, "user_profile_id": m.byKey[s.who].id, "title": s.title, "content": s.content, "date_created": m.workday(30).Add(13 * time.Hour),
		})
	}
}

// addScheduled adds messages that will be sent later, one of them with a file.
func (m *rowMaker) addScheduled() error {
	news := m.byChannel["announcements"]
	priya, wren := m.byKey["priya"], m.byKey["wren"]
	rows, err := m.scheduledUpload(priya, 1)
	if err != nil {
		return err
	}
	for _, r := range rows {
		m.insert(r)
	}
	path := rows[0].values["path_id"]
	text := fmt.Sprintf("The yearly meeting is tomorrow, 14:00 UTC. There will be cake.\n[%s](/user_uploads/%s)", poster, path)
	at := m.opts.Now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 10)
	for _, s := range []struct {
		who         *member
		recipient   int64
		stream      any
		topic, text string
		at          time.Time
		file        bool
		kind        int
	}{
		{priya, m.channelRecipient(news), news.id, "yearly meeting", text, at.Add(9 * time.Hour), true, 1},
		{wren, wren.recipient(), nil, "", "Send the thank-you note to Kofi!", at.Add(8 * time.Hour), false, 2},
	} {
		m.add("zerver_scheduledmessage", always, values{
			"realm_id": m.id, "sender_id": s.who.id, "sending_client_id": organizationWebsite, "recipient_id": s.recipient, "stream_id": s.stream,
			"subject": s.topic, "content": s.text, "rendered_content": m.render(s.text), "scheduled_timestamp": s.at, "has_attachment": s.file, "delivery_type": s.kind,
		})
	}
	return nil
}
