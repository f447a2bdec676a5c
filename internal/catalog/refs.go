package catalog

import "slices"

// Ref is a reference from the rows of one table to the rows of another: the JSON key that
// holds the id, and the table whose row has it.
//
// A reference to zerver_userprofile may be met by any of the three user lists of an archive.
type Ref struct{ Key, Table string }

// Refs returns the references of an exported table, by the keys of its rows in an archive;
// none for a table that has none or is not known. The caller owns the slice.
//
// They are the foreign keys of the server's schema. References that the schema does not
// declare (a recipient's type_id, the code of a custom emoji, lists of ids) are
// not among them.
func Refs(table string) []Ref {
	const (
		realm     = "zerver_realm"
		user      = "zerver_userprofile"
		recipient = "zerver_recipient"
		stream    = "zerver_stream"
		group     = "zerver_usergroup"
		named     = "zerver_namedusergroup"
		message   = "zerver_message"
		client    = "zerver_client"
		field     = "zerver_customprofilefield"
	)
	switch table {
	case "analytics_realmcount", "zerver_customprofilefield", "zerver_presencesequence",
		"zerver_realmauthenticationmethod", "zerver_realmdomain", "zerver_realmfilter",
		"zerver_realmplayground", "zerver_realmuserdefault", "zerver_usergroup":
		return refs(realm, "realm")
	case "analytics_streamcount", "zerver_defaultstream":
		return slices.Concat(refs(realm, "realm"), refs(stream, "stream"))
	case "analytics_usercount":
		return slices.Concat(refs(realm, "realm"), refs(user, "user"))
	case "zerver_alertword", "zerver_savedsnippet", "zerver_userpresence":
		return slices.Concat(refs(realm, "realm"), refs(user, "user_profile"))
	case "zerver_attachment":
		return slices.Concat(refs(realm, "realm"), refs(user, "owner"))
	case "zerver_botconfigdata", "zerver_botstoragedata":
		return refs(user, "bot_profile")
	case "zerver_customprofilefieldvalue":
		return slices.Concat(refs(user, "user_profile"), refs(field, "field"))
	case "zerver_groupgroupmembership":
		return slices.Concat(refs(group, "supergroup"), refs(named, "subgroup"))
	case "zerver_huddle":
		return refs(recipient, "recipient")
	case "zerver_message":
		return slices.Concat(refs(user, "sender"), refs(recipient, "recipient"), refs(realm, "realm"), refs(client, "sending_client"))
	case "zerver_muteduser":
		return refs(user, "user_profile", "muted_user")
	case "zerver_namedusergroup":
		return slices.Concat(
			refs(group, "usergroup_ptr", "can_add_members_group", "can_join_group", "can_leave_group",
				"can_manage_group", "can_mention_group", "can_remove_members_group"),
			refs(user, "creator"), refs(realm, "realm_for_sharding"))
	case "zerver_onboardingstep":
		return refs(user, "user")
	case "zerver_onboardingusermessage":
		return slices.Concat(refs(realm, "realm"), refs(message, "message"))
	case "zerver_reaction", "zerver_usermessage":
		return slices.Concat(refs(user, "user_profile"), refs(message, "message"))
	case "zerver_realm":
		return slices.Concat(refs(group, realmGroups()...), refs(stream, "moderation_request_channel",
			"new_stream_announcements_stream", "signup_announcements_stream", "zulip_update_announcements_stream"))
	case "zerver_realmauditlog":
		return slices.Concat(refs(realm, "realm"), refs(user, "acting_user", "modified_user"),
			refs(stream, "modified_stream"), refs(named, "modified_user_group"))
	case "zerver_realmemoji":
		return slices.Concat(refs(realm, "realm"), refs(user, "author"))
	case "zerver_realmexport":
		return slices.Concat(refs(realm, "realm"), refs(user, "acting_user"))
	case "zerver_scheduledmessage":
		return slices.Concat(refs(user, "sender"), refs(recipient, "recipient"), refs(client, "sending_client"),
			refs(stream, "stream"), refs(realm, "realm"), refs(message, "delivered_message"))
	case "zerver_service", "zerver_useractivityinterval":
		return refs(user, "user_profile")
	case "zerver_stream":
		return slices.Concat(refs(realm, "realm"), refs(user, "creator"), refs(recipient, "recipient"),
			refs(group, "can_add_subscribers_group", "can_administer_channel_group", "can_remove_subscribers_group",
				"can_send_message_group", "can_subscribe_group"))
	case "zerver_subscription":
		return slices.Concat(refs(user, "user_profile"), refs(recipient, "recipient"))
	case "zerver_useractivity", "zerver_userstatus":
		return slices.Concat(refs(user, "user_profile"), refs(client, "client"))
	case "zerver_usergroupmembership":
		return slices.Concat(refs(group, "user_group"), refs(user, "user_profile"))
	case "zerver_userprofile", "zerver_userprofile_mirrordummy":
		return slices.Concat(refs(realm, "realm"), refs(recipient, "recipient"), refs(user, "bot_owner"),
			refs(stream, "default_sending_stream", "default_events_register_stream"))
	case "zerver_usertopic":
		return slices.Concat(refs(user, "user_profile"), refs(stream, "stream"), refs(recipient, "recipient"))
	}
	return nil
}

// NullableRef tells whether a reference may be null.
func NullableRef(table, key string) bool {
	switch table {
	case "zerver_huddle":
		return key == "recipient"
	case "zerver_namedusergroup":
		return key == "creator"
	case "zerver_realm":
		return slices.Contains([]string{
			"moderation_request_channel", "new_stream_announcements_stream",
			"signup_announcements_stream", "zulip_update_announcements_stream",
		}, key)
	case "zerver_realmauditlog":
		return key != "realm"
	case "zerver_realmemoji":
		return key == "author"
	case "zerver_realmexport":
		return key == "acting_user"
	case "zerver_scheduledmessage":
		return key == "stream" || key == "delivered_message"
	case "zerver_stream":
		return key == "creator" || key == "recipient"
	case "zerver_userprofile", "zerver_userprofile_mirrordummy":
		return key != "realm"
	}
	return false
}

// refs makes references from the keys to one table.
func refs(table string, keys ...string) []Ref {
	list := make([]Ref, len(keys))
	for i, key := range keys {
		list[i] = Ref{Key: key, Table: table}
	}
	return list
}

// realmGroups are the organization's settings that name a user group.
func realmGroups() []string {
	return []string{
		"can_add_custom_emoji_group", "can_create_public_channel_group", "can_create_private_channel_group",
		"can_create_web_public_channel_group", "can_delete_any_message_group", "can_delete_own_message_group",
		"can_move_messages_between_topics_group", "can_invite_users_group", "can_summarize_topics_group",
		"create_multiuse_invite_group", "direct_message_initiator_group", "direct_message_permission_group",
		"can_access_all_users_group", "can_create_groups", "can_manage_all_groups", "can_add_subscribers_group",
		"can_move_messages_between_channels_group", "can_resolve_topics_group", "can_create_bots_group",
		"can_create_write_only_bots_group", "can_manage_billing_group", "can_mention_many_users_group",
	}
}
