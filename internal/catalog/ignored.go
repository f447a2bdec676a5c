package catalog

import "strings"

// Ignored tells whether a table is known and deliberately not exported
// (format.md §2.1): links that die with the server's address, caches, second factors,
// deleted messages, features of the server and of its framework. A table that
// is neither exported nor ignored is unknown, and an export says so.
func Ignored(table string) bool {
	for _, prefix := range []string{
		"auth_", "django_", "otp_", "two_factor_", "social_auth_", "confirmation_",
		"zilencer_", "corporate_", "zerver_archived", "pgroonga", "fts_update_log",
	} {
		if strings.HasPrefix(table, prefix) {
			return true
		}
	}
	switch table {
	case "zerver_emailchangestatus", "zerver_multiuseinvite", "zerver_multiuseinvite_streams", "zerver_multiuseinvite_groups",
		"zerver_preregistrationrealm", "zerver_preregistrationuser", "zerver_preregistrationuser_streams",
		"zerver_preregistrationuser_groups", "zerver_realmreactivationstatus",
		"zerver_missedmessageemailaddress", "zerver_channelemailaddress",
		"zerver_scheduledmessagenotificationemail", "zerver_scheduledemail", "zerver_scheduledemail_users",
		"zerver_pushdevicetoken", "zerver_archivetransaction",
		"analytics_installationcount", "analytics_fillstate",
		"zerver_defaultstreamgroup", "zerver_defaultstreamgroup_streams", "zerver_submessage", "zerver_draft",
		"zerver_imageattachment":
		return true
	}
	return false
}

// RequiredColumns are the columns that rules select by, beyond keys and realm_id; a server without
// one of them is older than realmport supports.
func RequiredColumns() map[string][]string {
	return map[string][]string{
		"zerver_realm":        {"id", "string_id", "name", "date_created"},
		"zerver_message":      {"id", "realm_id", "sender_id", "recipient_id", "sending_client_id", "date_sent"},
		"zerver_usermessage":  {"id", "message_id", "user_profile_id", "flags"},
		"zerver_stream":       {"id", "realm_id", "invite_only", "history_public_to_subscribers", "recipient_id"},
		"zerver_recipient":    {"id", "type", "type_id"},
		"zerver_subscription": {"id", "user_profile_id", "recipient_id"},
		"zerver_userprofile": {
			"id", "realm_id", "email", "delivery_email", "role", "is_bot", "bot_owner_id", "is_active", "is_mirror_dummy",
			"avatar_source", "avatar_version", "email_address_visibility",
		},
	}
}

// OldestMigration is the number of the migration of the app zerver that the oldest supported server
// has: the one that gave every message its realm_id (Zulip 7).
const OldestMigration = 420
