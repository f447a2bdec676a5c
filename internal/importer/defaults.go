package importer

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/catalog"
)

// columnName matches the names that a column can be given.
var columnName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// lackingValue is what a column gets that the archive does not tell: the default of Zulip's own (demo-organization.md
// §4), null where that is allowed, or nothing of its kind. References that must lead somewhere have no such value.
func (r *run) lackingValue(t *table, c *column) (any, error) {
	if v, ok := r.defaults[t.Name][c.Name]; ok {
		return v, nil
	}
	switch {
	case c.Name == t.PrimaryKey():
		return nil, fault("it is missing")
	case c.References == realmTable && r.realm != 0:
		return r.realm, nil
	case c.References == groupTable:
		role := defaultGroup(t.Name, strings.TrimSuffix(c.Name, "_id"))
		if id := r.roles[role]; role != "" && id != 0 {
			return id, nil
		}
	}
	switch {
	case c.Nullable:
		return nil, nil //nolint:nilnil // null is a value
	case c.References != "":
		return nil, fault("it is missing, and has no default")
	}
	switch c.Kind {
	case realmport.Bool:
		return false, nil
	case realmport.Int:
		return int64(0), nil
	case realmport.Text:
		return "", nil
	case realmport.JSON:
		return json.RawMessage("{}"), nil
	default:
		return nil, fault("it is missing, and has no default")
	}
}

// systemGroups are the groups that every organization has, each in the one behind it, but for the first.
func systemGroups() []string {
	return []string{
		"role:nobody", "role:owners", "role:administrators", "role:moderators", "role:fullmembers", "role:members",
		"role:everyone", "role:internet",
	}
}

func systemGroupDescription(name string) string {
	return map[string]string{
		"role:nobody":         "Nobody",
		"role:owners":         "Owners of this organization",
		"role:administrators": "Administrators of this organization, including owners",
		"role:moderators":     "Moderators of this organization, including administrators",
		"role:fullmembers":    "Members of this organization, not including new accounts and guests",
		"role:members":        "Members of this organization, not including guests",
		"role:everyone":       "Everyone in this organization, including guests",
		"role:internet":       "Everyone on the Internet",
	}[name]
}

// defaultGroup names the system group that a setting of a table has by default (demo-organization.md §4.3, §4.4), "" if
// that is not known.
func defaultGroup(table, key string) string {
	switch table {
	case namedTable:
		return "role:nobody"
	case streamTable:
		switch key {
		case "can_remove_subscribers_group":
			return "role:administrators"
		case "can_send_message_group":
			return "role:everyone"
		}
		return "role:nobody"
	case realmTable:
		switch key {
		case "can_create_web_public_channel_group", "can_manage_all_groups":
			return "role:owners"
		case "create_multiuse_invite_group", "can_delete_any_message_group", "can_manage_billing_group", "can_mention_many_users_group":
			return "role:administrators"
		case "can_access_all_users_group", "can_delete_own_message_group", "can_move_messages_between_topics_group",
			"can_resolve_topics_group", "can_summarize_topics_group", "direct_message_initiator_group", "direct_message_permission_group":
			return "role:everyone"
		}
		return "role:members"
	}
	return ""
}

// tableDefaults are the defaults of demo-organization.md §1 and §4 that are not empty, zero or false.
func tableDefaults() map[string]values {
	users := settingDefaults()
	maps.Copy(users, values{"avatar_source": "G", "avatar_version": int64(1), "is_active": true, "role": int64(memberRole)})
	return map[string]values{
		realmTable:                  realmDefaults(),
		defaultsTable:               settingDefaults(),
		catalog.Users:               users,
		catalog.Subscriptions:       {"active": true, "is_user_active": true, "color": "#c2c2c2"},
		streamTable:                 {"history_public_to_subscribers": true, "is_recently_active": true},
		messageTable:                {"type": int64(1)},
		"zerver_customprofilefield": {"editable_by_user": true},
		scheduledTable:              {"delivery_type": int64(1)},
		"zerver_service":            {"interface": int64(1)},
		"zerver_realmemoji":         {},
	}
}

func realmDefaults() values {
	const week, tenMinutes = int64(604800), int64(600)
	one := int64(1)
	return values{
		"invite_required": true, "disallow_disposable_email_addresses": true, "inline_image_preview": true,
		"send_welcome_emails": true, "message_content_allowed_in_email_notifications": true, "allow_message_editing": true,
		"enable_guest_user_indicator": true, "enable_guest_user_dm_warning": true, "digest_weekday": one,
		"move_messages_within_stream_limit_seconds": week, "move_messages_between_streams_limit_seconds": week,
		"message_content_delete_limit_seconds": tenMinutes, "message_content_edit_limit_seconds": tenMinutes,
		"message_edit_history_visibility_policy": one, "default_language": "en", "message_retention_days": int64(-1),
		"plan_type": one, "video_chat_provider": one, "giphy_rating": int64(2), "icon_source": "G", "logo_source": "D",
		"night_logo_source": "D", "icon_version": one, "logo_version": one, "night_logo_version": one,
	}
}

// settingDefaults are those of the settings that users and organizations have in common.
func settingDefaults() values {
	v := values{
		"default_language": "en", "web_home_view": "inbox", "web_animate_image_previews": "on_hover", "emojiset": "google",
		"notification_sound": "zulip",
	}
	for name, n := range map[string]int64{
		"color_scheme": 1, "web_font_size_px": 16, "web_line_height_percent": 140, "demote_inactive_streams": 1,
		"web_mark_read_on_scroll_policy": 1, "web_channel_default_view": 1, "user_list_style": 3,
		"web_stream_unreads_count_display_policy": 2, "email_notifications_batching_period_seconds": 120,
		"desktop_icon_count_display": 1, "realm_name_in_email_notifications_policy": 1, "automatically_follow_topics_policy": 3,
		"automatically_unmute_topics_in_muted_streams_policy": 2, "email_address_visibility": 1,
	} {
		v[name] = n
	}
	for _, name := range []string{
		"web_escape_navigates_to_home_view", "display_emoji_reaction_users", "starred_message_counts", "web_suggest_update_timezone",
		"web_navigate_to_sent_message", "wildcard_mentions_notify", "enable_followed_topic_desktop_notifications",
		"enable_followed_topic_email_notifications", "enable_followed_topic_push_notifications",
		"enable_followed_topic_audible_notifications", "enable_followed_topic_wildcard_mentions_notify",
		"enable_desktop_notifications", "pm_content_in_desktop_notifications", "enable_sounds", "enable_offline_email_notifications",
		"message_content_in_email_notifications", "enable_offline_push_notifications", "enable_online_push_notifications",
		"enable_digest_emails", "enable_login_emails", "enable_marketing_emails", "presence_enabled",
		"automatically_follow_topics_where_mentioned", "enable_drafts_synchronization", "send_stream_typing_notifications",
		"send_private_typing_notifications", "send_read_receipts", "receives_typing_notifications",
	} {
		v[name] = true
	}
	return v
}

// tellLacking says, once per table, what the archive's rows did not have, and what of theirs could not be kept.
func (r *run) tellLacking(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(r.tables)) {
		t := r.tables[name]
		var lacking []string
		for i := range t.columns {
			if c := &t.columns[i]; c.lacked > 0 {
				lacking = append(lacking, t.key(c.Column))
			}
		}
		if len(lacking) > 0 {
			r.warn("rows of %s lack keys that the present version of Zulip has, which get its defaults: %s", name, enumerate(lacking))
		}
		for i := range t.fields {
			if err := r.tellUnknown(ctx, t, &t.fields[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellUnknown settles a key that the shape does not have and no row had a value for, or none that could be kept.
func (r *run) tellUnknown(ctx context.Context, t *table, f *field) error {
	switch {
	case !f.unknown:
		return nil
	case f.lost > 0:
		r.warn("key %s of %s is unknown, and its %d values are not imported", quoted(f.key), t.Name, f.lost)
		return nil
	}
	_, err := r.columnFor(ctx, t, f) // so that an export writes the key again
	return err
}

// enumerate lists names, not too many of them.
func enumerate(names []string) string {
	const most = 12
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return sentence("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
