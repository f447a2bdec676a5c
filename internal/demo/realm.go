package demo

import (
	"fmt"

	"github.com/realmport/realmport"
)

// systemGroup is one of the groups that every organization has, in the order of their ids.
type systemGroup int64

const (
	nobody systemGroup = iota
	owners
	administrators
	moderators
	fullMembers
	members
	everyone
	internet
	systemGroups // how many there are
)

// names returns a group's name and description.
func (g systemGroup) names() (name, description string) {
	switch g {
	case nobody:
		return "role:nobody", "Nobody"
	case owners:
		return "role:owners", "Owners of this organization"
	case administrators:
		return "role:administrators", "Administrators of this organization, including owners"
	case moderators:
		return "role:moderators", "Moderators of this organization, including administrators"
	case fullMembers:
		return "role:fullmembers", "Members of this organization, not including new accounts and guests"
	case members:
		return "role:members", "Members of this organization, not including guests"
	case everyone:
		return "role:everyone", "Everyone in this organization, including guests"
	default:
		return "role:internet", "Everyone on the Internet"
	}
}

// groupOf returns the system group that a user of a role is a direct member of.
func groupOf(r realmport.Role) systemGroup {
	switch r {
	case realmport.Owner:
		return owners
	case realmport.Administrator:
		return administrators
	case realmport.Moderator:
		return moderators
	case realmport.Guest:
		return everyone
	default:
		return members
	}
}

// groupSettings returns who may do what in a new organization.
func groupSettings() map[string]systemGroup {
	settings := map[string]systemGroup{}
	for group, columns := range map[systemGroup][]string{
		owners: {"can_create_web_public_channel_group_id", "can_manage_all_groups_id"},
		administrators: {
			"create_multiuse_invite_group_id", "can_delete_any_message_group_id",
			"can_manage_billing_group_id", "can_mention_many_users_group_id",
		},
		members: {
			"can_add_subscribers_group_id", "can_add_custom_emoji_group_id", "can_create_bots_group_id",
			"can_create_groups_id", "can_create_public_channel_group_id", "can_create_private_channel_group_id",
			"can_create_write_only_bots_group_id", "can_invite_users_group_id", "can_move_messages_between_channels_group_id",
		},
		everyone: {
			"can_access_all_users_group_id", "can_delete_own_message_group_id", "can_move_messages_between_topics_group_id",
			"can_resolve_topics_group_id", "can_summarize_topics_group_id", "direct_message_initiator_group_id",
			"direct_message_permission_group_id",
		},
	} {
		for _, column := range columns {
			settings[column] = group
		}
	}
	return settings
}

// namedGroupColumns are the settings of a group that name another group.
func namedGroupColumns(group int64) values {
	v := values{}
	for _, what := range []string{"add_members", "join", "leave", "manage", "mention", "remove_members"} {
		v["can_"+what+"_group_id"] = group
	}
	return v
}

// realm is an organization whose rows are being made.
type realm struct {
	*fixture
	id     int64
	groups int64   // the id of its first system group
	in     exports // the exports that hold the rows that every organization needs
	fill   string
}

// newRealm adds the rows that every organization needs: itself with its settings, its
// system groups, the settings of new users, the ways to log in.
func (f *fixture) newRealm(id int64, in exports, fill string, v values) *realm {
	r := &realm{fixture: f, id: id, groups: f.last["zerver_usergroup"] + 1, in: in, fill: fill}
	for g := range systemGroups {
		group := r.add("zerver_usergroup", in, values{"realm_id": id})
		name, description := g.names()
		r.add("zerver_namedusergroup", in, with(namedGroupColumns(r.group(nobody)), values{
			"usergroup_ptr_id": group, "realm_id": id, "name": name, "description": description,
			"is_system_group": true, "date_created": nil, "creator_id": nil,
		}))
	}
	for g := owners; g < internet; g++ {
		super := g + 1
		r.add("zerver_groupgroupmembership", in, values{"supergroup_id": r.group(super), "subgroup_id": r.group(g)})
	}
	settings := values{"id": id}
	for column, group := range groupSettings() {
		settings[column] = r.group(group)
	}
	r.add("zerver_realm", in, with(settings, v))
	r.add("zerver_realmuserdefault", in, values{"realm_id": id})
	r.add("zerver_presencesequence", in, values{"realm_id": id, "last_update_id": 4})
	r.add("zerver_realmauthenticationmethod", in, values{"realm_id": id, "name": "Email"})
	r.audit(in, 215, nil)
	return r
}

func (r *realm) group(g systemGroup) int64 { return r.groups + int64(g) }

// add adds a row to the organization, filling the texts that v leaves out.
func (r *realm) add(table string, in exports, v values) int64 {
	return r.insert(row{table: table, in: in, fill: r.fill, values: v})
}

// audit adds a line to the organization's log.
func (r *realm) audit(in exports, event int, v values) {
	r.add("zerver_realmauditlog", in, with(values{
		"realm_id": r.id, "event_type": event, "event_time": r.now(),
	}, v))
}

// user adds a user with the recipient and the subscription by which messages reach
// them. Their recipient is in the exports that hold the subscription, which sub says.
func (r *realm) user(id int64, sub exports, role realmport.Role, v values) {
	recipient := PersonalRecipient(id)
	r.add("zerver_userprofile", 0, with(values{
		"id": id, "realm_id": r.id, "recipient_id": recipient, "role": int(role), "date_joined": r.now(),
		"password": SecretPassword, "api_key": fmt.Sprintf("%s%025d", secretKeyPrefix, id),
	}, v))
	r.add("zerver_recipient", sub, values{"id": recipient, "type": 1, "type_id": id})
	r.add("zerver_subscription", sub, values{"user_profile_id": id, "recipient_id": recipient})
	r.add("zerver_usergroupmembership", r.in, values{"user_group_id": r.group(groupOf(role)), "user_profile_id": id})
}

// channel adds a channel and its recipient.
func (r *realm) channel(id int64, v values) {
	recipient := ChannelRecipient(id)
	r.add("zerver_stream", r.in, with(values{
		"id": id, "realm_id": r.id, "recipient_id": recipient, "date_created": r.now(),
		"can_add_subscribers_group_id":    r.group(nobody),
		"can_administer_channel_group_id": r.group(nobody),
		"can_remove_subscribers_group_id": r.group(administrators),
		"can_send_message_group_id":       r.group(everyone),
		"can_subscribe_group_id":          r.group(nobody),
	}, v))
	r.add("zerver_recipient", r.in, values{"id": recipient, "type": 2, "type_id": id})
}

// subscribe adds subscriptions of users to a channel.
func (r *realm) subscribe(channel int64, users ...int64) {
	for _, user := range users {
		r.add("zerver_subscription", r.in, values{"user_profile_id": user, "recipient_id": ChannelRecipient(channel)})
	}
}
