package verify

import "strings"

// needs lists, by table, the keys that the importer fails without and that are no references
// (format.md §6.4), and those whose values it fails on. After the key comes the form of its
// values, with a question mark if they may be null; an asterisk at the front marks a key
// that is looked at only where it is there.
func needs() map[string]string {
	const user = "date_joined:number last_login:number? last_reminder:number? last_active_message_id:integer? " +
		"groups:list user_permissions:list delivery_email:text email:text is_bot:boolean"
	return map[string]string{
		"analytics_realmcount":  "end_time:number",
		"analytics_streamcount": "end_time:number",
		"analytics_usercount":   "end_time:number",
		"zerver_attachment":     "path_id:text messages:list scheduled_messages:list create_time:number",
		"zerver_client":         "name:text",
		"zerver_message": "date_sent:number last_edit_time:number? has_attachment:boolean rendered_content:text? " +
			"*content:text *subject:text",
		"zerver_muteduser":               "date_muted:number",
		"zerver_namedusergroup":          "date_created:number? name:text description:text is_system_group:boolean deactivated:boolean",
		"zerver_onboardingusermessage":   "flags_mask:integer",
		"zerver_reaction":                "reaction_type:text emoji_code:text emoji_name:text",
		"zerver_realm":                   "date_created:number deactivated:boolean *scheduled_deletion_date:date *push_notifications_enabled_end_timestamp:date *demo_organization_scheduled_deletion_date:date",
		"zerver_realmauditlog":           "event_time:number",
		"zerver_realmemoji":              "name:text",
		"zerver_recipient":               "type:integer type_id:integer",
		"zerver_savedsnippet":            "date_created:number",
		"zerver_scheduledmessage":        "scheduled_timestamp:number has_attachment:boolean content:text rendered_content:text",
		"zerver_stream":                  "date_created:number description:text *name:text",
		"zerver_useractivity":            "last_visit:number",
		"zerver_useractivityinterval":    "start:number end:number",
		"zerver_usermessage":             "message:integer flags_mask:integer",
		"zerver_userpresence":            "last_connected_time:number? last_active_time:number?",
		"zerver_userprofile":             user,
		"zerver_userprofile_mirrordummy": user,
		"zerver_userprofile_crossrealm":  "email:text recipient_id:integer",
		"zerver_userstatus":              "timestamp:number reaction_type:text emoji_code:text emoji_name:text",
		"zerver_usertopic":               "last_updated:number",
	}
}

// parseNeed reads one entry of needs.
func parseNeed(s string) field {
	f := field{needed: true}
	s, optional := strings.CutPrefix(s, "*")
	f.needed = !optional
	s, f.nullable = strings.CutSuffix(s, "?")
	key, name, _ := strings.Cut(s, ":")
	f.key = key
	f.form = map[string]form{
		"integer": intForm, "number": numberForm, "text": textForm, "boolean": boolForm, "list": listForm, "date": dateForm,
	}[name]
	return f
}

// noun names the values of a form.
func (f form) noun() string {
	return [...]string{
		anyForm: "anything", refForm: "the id of a row", intForm: "an integer", numberForm: "a number",
		textForm: "a string", boolForm: "true or false", listForm: "a list of ids", dateForm: "a string or null",
	}[f]
}

// requiredTables are the names that a file must have. Further ones of realm.json may be missing
// from the archives of older servers.
func requiredTables(file string) []string {
	switch file {
	case realmFile:
		return strings.Fields(`zerver_realm zerver_realmauthenticationmethod zerver_defaultstream zerver_realmemoji
			zerver_realmdomain zerver_realmfilter zerver_realmplayground zerver_customprofilefield
			zerver_customprofilefieldvalue zerver_userprofile zerver_userprofile_mirrordummy
			zerver_userprofile_crossrealm zerver_huddle zerver_stream zerver_recipient zerver_subscription
			zerver_reaction zerver_client zerver_userpresence zerver_useractivity zerver_useractivityinterval
			zerver_usergroup zerver_usergroupmembership zerver_groupgroupmembership zerver_namedusergroup`)
	case analyticsFile:
		return []string{"analytics_realmcount", "analytics_usercount", "analytics_streamcount"}
	case attachmentFile:
		return []string{"zerver_attachment"}
	case messagesFile:
		return []string{"zerver_message", "zerver_usermessage"}
	}
	return nil
}

// optionalTables are the further names of realm.json that are known.
func optionalTables() []string {
	return strings.Fields(`zerver_presencesequence zerver_scheduledmessage zerver_realmauditlog zerver_realmexport
		zerver_realmuserdefault zerver_onboardingusermessage zerver_service zerver_botstoragedata zerver_botconfigdata
		zerver_alertword zerver_muteduser zerver_onboardingstep zerver_savedsnippet zerver_userstatus zerver_usertopic`)
}
