package demo

import (
	"fmt"

	"github.com/realmport/realmport"
)

// organizations returns the rows of everything but messages and what hangs on them. Its
// fixture's own ids are those of groups and settings only; all others follow from numbers.
func (g *generator) organizations() []row {
	f := &fixture{last: map[string]int64{}}
	for id, name := range []string{"website", "ZulipMobile", "Internal"} {
		f.insert(row{table: "zerver_client", values: values{"id": int64(id + 1), "name": name}})
	}
	f.addGeneratedBots()
	for realm := range g.Realms {
		r := f.newRealm(GeneratedRealmID(realm), always, "", values{
			"string_id": GeneratedRealm(realm), "name": fmt.Sprintf("Demo organization %d", realm+1), "date_created": epoch,
			"uuid_owner_secret": fmt.Sprintf("zuliprealm_%032d", realm),
		})
		for n := range g.streams {
			g.addStream(r, realm, n)
		}
		for n := range g.groups() {
			g.addGroup(r, realm, n)
		}
		for n := range g.users {
			g.addUser(r, realm, n)
		}
	}
	return f.rows
}

// addGeneratedBots adds the system bots and their organization.
func (f *fixture) addGeneratedBots() {
	r := f.newRealm(SystemRealm, never, "", values{
		"string_id": "zulipinternal", "name": "System", "date_created": epoch, "uuid_owner_secret": "zuliprealm_system",
	})
	for i, name := range []string{"notification-bot", "emailgateway", "welcome-bot"} {
		id, email := NotificationBot+int64(i), name+"@zulip.com"
		g := generatedUser{id: id, recipient: id, role: realmport.Member}
		r.addGenerated(g, values{
			"email": email, "delivery_email": email, "full_name": name, "is_bot": true, "bot_type": 1, "bot_owner_id": id, "avatar_source": "U",
		})
	}
}

type generatedUser struct {
	id, recipient int64
	role          realmport.Role
}

// addGenerated adds a user with recipient, subscription and group.
func (r *realm) addGenerated(u generatedUser, v values) {
	r.add("zerver_userprofile", always, with(values{
		"id": u.id, "realm_id": r.id, "recipient_id": u.recipient, "role": int(u.role), "date_joined": epoch,
	}, v))
	r.add("zerver_recipient", always, values{"id": u.recipient, "type": 1, "type_id": u.id})
	r.add("zerver_subscription", always, values{"user_profile_id": u.id, "recipient_id": u.recipient})
	r.add("zerver_usergroupmembership", always, values{"user_group_id": r.group(groupOf(u.role)), "user_profile_id": u.id})
}

// addUser adds the n-th user of an organization. One in three consents, the owner among
// them; one in twelve is a bot of the user before.
func (g *generator) addUser(r *realm, realm, n int) {
	id := g.userID(realm, n)
	email := fmt.Sprintf("user%d@%s.%s", id, GeneratedRealm(realm), ExternalHost)
	v := values{
		"full_name": fmt.Sprintf("%s %s", word(n*31+realm), word(n*17+5)), "email": email, "delivery_email": email,
		"allow_private_data_export": n%3 == 0, "email_address_visibility": []int{1, 4, 3, 2, 5}[n%5],
	}
	role := realmport.Member
	switch {
	case n == 0:
		role = realmport.Owner
	case n%12 == 11:
		v["is_bot"], v["bot_type"], v["bot_owner_id"] = true, 1, g.userID(realm, n-1)
	case n%20 == 7:
		role = realmport.Guest
	case n%15 == 8:
		v["is_active"] = false
	}
	r.addGenerated(generatedUser{id: id, recipient: g.userRecipient(realm, n), role: role}, v)
	r.add("zerver_userpresence", always, values{"realm_id": r.id, "user_profile_id": id, "last_update_id": n})
	r.add("zerver_useractivity", always, values{"user_profile_id": id, "client_id": 1, "query": "get_events", "count": n, "last_visit": epoch})
	r.add("zerver_alertword", always, values{"realm_id": r.id, "user_profile_id": id, "word": word(n)})
}

// addStream adds the n-th channel of an organization with its subscribers: public ones,
// a private one with shared and one with protected history, one on the web, and again.
func (g *generator) addStream(r *realm, realm, n int) {
	id, recipient := g.streamID(realm, n), g.streamRecipient(realm, n)
	kind := n % 5
	r.add("zerver_stream", always, values{
		"id": id, "realm_id": r.id, "recipient_id": recipient, "date_created": epoch,
		"name": fmt.Sprintf("%s %d", word(n), n), "description": sentence(uint64(n), 40),
		"invite_only": kind == 2 || kind == 3, "history_public_to_subscribers": kind != 3, "is_web_public": kind == 4,
		"can_add_subscribers_group_id":    r.group(nobody),
		"can_administer_channel_group_id": r.group(nobody),
		"can_remove_subscribers_group_id": r.group(administrators),
		"can_send_message_group_id":       r.group(everyone),
		"can_subscribe_group_id":          r.group(nobody),
	})
	r.add("zerver_recipient", always, values{"id": recipient, "type": 2, "type_id": id})
	for k := range g.subscribers() {
		user := g.userID(realm, (g.firstSubscriber(n)+k)%g.users)
		r.add("zerver_subscription", always, values{"user_profile_id": user, "recipient_id": recipient})
	}
}

// addGroup adds the n-th group of an organization: three users in a row.
func (g *generator) addGroup(r *realm, realm, n int) {
	id, recipient := g.groupID(realm, n), g.groupRecipient(realm, n)
	var users []int64
	for k := range groupReceivers {
		users = append(users, g.userID(realm, n+k))
		r.add("zerver_subscription", always, values{"user_profile_id": users[k], "recipient_id": recipient})
	}
	r.add("zerver_huddle", always, values{"id": id, "recipient_id": recipient, "group_size": len(users), "huddle_hash": groupHash(users)})
	r.add("zerver_recipient", always, values{"id": recipient, "type": 3, "type_id": id})
}
