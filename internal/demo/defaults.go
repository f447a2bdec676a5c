package demo

import (
	"maps"

	"github.com/realmport/realmport"
)

// tableDefaults returns, by table, what a server puts into the columns that nobody set, where
// that is not the empty value of the column's type.
func tableDefaults() map[string]values {
	return map[string]values{
		"zerver_realm":            realmDefaults(),
		"zerver_realmuserdefault": settingDefaults(),
		"zerver_userprofile": with(settingDefaults(), values{
			"password": "", "rate_limits": "", "timezone": "", "is_active": true, "role": int(realmport.Member),
			"avatar_source": "G", "avatar_version": 1,
		}),
		"zerver_subscription":       {"active": true, "is_user_active": true, "color": "#c2c2c2"},
		"zerver_stream":             {"rendered_description": "", "history_public_to_subscribers": true, "is_recently_active": true},
		"zerver_message":            {"type": 1, "rendered_content_version": 1},
		"zerver_customprofilefield": {"editable_by_user": true, "field_type": 1},
		"zerver_scheduledmessage":   {"delivery_type": 1},
		"zerver_service":            {"interface": 1},
	}
}

func realmDefaults() values {
	return values{
		"description": "", "default_code_block_language": "", "default_language": "en",
		"invite_required": true, "disallow_disposable_email_addresses": true, "inline_image_preview": true,
		"send_welcome_emails": true, "message_content_allowed_in_email_notifications": true,
		"allow_message_editing": true, "enable_guest_user_indicator": true, "enable_guest_user_dm_warning": true,
		"digest_weekday": 1, "message_retention_days": -1, "message_edit_history_visibility_policy": 1,
		"message_content_delete_limit_seconds": 600, "message_content_edit_limit_seconds": 600,
		"move_messages_within_stream_limit_seconds": 604800, "move_messages_between_streams_limit_seconds": 604800,
		"plan_type": 1, "video_chat_provider": 1, "giphy_rating": 2,
		"icon_source": "G", "icon_version": 1, "logo_source": "D", "logo_version": 1,
		"night_logo_source": "D", "night_logo_version": 1,
	}
}

// settingDefaults are the settings that users and organizations have in common.
func settingDefaults() values {
	return values{
		"default_language": "en", "web_home_view": "inbox", "color_scheme": 1, "web_font_size_px": 16,
		"web_line_height_percent": 140, "web_animate_image_previews": "on_hover", "demote_inactive_streams": 1,
		"web_mark_read_on_scroll_policy": 1, "web_channel_default_view": 1, "emojiset": "google",
		"user_list_style": 3, "web_stream_unreads_count_display_policy": 2,
		"email_notifications_batching_period_seconds": 120, "notification_sound": "zulip",
		"desktop_icon_count_display": 1, "realm_name_in_email_notifications_policy": 1,
		"automatically_follow_topics_policy": 3, "automatically_unmute_topics_in_muted_streams_policy": 2,
		"email_address_visibility":          1,
		"web_escape_navigates_to_home_view": true, "display_emoji_reaction_users": true,
		"starred_message_counts": true, "web_suggest_update_timezone": true, "web_navigate_to_sent_message": true,
		"wildcard_mentions_notify":                    true,
		"enable_followed_topic_desktop_notifications": true, "enable_followed_topic_email_notifications": true,
		"enable_followed_topic_push_notifications": true, "enable_followed_topic_audible_notifications": true,
		"enable_followed_topic_wildcard_mentions_notify": true,
		"enable_desktop_notifications":                   true, "pm_content_in_desktop_notifications": true, "enable_sounds": true,
		"enable_offline_email_notifications": true, "message_content_in_email_notifications": true,
		"enable_offline_push_notifications": true, "enable_online_push_notifications": true,
		"enable_digest_emails": true, "enable_login_emails": true, "enable_marketing_emails": true,
		"presence_enabled": true, "automatically_follow_topics_where_mentioned": true,
		"enable_drafts_synchronization": true, "send_stream_typing_notifications": true,
		"send_private_typing_notifications": true, "send_read_receipts": true, "receives_typing_notifications": true,
	}
}

// with returns the values of both; those of more win.
func with(v, more values) values {
	all := maps.Clone(v)
	if all == nil {
		all = values{}
	}
	maps.Copy(all, more)
	return all
}
