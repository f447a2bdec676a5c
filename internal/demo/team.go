package demo

import (
	"math"
	"slices"
	"strings"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo/markup"
	"github.com/realmport/realmport/internal/demo/script"
)

// team is who writes and where: the demo organization without its messages.
type team struct {
	*calendar
	opts OrganizationOptions

	members   []*member // by id
	channels  []*channel
	groups    []*group
	system    []*member // bots of the server
	regions   []string  // channels that exist in large organizations only
	byKey     map[string]*member
	byName    map[string]*member
	byChannel map[string]*channel
	byGroup   map[string]*group
	emoji     map[string]string // codes by name
}

// group is people who write to each other directly.
type group struct {
	id      int64
	members []*member
}

func (t *team) groupRecipient(g *group) int64 {
	return t.channelRecipient(t.channels[len(t.channels)-1]) + g.id
}

// groupKey names a group by its members.
func groupKey(keys []string) string {
	return strings.Join(slices.Sorted(slices.Values(keys)), " ")
}

// newTeam makes the members, channels and groups. Their number grows with the square root of the number of messages.
func newTeam(opts OrganizationOptions, talk []script.Conversation) *team {
	t := &team{
		calendar: newCalendar(opts.Now), opts: opts, emoji: emojiCodes(),
		byKey: map[string]*member{}, byName: map[string]*member{}, byChannel: map[string]*channel{}, byGroup: map[string]*group{},
	}
	crowd := 0
	if times := float64(opts.Messages) / DefaultMessages; times > 1 {
		crowd = int(8 * (math.Sqrt(times) - 1))
	}
	t.addPeople(crowd)
	t.addSystemBots()
	t.addChannels(crowd / 6)
	for i := range talk {
		t.learn(&talk[i])
	}
	return t
}

// learn subscribes those who write in a channel, or who react there, and makes the group that a conversation is of.
func (t *team) learn(c *script.Conversation) {
	if c.Places[0] == "group" {
		key := groupKey(c.With)
		if t.byGroup[key] == nil {
			g := &group{id: int64(len(t.groups) + 1)}
			for _, k := range c.With {
				g.members = append(g.members, t.byKey[k])
			}
			t.groups = append(t.groups, g)
			t.byGroup[key] = g
		}
	}
	ch := t.byChannel[c.Places[0]]
	if ch == nil {
		return
	}
	join := func(key string) {
		if m := t.byKey[key]; m != nil && m.bot == 0 && !m.system {
			t.subscribe(ch, m)
		}
	}
	for _, l := range c.Lines {
		join(l.From)
		for _, r := range l.Reactions {
			for _, key := range r.By {
				join(key)
			}
		}
	}
}

// addSystemBots makes the bots of the server known to the conversations. They are members of another organization.
func (t *team) addSystemBots() {
	for _, b := range []*member{
		{id: NotificationBot, key: "notification-bot", name: "Notification Bot", email: "notification-bot@zulip.com"},
		{id: EmailGateway, key: "emailgateway", name: "Email Gateway", email: "emailgateway@zulip.com"},
		{id: WelcomeBot, key: "welcome-bot", name: "Welcome Bot", email: "welcome-bot@zulip.com"},
	} {
		b.system, b.bot, b.role, b.since = true, realmport.GenericBot, realmport.Member, t.workday(workingDays)
		t.system = append(t.system, b)
		t.byKey[b.key] = b
	}
}

// mailDomain is that of addresses which the server makes up.
func (t *team) mailDomain() string {
	host, _, _ := strings.Cut(t.opts.ExternalHost, ":")
	return t.opts.StringID + "." + host
}

// render returns the HTML of a text.
func (t *team) render(text string) string { return markup.Render(text, t) }

// User, Group, Channel, Emoji and Issue implement markup.Names.

// User returns the id of the member with this full name.
func (t *team) User(name string) (int64, bool) {
	if m := t.byName[name]; m != nil {
		return m.id, true
	}
	return 0, false
}

// Group returns the id of the user group with this name.
func (t *team) Group(name string) (int64, bool) {
	i := slices.IndexFunc(userGroups(), func(g userGroup) bool { return g.name == name })
	return firstUserGroup + int64(i), i >= 0
}

// Channel returns the id of the channel with this name.
func (t *team) Channel(name string) (int64, bool) {
	if c := t.byChannel[name]; c != nil {
		return c.id, true
	}
	return 0, false
}

// Emoji returns an emoji's code, or the address of its picture.
func (t *team) Emoji(name string) (code, picture string, ok bool) {
	for i, e := range customEmoji() {
		if e.name == name {
			return "", t.emojiAddress(i), true
		}
	}
	code, ok = t.emoji[name]
	return code, "", ok
}

// Issue returns the address of an issue.
func (t *team) Issue(number string) string { return strings.Replace(issueAddress, "{id}", number, 1) }
