package demo

import "fmt"

// The rows of the rules organization that the tests name.
const (
	PartyEmoji   int64 = 1 // Alice's
	OldEmoji     int64 = 2 // Bob's, deactivated
	PendingEmoji int64 = 3 // Erin's, still without a file

	AlicePending   int64 = 1 // scheduled messages
	BobPending     int64 = 2
	AliceDelivered int64 = 3
	BobFailed      int64 = 4

	MissingAttachment int64 = 6 // its file does not exist
	EarlierExport     int64 = 1 // its export_path is a secret
	PublicOnboarding  int64 = 1 // an onboarding message in a public channel
	PrivateOnboarding int64 = 2 // and one to Alice, which is in no public export
)

// addRulesSettings adds what belongs to the organization as such: the same in every export.
func (r *realm) addRulesSettings() {
	id := r.id
	r.add("zerver_realmauthenticationmethod", always, values{"realm_id": id, "name": "GitHub"})
	r.add("zerver_realmdomain", always, values{"realm_id": id, "domain": "demo.test", "allow_subdomains": true})
	r.add("zerver_realmfilter", always, values{"realm_id": id, "pattern": `#(?P<id>\d+)`, "url_template": "https://demo.test/{id}"})
	r.add("zerver_realmplayground", always, values{"realm_id": id, "name": "Try Go", "pygments_language": "Go", "url_template": "https://demo.test/{code}"})
	r.add("zerver_realmemoji", always, values{"id": PartyEmoji, "realm_id": id, "author_id": Alice, "name": "party", "file_name": "1.png"})
	r.add("zerver_realmemoji", always, values{"id": OldEmoji, "realm_id": id, "author_id": Bob, "name": "old", "file_name": "2.gif", "is_animated": true, "deactivated": true})
	r.add("zerver_realmemoji", always, values{"id": PendingEmoji, "realm_id": id, "author_id": Erin, "name": "pending", "file_name": nil})
	r.add("zerver_realmexport", always, values{
		"id": EarlierExport, "realm_id": id, "type": 1, "status": 3, "acting_user_id": Owner, "date_requested": r.now(),
		"date_started": r.now(), "date_succeeded": r.now(), "export_path": SecretExportPath, "tarball_size_bytes": int64(5) << 30,
		"sha256sum_hex": fakeKey("a", 1) + fakeKey("b", 1), "stats": `{"realm": {"zerver_realm": 1}, "ratio": 0.5}`,
	})
	r.addRulesNamedGroups()
	r.addRulesProfileFields()
	r.addRulesAudit()
	end := epoch.Truncate(1e9)
	r.add("analytics_realmcount", always, values{"realm_id": id, "property": "messages_sent:is_bot:hour", "subgroup": "false", "value": 21, "end_time": end})
	r.add("analytics_realmcount", always, values{"realm_id": id, "property": "upload_quota_used_bytes::day", "value": int64(3) << 31, "end_time": end})
	for _, user := range []int64{Alice, Bob} {
		r.add("analytics_usercount", always, values{"realm_id": id, "user_id": user, "property": "messages_sent:is_bot:hour", "subgroup": "false", "value": user, "end_time": end})
	}
	for _, channel := range []int64{General, Unconsented} {
		r.add("analytics_streamcount", always, values{"realm_id": id, "stream_id": channel, "property": "messages_in_stream:is_bot:day", "subgroup": "false", "value": 2, "end_time": end})
	}
}

// addRulesNamedGroups adds groups of the organization's own: one of users, one of that one, one
// that is deactivated, and one without a name, which stands for a single setting.
func (r *realm) addRulesNamedGroups() {
	named := func(name string, v values) int64 {
		id := r.add("zerver_usergroup", always, values{"realm_id": r.id})
		r.add("zerver_namedusergroup", always, with(namedGroupColumns(r.group(members)), with(values{
			"usergroup_ptr_id": id, "realm_id": r.id, "name": name, "description": "", "date_created": r.now(), "creator_id": Alice,
		}, v)))
		return id
	}
	engineers := named("engineers", nil)
	all := named("everyone who works", nil)
	named("former", values{"deactivated": true, "creator_id": Bob})
	unnamed := r.add("zerver_usergroup", always, values{"realm_id": r.id})
	for _, user := range []int64{Alice, Bob} {
		r.add("zerver_usergroupmembership", always, values{"user_group_id": engineers, "user_profile_id": user})
	}
	r.add("zerver_usergroupmembership", always, values{"user_group_id": unnamed, "user_profile_id": Bob})
	r.add("zerver_groupgroupmembership", always, values{"supergroup_id": all, "subgroup_id": engineers})
	r.audit(always, 701, values{"modified_user_group_id": engineers, "acting_user_id": Alice}) // no user modified
	r.audit(fullOnly, 703, values{"modified_user_group_id": engineers, "modified_user_id": Bob, "acting_user_id": Alice})
}

// addRulesProfileFields adds profile fields and their values, which count as public.
func (r *realm) addRulesProfileFields() {
	text := r.add("zerver_customprofilefield", always, values{"realm_id": r.id, "name": "Likes", "hint": "a food", "order": 1, "field_data": ""})
	mentor := r.add("zerver_customprofilefield", always, values{"realm_id": r.id, "name": "Mentor", "hint": "", "order": 2, "field_type": 6, "field_data": ""})
	for _, user := range []int64{Alice, Bob} {
		r.add("zerver_customprofilefieldvalue", always, values{"user_profile_id": user, "field_id": text, "value": "soup", "rendered_value": "<p>soup</p>"})
	}
	r.add("zerver_customprofilefieldvalue", always, values{"user_profile_id": Carol, "field_id": mentor, "value": fmt.Sprintf("[%d]", Alice)})
}

// addRulesAudit adds a line of the log for each rule that selects them.
func (r *realm) addRulesAudit() {
	user := func(in exports, event int, user int64, v values) {
		r.audit(in, event, with(values{"modified_user_id": user}, v))
	}
	// Subscriptions are of everyone's history.
	user(always, 301, Bob, values{"modified_stream_id": General, "acting_user_id": Bob, "event_last_message_id": 1002})
	user(always, 302, Erin, values{"modified_stream_id": General})
	user(always, 303, Carol, values{"modified_stream_id": General})
	user(fullOnly, 304, Bob, values{"modified_stream_id": General})
	// Other events are of the user whom they changed.
	user(consented, 132, Alice, values{"acting_user_id": Alice, "extra_data": `{"property": "color_scheme", "1": 1, "2": 2}`})
	user(fullOnly, 132, Bob, values{"acting_user_id": Bob, "extra_data": `{"property": "color_scheme", "1": 1, "2": 2}`})
	user(consented, 101, Dave, values{"backfilled": true})
	user(consented, 103, Frank, values{"acting_user_id": Erin, "extra_data": `{"10": {"11": {"100": 1, "400": 4}, "12": 3}}`})
	user(fullOnly, 103, Grace, values{"acting_user_id": Alice})
	// Events without such a user are of the organization.
	r.audit(always, 207, values{"acting_user_id": NotificationBot, "extra_data": `{"1": "a \" b \\ c", "2": null, "x": 1.5}`})
	r.audit(always, 607, values{"modified_stream_id": Unconsented, "acting_user_id": Bob})
	r.audit(always, 206, values{"acting_user_id": Owner, "extra_data": fmt.Sprintf(`{"realm_export_id": %d}`, EarlierExport)})
}

// addRulesContent adds what hangs on messages: scheduled messages, reactions, attachments,
// onboarding messages.
func (r *realm) addRulesContent() {
	later := func(id int64, in exports, sender, client int64, v values) {
		r.add("zerver_scheduledmessage", in, with(values{
			"id": id, "realm_id": r.id, "sender_id": sender, "sending_client_id": client, "stream_id": General,
			"recipient_id": ChannelRecipient(General), "subject": "later", "content": "soon", "rendered_content": "<p>soon</p>",
			"scheduled_timestamp": r.now(),
		}, v))
	}
	later(AlicePending, consented, Alice, clientScheduled, values{"has_attachment": true})
	later(BobPending, fullOnly, Bob, clientBobLater, values{"has_attachment": true, "delivery_type": 2})
	later(AliceDelivered, consented, Alice, clientScheduled, values{
		"delivered": true, "delivered_message_id": 1036, "recipient_id": PersonalRecipient(Bob), "stream_id": nil, "read_by_sender": true,
	})
	later(BobFailed, fullOnly, Bob, clientBobLater, values{"failed": true, "failure_message": "gone"})

	react := func(in exports, user, message int64, kind, name, code string) {
		r.add("zerver_reaction", in, values{
			"user_profile_id": user, "message_id": message, "reaction_type": kind, "emoji_name": name, "emoji_code": code,
		})
	}
	react(always, Owner, 1002, "unicode_emoji", "tada", "1f389")
	react(always, Bob, 1002, "unicode_emoji", "heart", "2764") // who reacts does not matter
	react(always, Alice, 1014, "realm_emoji", "party", fmt.Sprint(PartyEmoji))
	react(consented, Bob, 1036, "zulip_extra_emoji", "zulip", "zulip")
	react(fullOnly, Bob, 1026, "unicode_emoji", "smile", "1f642")
	react(never, Alice, 1066, "unicode_emoji", "smile", "1f642")

	r.add("zerver_onboardingusermessage", always, values{"id": PublicOnboarding, "realm_id": r.id, "message_id": 1002, "flags": 2})
	// The reference has it in every export, pointing to nothing where the message is not.
	r.add("zerver_onboardingusermessage", consented, values{"id": PrivateOnboarding, "realm_id": r.id, "message_id": 1046, "flags": 3})
	r.addRulesAttachments()
}

// attachment is an uploaded file of the rules organization.
type attachment struct {
	id       int64
	in       exports
	owner    int64
	name     string
	messages []int64
	later    int64 // a scheduled message
	content  string
	lost     bool // there is no file
}

func rulesAttachments() []attachment {
	return []attachment{
		{1, always, Alice, "both.txt", []int64{1014, 1016}, 0, "in a public and a private message", false},
		{2, consented, Alice, "private.txt", []int64{1016}, 0, "in a private message", false},
		{3, consented, Alice, "later.txt", nil, AlicePending, "scheduled by Alice", false},
		{4, fullOnly, Bob, "bob-later.txt", nil, BobPending, "scheduled by Bob", false},
		{5, never, Bob, "unclaimed.txt", nil, 0, UnclaimedText, false},
		// The rules have it in every export; the row leaves with its file.
		{MissingAttachment, never, Alice, "lost.txt", []int64{1002}, 0, "", true},
	}
}

// path returns where the file is below the folder files.
func (a attachment) path() string {
	return fmt.Sprintf("%d/%x/%s/%s", RulesRealm, a.id*37, fakeKey("attachment", a.id)[:24], a.name)
}

func (r *realm) addRulesAttachments() {
	in := map[int64]exports{}
	for _, m := range rulesMessages() {
		in[m.id] = m.in
	}
	for _, a := range rulesAttachments() {
		r.add("zerver_attachment", a.in, values{
			"id": a.id, "realm_id": r.id, "owner_id": a.owner, "file_name": a.name, "path_id": a.path(),
			"create_time": r.now(), "size": len(a.content), "content_type": "text/plain", "is_realm_public": nil,
		})
		for _, message := range a.messages {
			r.add("zerver_attachment_messages", a.in&in[message], values{"attachment_id": a.id, "message_id": message})
		}
		if a.later != 0 {
			r.add("zerver_attachment_scheduled_messages", a.in, values{"attachment_id": a.id, "scheduledmessage_id": a.later})
		}
	}
}

// addUserRows adds a row of each table that belongs to users, for one who consents and for one who
// does not.
func (r *realm) addUserRows() {
	at := epoch
	for _, u := range []struct {
		in                       exports
		user, other, bot, hook   int64
		clientStatus, clientSeen int64
		word                     string
	}{
		{consented, Alice, Bob, BotA, BotC, clientStatus, clientActivity, "alice-word"},
		{fullOnly, Bob, Alice, BotB, BotB, clientBobStatus, clientBobActive, "bob-word"},
	} {
		r.add("zerver_service", u.in, values{"user_profile_id": u.hook, "name": u.word, "base_url": "https://demo.test/" + u.word, "token": "token-" + u.word})
		r.add("zerver_botstoragedata", u.in, values{"bot_profile_id": u.bot, "key": "k", "value": u.word})
		r.add("zerver_botconfigdata", u.in, values{"bot_profile_id": u.bot, "key": "k", "value": u.word})
		r.add("zerver_alertword", u.in, values{"realm_id": r.id, "user_profile_id": u.user, "word": u.word})
		r.add("zerver_muteduser", u.in, values{"user_profile_id": u.user, "muted_user_id": u.other, "date_muted": at})
		r.add("zerver_onboardingstep", u.in, values{"user_id": u.user, "onboarding_step": "intro", "timestamp": at})
		r.add("zerver_savedsnippet", u.in, values{"realm_id": r.id, "user_profile_id": u.user, "title": "t", "content": u.word, "date_created": at})
		r.add("zerver_useractivityinterval", u.in, values{"user_profile_id": u.user, "start": at, "end": at.Add(1e9)})
		r.add("zerver_usertopic", u.in, values{
			"user_profile_id": u.user, "stream_id": General, "recipient_id": ChannelRecipient(General), "topic_name": "tøpic", "last_updated": at, "visibility_policy": 3,
		})
		r.add("zerver_useractivity", u.in, values{"user_profile_id": u.user, "client_id": u.clientSeen, "query": "get_events", "count": 9, "last_visit": at})
		r.add("zerver_userstatus", u.in, values{
			"user_profile_id": u.user, "client_id": u.clientStatus, "timestamp": at, "status_text": u.word, "reaction_type": "realm_emoji", "emoji_name": "party", "emoji_code": fmt.Sprint(PartyEmoji),
		})
		// Presence counts as public.
		r.add("zerver_userpresence", always, values{"user_profile_id": u.user, "realm_id": r.id, "last_update_id": 3, "last_connected_time": at})
	}
}
