-- The keys and indexes of the tables in tables.sql: what a server has for itself, less the
-- indexes for text patterns and the checks of ranges.

-- Unique keys

ALTER TABLE zerver_realm ADD UNIQUE (string_id);
ALTER TABLE zerver_realm ADD UNIQUE (uuid);
ALTER TABLE zerver_realmauthenticationmethod ADD UNIQUE (realm_id, name);
ALTER TABLE zerver_realmdomain ADD UNIQUE (realm_id, domain);
ALTER TABLE zerver_realmfilter ADD UNIQUE (realm_id, pattern);
ALTER TABLE zerver_realmplayground ADD UNIQUE (realm_id, pygments_language, name);
ALTER TABLE zerver_realmuserdefault ADD UNIQUE (realm_id);
ALTER TABLE zerver_presencesequence ADD UNIQUE (realm_id);
ALTER TABLE zerver_client ADD UNIQUE (name);
ALTER TABLE zerver_userprofile ADD UNIQUE (api_key);
ALTER TABLE zerver_userprofile ADD UNIQUE (uuid);
ALTER TABLE zerver_userprofile_groups ADD UNIQUE (userprofile_id, group_id);
ALTER TABLE zerver_userprofile_user_permissions ADD UNIQUE (userprofile_id, permission_id);
ALTER TABLE zerver_alertword ADD UNIQUE (user_profile_id, word);
ALTER TABLE zerver_botconfigdata ADD UNIQUE (bot_profile_id, key);
ALTER TABLE zerver_botstoragedata ADD UNIQUE (bot_profile_id, key);
ALTER TABLE zerver_customprofilefield ADD UNIQUE (realm_id, name);
ALTER TABLE zerver_customprofilefieldvalue ADD UNIQUE (user_profile_id, field_id);
ALTER TABLE zerver_muteduser ADD UNIQUE (user_profile_id, muted_user_id);
ALTER TABLE zerver_onboardingstep ADD UNIQUE (user_id, onboarding_step);
ALTER TABLE zerver_useractivity ADD UNIQUE (user_profile_id, client_id, query);
ALTER TABLE zerver_userpresence ADD UNIQUE (user_profile_id);
ALTER TABLE zerver_userstatus ADD UNIQUE (user_profile_id);
ALTER TABLE zerver_namedusergroup ADD UNIQUE (realm_id, name);
ALTER TABLE zerver_usergroupmembership ADD UNIQUE (user_group_id, user_profile_id);
ALTER TABLE zerver_groupgroupmembership ADD UNIQUE (supergroup_id, subgroup_id);
ALTER TABLE zerver_defaultstream ADD UNIQUE (realm_id, stream_id);
ALTER TABLE zerver_huddle ADD UNIQUE (huddle_hash);
ALTER TABLE zerver_recipient ADD UNIQUE (type, type_id);
ALTER TABLE zerver_subscription ADD UNIQUE (user_profile_id, recipient_id);
ALTER TABLE zerver_usermessage ADD UNIQUE (user_profile_id, message_id);
ALTER TABLE zerver_reaction ADD UNIQUE (user_profile_id, message_id, reaction_type, emoji_code);
ALTER TABLE zerver_attachment ADD UNIQUE (path_id);
ALTER TABLE zerver_attachment_messages ADD UNIQUE (attachment_id, message_id);
ALTER TABLE zerver_attachment_scheduled_messages ADD UNIQUE (attachment_id, scheduledmessage_id);
ALTER TABLE analytics_fillstate ADD UNIQUE (property);
ALTER TABLE auth_group ADD UNIQUE (name);
ALTER TABLE auth_permission ADD UNIQUE (content_type_id, codename);
ALTER TABLE django_content_type ADD UNIQUE (app_label, model);
ALTER TABLE zerver_archivedusermessage ADD UNIQUE (user_profile_id, message_id);
ALTER TABLE zerver_defaultstreamgroup ADD UNIQUE (realm_id, name);
ALTER TABLE zerver_defaultstreamgroup_streams ADD UNIQUE (defaultstreamgroup_id, stream_id);
ALTER TABLE zerver_imageattachment ADD UNIQUE (path_id);
ALTER TABLE zerver_missedmessageemailaddress ADD UNIQUE (email_token);
ALTER TABLE zerver_pushdevicetoken ADD UNIQUE (user_id, kind, token);
CREATE UNIQUE INDEX ON zerver_realmemoji (realm_id, name) WHERE NOT deactivated;
CREATE UNIQUE INDEX ON zerver_userprofile (realm_id, upper(delivery_email));
CREATE UNIQUE INDEX ON zerver_userprofile (realm_id, upper(email));
CREATE UNIQUE INDEX ON zerver_usertopic (user_profile_id, stream_id, lower(topic_name));
CREATE UNIQUE INDEX ON zerver_stream (realm_id, upper(name));
CREATE UNIQUE INDEX ON analytics_realmcount (realm_id, property, subgroup, end_time) WHERE subgroup IS NOT NULL;
CREATE UNIQUE INDEX ON analytics_realmcount (realm_id, property, end_time) WHERE subgroup IS NULL;
CREATE UNIQUE INDEX ON analytics_usercount (user_id, property, subgroup, end_time) WHERE subgroup IS NOT NULL;
CREATE UNIQUE INDEX ON analytics_usercount (user_id, property, end_time) WHERE subgroup IS NULL;
CREATE UNIQUE INDEX ON analytics_streamcount (stream_id, property, subgroup, end_time) WHERE subgroup IS NOT NULL;
CREATE UNIQUE INDEX ON analytics_streamcount (stream_id, property, end_time) WHERE subgroup IS NULL;
CREATE UNIQUE INDEX ON analytics_installationcount (property, subgroup, end_time) WHERE subgroup IS NOT NULL;
CREATE UNIQUE INDEX ON analytics_installationcount (property, end_time) WHERE subgroup IS NULL;

-- Foreign keys. They are checked at the end of a transaction, for there are cycles: a user has a
-- recipient, a channel has a creator, an organization has channels.

ALTER TABLE zerver_realm
    ADD FOREIGN KEY (can_access_all_users_group_id)               REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_add_custom_emoji_group_id)               REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_add_subscribers_group_id)                REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_create_bots_group_id)                    REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_create_groups_id)                        REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_create_private_channel_group_id)         REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_create_public_channel_group_id)          REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_create_web_public_channel_group_id)      REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_create_write_only_bots_group_id)         REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_delete_any_message_group_id)             REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_delete_own_message_group_id)             REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_invite_users_group_id)                   REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_manage_all_groups_id)                    REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_manage_billing_group_id)                 REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_mention_many_users_group_id)             REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_move_messages_between_channels_group_id) REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_move_messages_between_topics_group_id)   REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_resolve_topics_group_id)                 REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_summarize_topics_group_id)               REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (create_multiuse_invite_group_id)             REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (direct_message_initiator_group_id)           REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (direct_message_permission_group_id)          REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (moderation_request_channel_id)               REFERENCES zerver_stream DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (new_stream_announcements_stream_id)          REFERENCES zerver_stream DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (signup_announcements_stream_id)              REFERENCES zerver_stream DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (zulip_update_announcements_stream_id)        REFERENCES zerver_stream DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_realmauthenticationmethod
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_realmdomain
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_realmemoji
    ADD FOREIGN KEY (author_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (realm_id)  REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_realmexport
    ADD FOREIGN KEY (acting_user_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (realm_id)       REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_realmfilter
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_realmplayground
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_realmuserdefault
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_realmauditlog
    ADD FOREIGN KEY (acting_user_id)         REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (modified_stream_id)     REFERENCES zerver_stream DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (modified_user_group_id) REFERENCES zerver_namedusergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (modified_user_id)       REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (realm_id)               REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_presencesequence
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_userprofile
    ADD FOREIGN KEY (bot_owner_id)                      REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (default_events_register_stream_id) REFERENCES zerver_stream DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (default_sending_stream_id)         REFERENCES zerver_stream DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (realm_id)                          REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (recipient_id)                      REFERENCES zerver_recipient DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_userprofile_groups
    ADD FOREIGN KEY (group_id)       REFERENCES auth_group DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (userprofile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_userprofile_user_permissions
    ADD FOREIGN KEY (permission_id)  REFERENCES auth_permission DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (userprofile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_alertword
    ADD FOREIGN KEY (realm_id)        REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_botconfigdata
    ADD FOREIGN KEY (bot_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_botstoragedata
    ADD FOREIGN KEY (bot_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_service
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_customprofilefield
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_customprofilefieldvalue
    ADD FOREIGN KEY (field_id)        REFERENCES zerver_customprofilefield DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_muteduser
    ADD FOREIGN KEY (muted_user_id)   REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_onboardingstep
    ADD FOREIGN KEY (user_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_savedsnippet
    ADD FOREIGN KEY (realm_id)        REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_useractivity
    ADD FOREIGN KEY (client_id)       REFERENCES zerver_client DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_useractivityinterval
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_userpresence
    ADD FOREIGN KEY (realm_id)        REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_userstatus
    ADD FOREIGN KEY (client_id)       REFERENCES zerver_client DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_usertopic
    ADD FOREIGN KEY (recipient_id)    REFERENCES zerver_recipient DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (stream_id)       REFERENCES zerver_stream DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_usergroup
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_namedusergroup
    ADD FOREIGN KEY (can_add_members_group_id)    REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_join_group_id)           REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_leave_group_id)          REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_manage_group_id)         REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_mention_group_id)        REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_remove_members_group_id) REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (creator_id)                  REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (realm_id)                    REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (usergroup_ptr_id)            REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_usergroupmembership
    ADD FOREIGN KEY (user_group_id)   REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_groupgroupmembership
    ADD FOREIGN KEY (subgroup_id)   REFERENCES zerver_namedusergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (supergroup_id) REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_stream
    ADD FOREIGN KEY (can_add_subscribers_group_id)    REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_administer_channel_group_id) REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_remove_subscribers_group_id) REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_send_message_group_id)       REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (can_subscribe_group_id)          REFERENCES zerver_usergroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (creator_id)                      REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (realm_id)                        REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (recipient_id)                    REFERENCES zerver_recipient DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_defaultstream
    ADD FOREIGN KEY (realm_id)  REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (stream_id) REFERENCES zerver_stream DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_huddle
    ADD FOREIGN KEY (recipient_id) REFERENCES zerver_recipient DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_subscription
    ADD FOREIGN KEY (recipient_id)    REFERENCES zerver_recipient DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_message
    ADD FOREIGN KEY (realm_id)          REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (recipient_id)      REFERENCES zerver_recipient DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (sender_id)         REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (sending_client_id) REFERENCES zerver_client DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_usermessage
    ADD FOREIGN KEY (message_id)      REFERENCES zerver_message DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_reaction
    ADD FOREIGN KEY (message_id)      REFERENCES zerver_message DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_attachment
    ADD FOREIGN KEY (owner_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_attachment_messages
    ADD FOREIGN KEY (attachment_id) REFERENCES zerver_attachment DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (message_id)    REFERENCES zerver_message DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_attachment_scheduled_messages
    ADD FOREIGN KEY (attachment_id)       REFERENCES zerver_attachment DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (scheduledmessage_id) REFERENCES zerver_scheduledmessage DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_scheduledmessage
    ADD FOREIGN KEY (delivered_message_id) REFERENCES zerver_message DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (realm_id)             REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (recipient_id)         REFERENCES zerver_recipient DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (sender_id)            REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (sending_client_id)    REFERENCES zerver_client DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (stream_id)            REFERENCES zerver_stream DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_onboardingusermessage
    ADD FOREIGN KEY (message_id) REFERENCES zerver_message DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (realm_id)   REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE analytics_realmcount
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE analytics_usercount
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_id)  REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE analytics_streamcount
    ADD FOREIGN KEY (realm_id)  REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (stream_id) REFERENCES zerver_stream DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE auth_permission
    ADD FOREIGN KEY (content_type_id) REFERENCES django_content_type DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_archivetransaction
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_archivedmessage
    ADD FOREIGN KEY (archive_transaction_id) REFERENCES zerver_archivetransaction DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (realm_id)               REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (recipient_id)           REFERENCES zerver_recipient DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (sender_id)              REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (sending_client_id)      REFERENCES zerver_client DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_archivedusermessage
    ADD FOREIGN KEY (message_id)      REFERENCES zerver_archivedmessage DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_defaultstreamgroup
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_defaultstreamgroup_streams
    ADD FOREIGN KEY (defaultstreamgroup_id) REFERENCES zerver_defaultstreamgroup DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (stream_id)             REFERENCES zerver_stream DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_draft
    ADD FOREIGN KEY (recipient_id)    REFERENCES zerver_recipient DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_imageattachment
    ADD FOREIGN KEY (realm_id) REFERENCES zerver_realm DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_missedmessageemailaddress
    ADD FOREIGN KEY (message_id)      REFERENCES zerver_message DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (user_profile_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_pushdevicetoken
    ADD FOREIGN KEY (user_id) REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zerver_submessage
    ADD FOREIGN KEY (message_id) REFERENCES zerver_message DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (sender_id)  REFERENCES zerver_userprofile DEFERRABLE INITIALLY DEFERRED;

-- Indexes

CREATE INDEX ON zerver_realm (can_access_all_users_group_id);
CREATE INDEX ON zerver_realm (can_add_custom_emoji_group_id);
CREATE INDEX ON zerver_realm (can_add_subscribers_group_id);
CREATE INDEX ON zerver_realm (can_create_bots_group_id);
CREATE INDEX ON zerver_realm (can_create_groups_id);
CREATE INDEX ON zerver_realm (can_create_private_channel_group_id);
CREATE INDEX ON zerver_realm (can_create_public_channel_group_id);
CREATE INDEX ON zerver_realm (can_create_web_public_channel_group_id);
CREATE INDEX ON zerver_realm (can_create_write_only_bots_group_id);
CREATE INDEX ON zerver_realm (can_delete_any_message_group_id);
CREATE INDEX ON zerver_realm (can_delete_own_message_group_id);
CREATE INDEX ON zerver_realm (can_invite_users_group_id);
CREATE INDEX ON zerver_realm (can_manage_all_groups_id);
CREATE INDEX ON zerver_realm (can_manage_billing_group_id);
CREATE INDEX ON zerver_realm (can_mention_many_users_group_id);
CREATE INDEX ON zerver_realm (can_move_messages_between_channels_group_id);
CREATE INDEX ON zerver_realm (can_move_messages_between_topics_group_id);
CREATE INDEX ON zerver_realm (can_resolve_topics_group_id);
CREATE INDEX ON zerver_realm (can_summarize_topics_group_id);
CREATE INDEX ON zerver_realm (create_multiuse_invite_group_id);
CREATE INDEX ON zerver_realm (direct_message_initiator_group_id);
CREATE INDEX ON zerver_realm (direct_message_permission_group_id);
CREATE INDEX ON zerver_realm (moderation_request_channel_id);
CREATE INDEX ON zerver_realm (new_stream_announcements_stream_id);
CREATE INDEX ON zerver_realm (push_notifications_enabled);
CREATE INDEX ON zerver_realm (scheduled_deletion_date);
CREATE INDEX ON zerver_realm (signup_announcements_stream_id);
CREATE INDEX ON zerver_realm (want_advertise_in_communities_directory);
CREATE INDEX ON zerver_realm (zulip_update_announcements_stream_id);
CREATE INDEX ON zerver_realmauthenticationmethod (realm_id);
CREATE INDEX ON zerver_realmdomain (domain);
CREATE INDEX ON zerver_realmdomain (realm_id);
CREATE INDEX ON zerver_realmemoji (author_id);
CREATE INDEX ON zerver_realmemoji (file_name);
CREATE INDEX ON zerver_realmemoji (realm_id);
CREATE INDEX ON zerver_realmexport (acting_user_id);
CREATE INDEX ON zerver_realmexport (realm_id);
CREATE INDEX ON zerver_realmfilter (realm_id);
CREATE INDEX ON zerver_realmplayground (name);
CREATE INDEX ON zerver_realmplayground (pygments_language);
CREATE INDEX ON zerver_realmplayground (realm_id);
CREATE INDEX ON zerver_realmauditlog (acting_user_id);
CREATE INDEX ON zerver_realmauditlog (event_time);
CREATE INDEX ON zerver_realmauditlog (modified_stream_id);
CREATE INDEX ON zerver_realmauditlog (modified_user_group_id);
CREATE INDEX ON zerver_realmauditlog (modified_user_id);
CREATE INDEX ON zerver_realmauditlog (realm_id);
CREATE INDEX ON zerver_realmauditlog (realm_id, event_type, event_time);
CREATE INDEX ON zerver_realmauditlog (modified_user_id, modified_stream_id) WHERE event_type IN (301, 302, 303);
CREATE INDEX ON zerver_realmauditlog (modified_user_id, event_time) WHERE event_type IN (101, 102, 103, 104);
CREATE INDEX ON zerver_userprofile (bot_owner_id);
CREATE INDEX ON zerver_userprofile (bot_type);
CREATE INDEX ON zerver_userprofile (can_change_user_emails);
CREATE INDEX ON zerver_userprofile (can_create_users);
CREATE INDEX ON zerver_userprofile (can_forge_sender);
CREATE INDEX ON zerver_userprofile (default_events_register_stream_id);
CREATE INDEX ON zerver_userprofile (default_sending_stream_id);
CREATE INDEX ON zerver_userprofile (delivery_email);
CREATE INDEX ON zerver_userprofile (email);
CREATE INDEX ON zerver_userprofile (is_active);
CREATE INDEX ON zerver_userprofile (is_bot);
CREATE INDEX ON zerver_userprofile (long_term_idle);
CREATE INDEX ON zerver_userprofile (realm_id);
CREATE INDEX ON zerver_userprofile (recipient_id);
CREATE INDEX ON zerver_userprofile (role);
CREATE INDEX ON zerver_userprofile (upper(email));
CREATE INDEX ON zerver_userprofile_groups (group_id);
CREATE INDEX ON zerver_userprofile_groups (userprofile_id);
CREATE INDEX ON zerver_userprofile_user_permissions (permission_id);
CREATE INDEX ON zerver_userprofile_user_permissions (userprofile_id);
CREATE INDEX ON zerver_alertword (realm_id);
CREATE INDEX ON zerver_alertword (user_profile_id);
CREATE INDEX ON zerver_botconfigdata (bot_profile_id);
CREATE INDEX ON zerver_botconfigdata (key);
CREATE INDEX ON zerver_botstoragedata (bot_profile_id);
CREATE INDEX ON zerver_botstoragedata (key);
CREATE INDEX ON zerver_service (user_profile_id);
CREATE INDEX ON zerver_customprofilefield (realm_id);
CREATE INDEX ON zerver_customprofilefieldvalue (field_id);
CREATE INDEX ON zerver_customprofilefieldvalue (user_profile_id);
CREATE INDEX ON zerver_muteduser (muted_user_id);
CREATE INDEX ON zerver_muteduser (user_profile_id);
CREATE INDEX ON zerver_onboardingstep (user_id);
CREATE INDEX ON zerver_savedsnippet (realm_id);
CREATE INDEX ON zerver_savedsnippet (user_profile_id);
CREATE INDEX ON zerver_useractivity (client_id);
CREATE INDEX ON zerver_useractivity (query);
CREATE INDEX ON zerver_useractivity (user_profile_id);
CREATE INDEX ON zerver_useractivityinterval ("end");
CREATE INDEX ON zerver_useractivityinterval (start);
CREATE INDEX ON zerver_useractivityinterval (user_profile_id);
CREATE INDEX ON zerver_useractivityinterval (user_profile_id, "end");
CREATE INDEX ON zerver_userpresence (last_active_time);
CREATE INDEX ON zerver_userpresence (last_connected_time);
CREATE INDEX ON zerver_userpresence (last_update_id);
CREATE INDEX ON zerver_userpresence (realm_id);
CREATE INDEX ON zerver_userpresence (realm_id, last_active_time);
CREATE INDEX ON zerver_userpresence (realm_id, last_connected_time);
CREATE INDEX ON zerver_userpresence (realm_id, last_update_id);
CREATE INDEX ON zerver_userstatus (client_id);
CREATE INDEX ON zerver_usertopic (recipient_id);
CREATE INDEX ON zerver_usertopic (stream_id);
CREATE INDEX ON zerver_usertopic (user_profile_id);
CREATE INDEX ON zerver_usertopic (stream_id, upper(topic_name));
CREATE INDEX ON zerver_usertopic (stream_id, topic_name, visibility_policy, user_profile_id);
CREATE INDEX ON zerver_usertopic (user_profile_id, visibility_policy, stream_id, topic_name);
CREATE INDEX ON zerver_usergroup (realm_id);
CREATE INDEX ON zerver_namedusergroup (can_add_members_group_id);
CREATE INDEX ON zerver_namedusergroup (can_join_group_id);
CREATE INDEX ON zerver_namedusergroup (can_leave_group_id);
CREATE INDEX ON zerver_namedusergroup (can_manage_group_id);
CREATE INDEX ON zerver_namedusergroup (can_mention_group_id);
CREATE INDEX ON zerver_namedusergroup (can_remove_members_group_id);
CREATE INDEX ON zerver_namedusergroup (creator_id);
CREATE INDEX ON zerver_namedusergroup (realm_id);
CREATE INDEX ON zerver_usergroupmembership (user_group_id);
CREATE INDEX ON zerver_usergroupmembership (user_profile_id);
CREATE INDEX ON zerver_groupgroupmembership (subgroup_id);
CREATE INDEX ON zerver_groupgroupmembership (supergroup_id);
CREATE INDEX ON zerver_stream (can_add_subscribers_group_id);
CREATE INDEX ON zerver_stream (can_administer_channel_group_id);
CREATE INDEX ON zerver_stream (can_remove_subscribers_group_id);
CREATE INDEX ON zerver_stream (can_send_message_group_id);
CREATE INDEX ON zerver_stream (can_subscribe_group_id);
CREATE INDEX ON zerver_stream (creator_id);
CREATE INDEX ON zerver_stream (first_message_id);
CREATE INDEX ON zerver_stream (name);
CREATE INDEX ON zerver_stream (realm_id);
CREATE INDEX ON zerver_stream (recipient_id);
CREATE INDEX ON zerver_stream (upper(name));
CREATE INDEX ON zerver_defaultstream (realm_id);
CREATE INDEX ON zerver_defaultstream (stream_id);
CREATE INDEX ON zerver_huddle (recipient_id);
CREATE INDEX ON zerver_recipient (type);
CREATE INDEX ON zerver_recipient (type_id);
CREATE INDEX ON zerver_subscription (recipient_id);
CREATE INDEX ON zerver_subscription (user_profile_id);
CREATE INDEX ON zerver_subscription (recipient_id, user_profile_id) WHERE active AND is_user_active;
CREATE INDEX ON zerver_message (date_sent);
CREATE INDEX ON zerver_message (has_attachment);
CREATE INDEX ON zerver_message (has_image);
CREATE INDEX ON zerver_message (has_link);
CREATE INDEX ON zerver_message (is_channel_message);
CREATE INDEX ON zerver_message (realm_id);
CREATE INDEX ON zerver_message (recipient_id);
CREATE INDEX ON zerver_message USING gin (search_tsvector) WITH (fastupdate = off);
CREATE INDEX ON zerver_message (sender_id);
CREATE INDEX ON zerver_message (sending_client_id);
CREATE INDEX ON zerver_message (subject);
CREATE INDEX ON zerver_message (id) WHERE edit_history IS NOT NULL;
CREATE INDEX ON zerver_message (realm_id, date_sent);
CREATE INDEX ON zerver_message (realm_id, id DESC NULLS LAST);
CREATE INDEX ON zerver_message (realm_id, recipient_id, date_sent);
CREATE INDEX ON zerver_message (realm_id, recipient_id, id);
CREATE INDEX ON zerver_message (realm_id, sender_id, recipient_id);
CREATE INDEX ON zerver_message (realm_id, upper(subject), id DESC NULLS LAST) WHERE is_channel_message;
CREATE INDEX ON zerver_message (realm_id, recipient_id, subject, id DESC NULLS LAST) WHERE is_channel_message;
CREATE INDEX ON zerver_message (realm_id, recipient_id, upper(subject), id DESC NULLS LAST) WHERE is_channel_message;
CREATE INDEX ON zerver_usermessage (message_id);
CREATE INDEX ON zerver_usermessage (user_profile_id);
CREATE INDEX ON zerver_usermessage (user_profile_id, message_id) WHERE flags & 1 = 0;
CREATE INDEX ON zerver_usermessage (user_profile_id, message_id) WHERE flags & 120 <> 0;
CREATE INDEX ON zerver_usermessage (user_profile_id, message_id) WHERE flags & 2 <> 0;
CREATE INDEX ON zerver_usermessage (user_profile_id, message_id) WHERE flags & 2048 <> 0;
CREATE INDEX ON zerver_usermessage (user_profile_id, message_id) WHERE flags & 4096 <> 0;
CREATE INDEX ON zerver_usermessage (user_profile_id, message_id) WHERE flags & 512 <> 0;
CREATE INDEX ON zerver_usermessage (user_profile_id, message_id) WHERE flags & 8 <> 0;
CREATE INDEX ON zerver_usermessage (user_profile_id, message_id) WHERE flags & 8 <> 0 OR flags & 16 <> 0;
CREATE INDEX ON zerver_reaction (message_id);
CREATE INDEX ON zerver_reaction (user_profile_id);
CREATE INDEX ON zerver_attachment (create_time);
CREATE INDEX ON zerver_attachment (file_name);
CREATE INDEX ON zerver_attachment (owner_id);
CREATE INDEX ON zerver_attachment (realm_id);
CREATE INDEX ON zerver_attachment (realm_id, create_time);
CREATE INDEX ON zerver_attachment_messages (attachment_id);
CREATE INDEX ON zerver_attachment_messages (message_id);
CREATE INDEX ON zerver_attachment_scheduled_messages (attachment_id);
CREATE INDEX ON zerver_attachment_scheduled_messages (scheduledmessage_id);
CREATE INDEX ON zerver_scheduledmessage (delivered_message_id);
CREATE INDEX ON zerver_scheduledmessage (has_attachment);
CREATE INDEX ON zerver_scheduledmessage (realm_id);
CREATE INDEX ON zerver_scheduledmessage (recipient_id);
CREATE INDEX ON zerver_scheduledmessage (scheduled_timestamp);
CREATE INDEX ON zerver_scheduledmessage (sender_id);
CREATE INDEX ON zerver_scheduledmessage (sending_client_id);
CREATE INDEX ON zerver_scheduledmessage (stream_id);
CREATE INDEX ON zerver_scheduledmessage (scheduled_timestamp) WHERE NOT delivered AND NOT failed;
CREATE INDEX ON zerver_scheduledmessage (realm_id, sender_id, delivery_type, scheduled_timestamp) WHERE NOT delivered;
CREATE INDEX ON zerver_onboardingusermessage (message_id);
CREATE INDEX ON zerver_onboardingusermessage (realm_id);
CREATE INDEX ON analytics_realmcount (realm_id);
CREATE INDEX ON analytics_realmcount (property, end_time);
CREATE INDEX ON analytics_usercount (realm_id);
CREATE INDEX ON analytics_usercount (user_id);
CREATE INDEX ON analytics_usercount (property, realm_id, end_time);
CREATE INDEX ON analytics_streamcount (realm_id);
CREATE INDEX ON analytics_streamcount (stream_id);
CREATE INDEX ON analytics_streamcount (property, realm_id, end_time);
CREATE INDEX ON auth_permission (content_type_id);
CREATE INDEX ON zerver_archivetransaction ("timestamp");
CREATE INDEX ON zerver_archivetransaction (protect_from_deletion);
CREATE INDEX ON zerver_archivetransaction (realm_id);
CREATE INDEX ON zerver_archivetransaction (restored);
CREATE INDEX ON zerver_archivetransaction (restored_timestamp);
CREATE INDEX ON zerver_archivetransaction (type);
CREATE INDEX ON zerver_archivedmessage (archive_transaction_id);
CREATE INDEX ON zerver_archivedmessage (date_sent);
CREATE INDEX ON zerver_archivedmessage (has_attachment);
CREATE INDEX ON zerver_archivedmessage (has_image);
CREATE INDEX ON zerver_archivedmessage (has_link);
CREATE INDEX ON zerver_archivedmessage (is_channel_message);
CREATE INDEX ON zerver_archivedmessage (realm_id);
CREATE INDEX ON zerver_archivedmessage (recipient_id);
CREATE INDEX ON zerver_archivedmessage (sender_id);
CREATE INDEX ON zerver_archivedmessage (sending_client_id);
CREATE INDEX ON zerver_archivedmessage (subject);
CREATE INDEX ON zerver_archivedusermessage (message_id);
CREATE INDEX ON zerver_archivedusermessage (user_profile_id);
CREATE INDEX ON zerver_defaultstreamgroup (name);
CREATE INDEX ON zerver_defaultstreamgroup (realm_id);
CREATE INDEX ON zerver_defaultstreamgroup_streams (defaultstreamgroup_id);
CREATE INDEX ON zerver_defaultstreamgroup_streams (stream_id);
CREATE INDEX ON zerver_draft (last_edit_time);
CREATE INDEX ON zerver_draft (recipient_id);
CREATE INDEX ON zerver_draft (topic);
CREATE INDEX ON zerver_draft (user_profile_id);
CREATE INDEX ON zerver_imageattachment (realm_id);
CREATE INDEX ON zerver_missedmessageemailaddress ("timestamp");
CREATE INDEX ON zerver_missedmessageemailaddress (message_id);
CREATE INDEX ON zerver_missedmessageemailaddress (times_used);
CREATE INDEX ON zerver_missedmessageemailaddress (user_profile_id);
CREATE INDEX ON zerver_pushdevicetoken (token);
CREATE INDEX ON zerver_pushdevicetoken (user_id);
CREATE INDEX ON zerver_submessage (message_id);
CREATE INDEX ON zerver_submessage (sender_id);
