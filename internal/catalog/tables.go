package catalog

import "github.com/realmport/realmport"

// Tables returns the exported tables in the order of their keys in their files
// (format.md §1.4). The caller owns the slice.
//
// Message files hold zerver_message and zerver_usermessage; their rows are
// selected by the engine's plan (format.md §5), so the two have no Rows here.
func Tables() []Table {
	tables := append(realmTables(), analyticsTables()...)
	return append(tables,
		Table{
			Name: "zerver_attachment", File: AttachmentFile, Rows: inRealm,
			Links: []Link{
				link("messages", "zerver_attachment_messages", "attachment_id", "message_id", "message_id"),
				link("scheduled_messages", "zerver_attachment_scheduled_messages", "attachment_id", "scheduledmessage_id", "scheduledmessage_id"),
			},
		},
		// The full-text index is large, and the target's database makes its own (format.md §3.10).
		Table{Name: "zerver_message", File: MessagesFile, Drop: []string{"search_tsvector"}},
		flagged(Table{Name: "zerver_usermessage", File: MessagesFile}),
	)
}

func realmTables() []Table {
	return []Table{
		{
			Name: "zerver_realm", File: RealmFile, Rows: theRealm,
			// The push service's credential; the importer makes a fresh one.
			Drop:   []string{"uuid_owner_secret"},
			Rename: map[string]string{"max_invites": "_max_invites"},
			// The other times crash the reference exporter unless they are null.
			NumericTimes: []string{"date_created"},
		},
		{Name: "zerver_realmauthenticationmethod", File: RealmFile, Rows: inRealm, Since: 436},
		{Name: "zerver_presencesequence", File: RealmFile, Rows: inRealm, Since: 527},
		{Name: "zerver_scheduledmessage", File: RealmFile, Rows: scheduledMessages},
		{Name: "zerver_defaultstream", File: RealmFile, Rows: inRealm},
		{Name: "zerver_customprofilefield", File: RealmFile, Rows: inRealm},
		{
			Name: "zerver_realmauditlog", File: RealmFile, Rows: auditLog,
			// An entry about somebody must not turn into one about nobody.
			OnDangling: map[string]Dangling{"modified_user_id": Leave, "modified_stream_id": Leave, "modified_user_group_id": Leave},
		},
		{Name: "zerver_realmemoji", File: RealmFile, Rows: inRealm},
		{Name: "zerver_realmdomain", File: RealmFile, Rows: inRealm},
		// Paths of earlier archives are download secrets.
		{Name: "zerver_realmexport", File: RealmFile, Rows: inRealm, Since: 595, Drop: []string{"export_path"}},
		{Name: "zerver_realmfilter", File: RealmFile, Rows: inRealm},
		{Name: "zerver_realmplayground", File: RealmFile, Rows: inRealm},
		{Name: "zerver_realmuserdefault", File: RealmFile, Rows: inRealm},
		flagged(Table{Name: "zerver_onboardingusermessage", File: RealmFile, Rows: inRealm, Since: 542}),
		{
			Name: Users, File: RealmFile, Rows: inRealm,
			Keys: []string{Users, MirrorDummies, CrossRealm},
			// Credentials, of Zulip and of services that users connected (the last has two names over time).
			Drop: []string{"password", "api_key", "uuid", "zoom_token", "third_party_api_state"},
			Links: []Link{
				link("groups", "zerver_userprofile_groups", "userprofile_id", "group_id", "id"),
				link("user_permissions", "zerver_userprofile_user_permissions", "userprofile_id", "permission_id", "id"),
			},
		},
		{Name: "zerver_service", File: RealmFile, Rows: ofExposed("user_profile_id")},
		{Name: "zerver_botstoragedata", File: RealmFile, Rows: ofExposed("bot_profile_id")},
		{Name: "zerver_botconfigdata", File: RealmFile, Rows: ofExposed("bot_profile_id")},
		{Name: "zerver_huddle", File: RealmFile, Rows: func(s Scope) ([]realmport.Cond, bool) { return in("id", s.Huddles) }},
		{Name: "zerver_alertword", File: RealmFile, Rows: ofExposed("user_profile_id")},
		{Name: "zerver_customprofilefieldvalue", File: RealmFile, Rows: ofUsers("user_profile_id")},
		{Name: "zerver_muteduser", File: RealmFile, Rows: ofExposed("user_profile_id")},
		{Name: "zerver_onboardingstep", File: RealmFile, Rows: ofExposed("user_id"), Since: 493},
		{Name: "zerver_savedsnippet", File: RealmFile, Rows: ofExposed("user_profile_id"), Since: 587},
		{Name: "zerver_useractivity", File: RealmFile, Rows: ofExposed("user_profile_id")},
		{Name: "zerver_useractivityinterval", File: RealmFile, Rows: ofExposed("user_profile_id")},
		{Name: "zerver_userpresence", File: RealmFile, Rows: ofUsers("user_profile_id")},
		{Name: "zerver_userstatus", File: RealmFile, Rows: ofExposed("user_profile_id")},
		{Name: "zerver_usertopic", File: RealmFile, Rows: ofExposed("user_profile_id")},
		{Name: "zerver_usergroup", File: RealmFile, Rows: inRealm},
		{Name: "zerver_usergroupmembership", File: RealmFile, Rows: ofGroups("user_group_id")},
		{Name: "zerver_groupgroupmembership", File: RealmFile, Rows: ofGroups("supergroup_id")},
		{
			Name: "zerver_namedusergroup", File: RealmFile, Rows: inRealm, Since: 512,
			ID: "usergroup_ptr_id", Rename: map[string]string{"realm_id": "realm_for_sharding"},
		},
		{Name: "zerver_stream", File: RealmFile, Rows: inRealm},
		{Name: "zerver_recipient", File: RealmFile, Rows: func(s Scope) ([]realmport.Cond, bool) { return in("id", s.Recipients) }},
		{Name: Subscriptions, File: RealmFile, Rows: func(s Scope) ([]realmport.Cond, bool) { return in("recipient_id", s.Recipients) }},
		{
			Name: "zerver_reaction", File: RealmFile, Rows: all,
			Via: &realmport.Through{Column: "message_id", Table: "zerver_message", Key: "id"},
		},
		{Name: "zerver_client", File: RealmFile, Rows: func(s Scope) ([]realmport.Cond, bool) { return in("id", s.Clients) }},
	}
}

func analyticsTables() []Table {
	return []Table{
		{Name: "analytics_realmcount", File: AnalyticsFile, Rows: inRealm},
		{Name: "analytics_usercount", File: AnalyticsFile, Rows: inRealm},
		{Name: "analytics_streamcount", File: AnalyticsFile, Rows: inRealm},
	}
}

// Names of tables and lists that the engine treats specially.
const (
	Users         = "zerver_userprofile"
	MirrorDummies = "zerver_userprofile_mirrordummy"
	CrossRealm    = "zerver_userprofile_crossrealm"
	Subscriptions = "zerver_subscription"
)

func theRealm(s Scope) ([]realmport.Cond, bool) {
	return []realmport.Cond{realmport.Equal{Column: "id", Value: s.Realm}}, true
}

// flagged describes a table with a bit field: it is written under another key, last (format.md §3.5).
func flagged(t Table) Table {
	t.Rename = map[string]string{"flags": "flags_mask"}
	t.Last = []string{"flags"}
	return t
}

func link(key, table, owner, target, by string) Link {
	return Link{Key: key, Link: realmport.Link{Table: table, Owner: owner, Target: target, By: by}}
}
