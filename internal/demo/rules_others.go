package demo

import "github.com/realmport/realmport"

// addNeighbour adds an ordinary organization on the same server, with rows in every table. No archive
// of the rules organization holds any of them.
func (f *fixture) addNeighbour() *realm {
	r := f.newRealm(NeighbourRealm, never, Foreign, values{
		"string_id": NeighbourStringID, "name": Foreign, "date_created": f.now(), "uuid_owner_secret": SecretOwner,
	})
	for _, u := range []struct {
		id   int64
		role realmport.Role
		more values
	}{
		{Nina, realmport.Owner, values{"allow_private_data_export": true}},
		{Ned, realmport.Member, nil},
		{NinasBot, realmport.Member, values{"is_bot": true, "bot_type": 3, "bot_owner_id": Nina}},
	} {
		email := Foreign + string(rune('a'+u.id-Nina)) + "@next.test"
		r.user(u.id, never, u.role, with(values{"email": email, "delivery_email": email, "full_name": Foreign, "avatar_source": "U"}, u.more))
	}
	return r
}

func (r *realm) addNeighbourChannels() {
	r.channel(NextDoor, values{"name": Foreign, "description": Foreign})
	r.channel(NextDoorLocks, values{"name": Foreign + " private", "description": Foreign, "invite_only": true})
	r.subscribe(NextDoor, Nina, Ned, NinasBot)
	r.subscribe(NextDoorLocks, Nina)
	r.add("zerver_defaultstream", never, values{"realm_id": r.id, "stream_id": NextDoor})
}

func (r *realm) addNeighbourGroup() { r.directGroup(NextGroup, never, Nina, Ned, NinasBot) }

// addNeighbourMessages adds messages whose ids lie between those of the rules organization.
func (r *realm) addNeighbourMessages() {
	recipients := []int64{
		ChannelRecipient(NextDoor), ChannelRecipient(NextDoorLocks), PersonalRecipient(Ned), PersonalRecipient(Nina),
		PersonalRecipient(NotificationBot), GroupRecipient(NextGroup),
	}
	for i := range int64(40) {
		id := 1001 + 2*i
		r.addMessage(message{
			id: id, sender: []int64{Nina, Ned, NinasBot}[i%3], to: recipients[int(i)%len(recipients)], got: []int64{Nina, Ned},
			more: values{"content": Foreign, "rendered_content": Foreign, "sending_client_id": clientForeign},
		})
	}
}

func (r *realm) addNeighbourSettings() {
	id := r.id
	r.add("zerver_realmdomain", never, values{"realm_id": id})
	r.add("zerver_realmfilter", never, values{"realm_id": id})
	r.add("zerver_realmplayground", never, values{"realm_id": id})
	r.add("zerver_realmemoji", never, values{"realm_id": id, "author_id": Nina, "file_name": "1.png"})
	r.add("zerver_realmexport", never, values{"realm_id": id, "type": 3, "status": 3, "export_path": Foreign})
	r.add("analytics_realmcount", never, values{"realm_id": id})
	r.add("analytics_usercount", never, values{"realm_id": id, "user_id": Nina})
	r.add("analytics_streamcount", never, values{"realm_id": id, "stream_id": NextDoor})
	field := r.add("zerver_customprofilefield", never, values{"realm_id": id})
	r.add("zerver_customprofilefieldvalue", never, values{"user_profile_id": Nina, "field_id": field})
	r.audit(never, 301, values{"modified_user_id": Nina, "modified_stream_id": NextDoor, "acting_user_id": Nina})
	r.audit(never, 132, values{"modified_user_id": Ned, "acting_user_id": Ned})
}

func (r *realm) addNeighbourContent() {
	later := r.add("zerver_scheduledmessage", never, values{
		"realm_id": r.id, "sender_id": Nina, "sending_client_id": clientForeign, "recipient_id": ChannelRecipient(NextDoor), "stream_id": NextDoor,
	})
	r.add("zerver_reaction", never, values{"user_profile_id": Ned, "message_id": 1001, "reaction_type": "unicode_emoji"})
	r.add("zerver_onboardingusermessage", never, values{"realm_id": r.id, "message_id": 1001})
	file := r.add("zerver_attachment", never, values{"realm_id": r.id, "owner_id": Nina, "path_id": neighbourFile, "size": len(Foreign)})
	r.add("zerver_attachment_messages", never, values{"attachment_id": file, "message_id": 1001})
	r.add("zerver_attachment_scheduled_messages", never, values{"attachment_id": file, "scheduledmessage_id": later})
}

func (r *realm) addNeighbourUserRows() {
	user := values{"user_profile_id": Nina}
	r.add("zerver_service", never, values{"user_profile_id": NinasBot})
	r.add("zerver_botstoragedata", never, values{"bot_profile_id": NinasBot})
	r.add("zerver_botconfigdata", never, values{"bot_profile_id": NinasBot})
	r.add("zerver_alertword", never, with(user, values{"realm_id": r.id}))
	r.add("zerver_muteduser", never, with(user, values{"muted_user_id": Ned}))
	r.add("zerver_onboardingstep", never, values{"user_id": Nina})
	r.add("zerver_savedsnippet", never, with(user, values{"realm_id": r.id}))
	r.add("zerver_useractivityinterval", never, user)
	r.add("zerver_usertopic", never, with(user, values{"stream_id": NextDoor, "recipient_id": ChannelRecipient(NextDoor)}))
	r.add("zerver_useractivity", never, with(user, values{"client_id": clientForeign}))
	r.add("zerver_userstatus", never, with(user, values{"client_id": clientForeign}))
	r.add("zerver_userpresence", never, with(user, values{"realm_id": r.id}))
}

// addNeverExported adds rows of the rules organization to tables that no export holds.
func (f *fixture) addNeverExported() {
	add := func(table string, v values) int64 {
		return f.insert(row{table: table, fill: NeverExported, values: v})
	}
	add("zerver_draft", values{"user_profile_id": Alice, "recipient_id": ChannelRecipient(General)})
	add("zerver_submessage", values{"message_id": 1002, "sender_id": Owner})
	add("zerver_pushdevicetoken", values{"user_id": Alice})
	add("zerver_missedmessageemailaddress", values{"message_id": 1002, "user_profile_id": Alice})
	add("zerver_imageattachment", values{"realm_id": RulesRealm, "thumbnail_metadata": "[]"})
	group := add("zerver_defaultstreamgroup", values{"realm_id": RulesRealm})
	add("zerver_defaultstreamgroup_streams", values{"defaultstreamgroup_id": group, "stream_id": General})
	add("analytics_installationcount", values{})
	add("analytics_fillstate", values{"state": 1})
	add("fts_update_log", values{"message_id": 1002})
	batch := add("zerver_archivetransaction", values{"realm_id": RulesRealm})
	deleted := add("zerver_archivedmessage", values{
		"id": int64(1090), "realm_id": RulesRealm, "sender_id": Owner, "recipient_id": ChannelRecipient(General),
		"sending_client_id": clientForeign, "archive_transaction_id": batch, "is_channel_message": true,
	})
	add("zerver_archivedusermessage", values{"user_profile_id": Alice, "message_id": deleted})
}
