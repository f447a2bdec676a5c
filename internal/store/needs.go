package store

import (
	"fmt"
	"slices"
	"strings"
)

// need is what a store does with a table: the columns it reads, those it fills in new rows, and those it changes.
type need struct {
	table                string
	read, insert, update []string
	// optional are read where the server's version has them.
	optional []string
}

// needs are what a store needs in every organizations' database.
func needs() []need {
	return []need{
		{
			table:    "zerver_realm",
			read:     []string{"id", "string_id", "name", "date_created", "deactivated", "description", "icon_source", "icon_version"},
			optional: []string{"enable_spectator_access"},
		},
		{
			table: "zerver_userprofile",
			read: []string{
				"id", "realm_id", "api_key", "delivery_email", "full_name", "role", "is_active", "is_bot", "bot_type", "bot_owner_id",
				"is_mirror_dummy", "default_language", "allow_private_data_export", "email_address_visibility",
			},
			optional: []string{"rate_limits"},
		},
		{
			table: "zerver_realmexport",
			read: []string{
				"id", "realm_id", "type", "status", "acting_user_id", "date_requested", "date_started", "date_succeeded", "date_failed",
				"date_deleted", "export_path", "sha256sum_hex", "tarball_size_bytes", "stats",
			},
			insert: []string{"realm_id", "type", "status", "acting_user_id", "date_requested", "stats"},
			update: []string{
				"status", "date_started", "date_succeeded", "date_failed", "date_deleted", "export_path", "sha256sum_hex",
				"tarball_size_bytes", "stats",
			},
		},
		{
			table:  "zerver_realmauditlog",
			insert: []string{"realm_id", "acting_user_id", "event_type", "event_time", "backfilled", "extra_data"},
		},
		{table: "analytics_realmcount", read: []string{"realm_id", "property", "end_time", "value"}},
		{table: "zerver_attachment", read: []string{"realm_id", "create_time", "size"}},
	}
}

// ownedNeeds are what a store needs beyond that where the organizations are realmport's to write.
func ownedNeeds() []need {
	return []need{
		{table: "zerver_userprofile", update: []string{"allow_private_data_export"}},
		{table: "zerver_realmauditlog", insert: []string{"modified_user_id"}},
		{table: "zerver_recipient", read: []string{"id", "type", "type_id"}},
		{table: "zerver_client", read: []string{"id", "name"}, insert: []string{"name"}},
		{
			table: "zerver_message",
			read:  []string{"id"},
			insert: []string{
				"realm_id", "sender_id", "recipient_id", "type", "subject", "content", "rendered_content", "rendered_content_version",
				"date_sent", "sending_client_id", "has_attachment", "has_image", "has_link", "is_channel_message",
			},
		},
		{table: "zerver_usermessage", insert: []string{"user_profile_id", "message_id", "flags"}},
	}
}

// needsOf returns the needs of a store, those of one table together.
func needsOf(owned bool) []need {
	list := needs()
	if !owned {
		return list
	}
	for _, n := range ownedNeeds() {
		i := slices.IndexFunc(list, func(m need) bool { return m.table == n.table })
		if i < 0 {
			list = append(list, n)
			continue
		}
		m := &list[i]
		m.read, m.insert, m.update = append(m.read, n.read...), append(m.insert, n.insert...), append(m.update, n.update...)
	}
	return list
}

// Grants returns the statements that give a role of PostgreSQL the rights that a Store needs, and no others, on the
// tables in the named schema. A column that the server's version does not have is left out by its administrator.
func Grants(schema, role string, owned bool) string {
	var sql strings.Builder
	fmt.Fprintf(&sql, "GRANT USAGE ON SCHEMA %s TO %s;\n", quote(schema), quote(role))
	for _, n := range needsOf(owned) {
		var rights []string
		for _, r := range []struct {
			name    string
			columns []string
		}{{"SELECT", append(n.read, n.optional...)}, {"INSERT", n.insert}, {"UPDATE", n.update}} {
			if len(r.columns) > 0 {
				rights = append(rights, fmt.Sprintf("%s (%s)", r.name, strings.Join(r.columns, ", ")))
			}
		}
		fmt.Fprintf(&sql, "GRANT %s ON %s.%s TO %s;\n", strings.Join(rights, ", "), quote(schema), n.table, quote(role))
		if len(n.insert) > 0 {
			fmt.Fprintf(&sql, "GRANT USAGE ON SEQUENCE %s.%s_id_seq TO %s;\n", quote(schema), n.table, quote(role))
		}
	}
	return sql.String()
}
