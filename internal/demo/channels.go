package demo

import (
	"fmt"
	"time"

	"github.com/realmport/realmport"
)

// channel is a channel of the demo organization.
type channel struct {
	id                int64
	name, description string
	secret            bool // for invited members only
	shared            bool // its history is for all who ever join
	web               bool // open to everybody on the web
	creator           *member
	since             time.Time
	until             time.Time // when it was archived; zero
	subs              []subscription
	first             int64 // its first message, 0 if it has none
}

// subscription is a member's to a channel.
type subscription struct {
	who   *member
	since time.Time
}

// receives tells whether the subscriber gets what is written at that time.
func (s subscription) receives(t time.Time) bool {
	return !s.since.After(t) && s.who.there(t)
}

// has tells whether somebody is a subscriber.
func (c *channel) has(m *member) bool {
	for _, s := range c.subs {
		if s.who == m {
			return true
		}
	}
	return false
}

// recipient returns the id of the recipient that stands for the channel.
func (t *team) channelRecipient(c *channel) int64 {
	return personalRecipients + firstMember + int64(len(t.members)) + c.id
}

// addChannels makes the channels: those of the conversations, and so many regions.
func (t *team) addChannels(regions int) {
	for _, c := range []struct {
		name, description string
		creator           string
		made, closed      int // working days before the last one; closed is 0 for one that is in use
		share             int // percent of the members who subscribe, beyond those who write
		kind              string
	}{
		{"general", "What concerns everybody. Begin here.", "nora", workingDays, 0, 100, ""},
		{"announcements", "Releases, meetings, news. Few and short.", "nora", workingDays, 0, 100, ""},
		{"engineering", "Servers, apps, routing, import: how it is built.", "tomas", workingDays, 0, 45, ""},
		{"design", "The look of the map and of the apps.", "meilin", workingDays, 0, 35, ""},
		{"support", "Questions from people who use **Hedgerow**. Everybody may read along.", "samir", workingDays, 0, 50, "web"},
		{"random", "Lunch, cake, birds.", "jonas", workingDays, 0, 100, ""},
		{"releases", "What goes out, and when.", "priya", workingDays, 0, 60, ""},
		{"builds", "The build machine speaks.", "felix", workingDays, 0, 25, ""},
		{"mapping-parties", "Go outside together, with a clipboard.", "keola", 190, 0, 55, "web"},
		{"book-club", "Every book must contain at least one path.", "siobhan", 170, 0, 30, ""},
		{"imports", "Registers, surveys, and what is wrong with them.", "greta", workingDays, 0, 35, ""},
		{"translations", "Words, and the lack of them.", "petra", 200, 0, 30, ""},
		{"core-team", "Those who have keys.", "tomas", workingDays, 0, 0, "private"},
		{"conduct", "Complaints and care. What is said here stays here.", "jonas", 180, 0, 0, "protected"},
		{"funding", "Grants, bills, reports.", "ines", workingDays, 0, 0, "private"},
		{"old-renderer", "The renderer of the first seven years.", "chiara", workingDays, 121, 20, ""},
	} {
		ch := t.addChannel(&channel{
			name: c.name, description: c.description, creator: t.byKey[c.creator], web: c.kind == "web", shared: c.kind != "protected",
			secret: c.kind == "private" || c.kind == "protected", since: t.workday(c.made).Add(8*time.Hour + 30*time.Minute),
		})
		if c.closed > 0 {
			ch.until = t.workday(c.closed).Add(19 * time.Hour)
		}
		t.subscribeShare(ch, c.share)
	}
	for i := range regions {
		name := fmt.Sprintf("region-%s", regionName(i))
		t.addChannel(&channel{
			name: name, description: "Walks, signs and conditions there.", shared: true, creator: t.byKey["keola"], since: t.workday(200).Add(9 * time.Hour),
		})
		t.regions = append(t.regions, name)
	}
	t.subscribeRegions()
}

func (t *team) addChannel(c *channel) *channel {
	c.id = int64(len(t.channels) + 1)
	t.channels = append(t.channels, c)
	t.byChannel[c.name] = c
	return c
}

// subscribe adds a subscription unless there is one. It begins when the member and the channel are there.
func (t *team) subscribe(c *channel, m *member) {
	if c.has(m) {
		return
	}
	since := m.since
	if c.since.After(since) {
		since = c.since
	}
	// Tariq came to it later, so that what was said before is not for him: its history is protected.
	if c.name == "conduct" && m.key == "tariq" {
		since = t.workday(40).Add(10 * time.Hour)
	}
	c.subs = append(c.subs, subscription{m, since.Add(time.Duration(m.id) * time.Second)})
}

// subscribeShare subscribes a part of the people of the list, without guests.
func (t *team) subscribeShare(c *channel, percent int) {
	for _, m := range t.members {
		if m.bot == realmport.Human && m.role != realmport.Guest && m.zone != "" && scramble(uint64(c.id)<<32+uint64(m.id))%100 < uint64(percent) {
			t.subscribe(c, m)
		}
	}
}

// subscribeRegions subscribes the crowd to announcements and to two regions each, and some of the others to every region.
func (t *team) subscribeRegions() {
	if len(t.regions) == 0 {
		return
	}
	for i, name := range t.regions {
		for k := range 6 {
			t.subscribe(t.byChannel[name], t.members[(i*5+k*3)%24]) // people who are there from the beginning
		}
	}
	n := 0
	for _, m := range t.members {
		if m.bot != realmport.Human || m.zone != "" {
			continue
		}
		t.subscribe(t.byChannel["announcements"], m)
		t.subscribe(t.byChannel[t.regions[n%len(t.regions)]], m)
		t.subscribe(t.byChannel[t.regions[(n*7+3)%len(t.regions)]], m)
		n++
	}
}

// regionName returns the n-th of the regions.
func regionName(n int) string {
	names := []string{
		"alps", "andes", "azores", "baltic", "black-forest", "bohemia", "brittany", "cairngorms", "carpathians", "cascades", "caucasus", "cevennes", "cork", "dales",
		"dolomites", "drakensberg", "dunes", "faroe", "fens", "finnmark", "galicia", "harz", "hebrides", "jura", "karelia", "lapland", "levant", "masuria", "moors",
		"oahu", "patagonia", "pennines", "pyrenees", "rif", "sahel", "sierra", "tatra", "tuscany", "vosges", "westfjords",
	}
	if n < len(names) {
		return names[n]
	}
	return fmt.Sprintf("%s-%d", names[n%len(names)], n/len(names)+1)
}
