package demo

import (
	"fmt"

	"github.com/realmport/realmport"
)

// The programs that messages were sent with, and who makes an archive hold each.
const (
	clientWebsite   int64 = 1  // always: messages in public channels
	clientInternal  int64 = 2  // always: the notification bot's in a public channel
	clientMobile    int64 = 3  // fullOnly: only Bob's message in Unconsented
	clientScheduled int64 = 4  // consented: only Alice's scheduled message
	clientBobLater  int64 = 5  // fullOnly: only Bob's scheduled message
	clientStatus    int64 = 6  // consented: only Alice's status
	clientBobStatus int64 = 7  // fullOnly: only Bob's status
	clientActivity  int64 = 8  // consented: only Alice's activity
	clientBobActive int64 = 9  // fullOnly: only Bob's activity
	clientUnused    int64 = 10 // never
	clientForeign   int64 = 11 // never: the neighbour's, and those of messages that nobody gets
)

func (f *fixture) addClients() {
	for _, c := range []struct {
		id   int64
		in   exports
		name string
	}{
		{clientWebsite, always, "website"},
		{clientInternal, always, "Internal"},
		{clientMobile, fullOnly, "ZulipMobile"},
		{clientScheduled, consented, "ZulipElectron"},
		{clientBobLater, fullOnly, "ZulipTerminal"},
		{clientStatus, consented, "ZulipFlutter"},
		{clientBobStatus, fullOnly, "ZulipPython"},
		{clientActivity, consented, "ZulipGitHubWebhook"},
		{clientBobActive, fullOnly, "ZulipSlackWebhook"},
		{clientUnused, never, NeverExported},
		{clientForeign, never, Foreign},
	} {
		f.insert(row{table: "zerver_client", in: c.in, values: values{"id": c.id, "name": c.name}})
	}
}

// addSystemRealm adds the organization of the system bots. An archive holds their ids only.
func (f *fixture) addSystemRealm() {
	r := f.newRealm(SystemRealm, never, Foreign, values{
		"string_id": "zulipinternal", "name": Foreign, "date_created": epoch, "uuid_owner_secret": SecretOwner,
	})
	for i, name := range []string{"notification-bot", "emailgateway", "welcome-bot", "nagios-send-bot"} {
		id, email := NotificationBot+int64(i), name+"@zulip.com"
		r.user(id, never, realmport.Member, values{
			"email": email, "delivery_email": email, "full_name": Foreign, "is_bot": true, "bot_type": 1,
			"bot_owner_id": id, "avatar_source": "U", "date_joined": epoch,
		})
	}
}

// addRulesRealm adds the organization to export and its users.
func (f *fixture) addRulesRealm() *realm {
	r := f.newRealm(RulesRealm, always, "", values{
		"string_id": RulesStringID, "name": "Rules & <Regulations> ✓", "date_created": f.now(),
		"description": "One of \"everything\"", "uuid_owner_secret": SecretOwner, "icon_source": "U",
		// The reference cannot write these three.
		"push_notifications_enabled_end_timestamp":  f.now(),
		"scheduled_deletion_date":                   f.now(),
		"demo_organization_scheduled_deletion_date": f.now(),
		"max_invites": 100, "moderation_request_channel_id": Shared, "first_visible_message_id": 1004,
	})
	for _, u := range []struct {
		id         int64
		name       string
		role       realmport.Role
		visibility int
		more       values
	}{
		{Owner, "Olivia Owner", realmport.Owner, 1, values{"allow_private_data_export": true}},
		{Alice, "Alice Åkesson", realmport.Member, 4, values{
			"allow_private_data_export": true, "avatar_source": "U", "avatar_version": 2,
			"twenty_four_hour_time": true, "color_scheme": 2,
			"zoom_token": fmt.Sprintf(`{"access_token": %q}`, SecretZoom), "last_login": r.now(),
		}},
		{Bob, `Bob "Bobby" O'Neill \o/`, realmport.Member, 4, values{
			"avatar_source": "U", "twenty_four_hour_time": true, "color_scheme": 2, "emojiset": "text",
			"zoom_token": fmt.Sprintf(`{"access_token": %q}`, SecretZoom), "default_sending_stream_id": General,
		}},
		{Carol, "Carol", realmport.Member, 2, values{"is_active": false}},
		{Dave, "Dave 😀", realmport.Member, 1, values{"is_active": false, "is_mirror_dummy": true}},
		{Erin, "Erin", realmport.Administrator, 3, values{"tos_version": "1.0", "last_reminder": r.now()}},
		{BotA, "Bot A", realmport.Member, 1, values{"is_bot": true, "bot_type": 1, "bot_owner_id": Alice}},
		{BotB, "Bot B", realmport.Member, 1, values{"is_bot": true, "bot_type": 3, "bot_owner_id": Bob}},
		{BotC, "Bot C", realmport.Member, 1, values{"is_bot": true, "bot_type": 1, "bot_owner_id": Bob, "allow_private_data_export": true}},
		{Frank, "Frank", realmport.Moderator, 5, values{
			"is_active": false, "long_term_idle": true, "allow_private_data_export": true, "last_active_message_id": 1004,
		}},
		{Grace, "Grace", realmport.Guest, 4, values{"is_active": false}},
	} {
		email := DeliveryEmail(u.id)
		if u.visibility != 1 {
			email = fmt.Sprintf("user%d@%s.%s", u.id, RulesStringID, ExternalHost)
		}
		// RU: every user of the realm is in E, whatever the type.
		r.user(u.id, always, u.role, with(values{
			"full_name": u.name, "email": email, "delivery_email": DeliveryEmail(u.id), "email_address_visibility": u.visibility,
		}, u.more))
	}
	return r
}

// DeliveryEmail returns the true address of a user of the rules organization.
func DeliveryEmail(user int64) string { return fmt.Sprintf("true-address-%d@demo.test", user) }

// addRulesChannels adds the channels. All of them, and all their subscriptions, are in every export.
func (r *realm) addRulesChannels() {
	for _, c := range []struct {
		id   int64
		name string
		more values
		subs []int64
	}{
		{General, "general", values{"creator_id": Owner, "first_message_id": 1002}, []int64{Owner, Alice, Bob, Carol, Erin, BotA}},
		{Web, "web", values{"is_web_public": true}, []int64{Alice, Bob}},
		{Shared, "private, shared history", values{"invite_only": true, "creator_id": Alice}, []int64{Alice, Bob}},
		{Protected, "private, protected history", values{"invite_only": true, "history_public_to_subscribers": false}, []int64{Alice, Bob, Frank}},
		{Unconsented, "private, no consent", values{"invite_only": true, "creator_id": Bob}, []int64{Bob, Erin}},
		{Archived, "archived", values{"deactivated": true}, []int64{Erin}},
		{Left, "private, Alice left", values{"invite_only": true}, []int64{Bob}},
		{EmptyHall, "empty hall", values{"message_retention_days": 30}, nil},
		{Zephyr, "public, protected history", values{"history_public_to_subscribers": false}, []int64{Alice, Bob}},
	} {
		r.channel(c.id, with(values{"name": c.name, "description": "About " + c.name}, c.more))
		r.subscribe(c.id, c.subs...)
	}
	r.add("zerver_subscription", always, values{
		"user_profile_id": Alice, "recipient_id": ChannelRecipient(Left), "active": false,
		"color": "#123456", "is_muted": true, "pin_to_top": true, "push_notifications": true,
	})
	r.add("zerver_subscription", always, values{
		"user_profile_id": Grace, "recipient_id": ChannelRecipient(General), "is_user_active": false,
		"color": "#654321", "is_muted": true, "pin_to_top": true, "email_notifications": false,
	})
	r.add("zerver_defaultstream", always, values{"realm_id": r.id, "stream_id": General})
	r.add("zerver_defaultstream", always, values{"realm_id": r.id, "stream_id": Web})
}

// addRulesGroups adds the groups that write to each other directly.
func (r *realm) addRulesGroups() {
	r.directGroup(MixedGroup, consented, Alice, Bob, Erin)
	r.directGroup(SilentGroup, fullOnly, Bob, Erin, Carol)
	// A member of another realm makes a group unsafe: it is dropped whole.
	r.directGroup(BotGroup, never, Alice, Bob, NotificationBot)
	r.directGroup(ForeignGroup, never, Alice, Bob, Nina)
}

// directGroup adds a group of users with its recipient and subscriptions.
func (r *realm) directGroup(id int64, in exports, users ...int64) {
	recipient := GroupRecipient(id)
	r.add("zerver_huddle", in, values{
		"id": id, "huddle_hash": groupHash(users), "recipient_id": recipient, "group_size": len(users),
	})
	r.add("zerver_recipient", in, values{"id": recipient, "type": 3, "type_id": id})
	for _, user := range users {
		r.add("zerver_subscription", in, values{"user_profile_id": user, "recipient_id": recipient})
	}
}
