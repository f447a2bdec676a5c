package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// What the Notification Bot writes (api.md §1.8), by which client, and how Zulip's Markdown renders it.
const (
	systemRealm     = "zulipinternal"
	notificationBot = "notification-bot@zulip.com"
	client          = "Internal"
	content         = "Your data export is complete. [View and download exports](/#organization/data-exports-admin)."
	rendered        = `<p>Your data export is complete. <a href="/#organization/data-exports-admin">View and download exports</a>.</p>`
	// renderedVersion is the version of the Markdown processor, the same on all servers.
	renderedVersion = 1
	// isPrivate is the flag of a received direct message; without others it is unread.
	isPrivate = 1 << 11
)

// notify adds the Notification Bot's direct message to a user, and returns its id: 0 if there is no bot, or the user
// cannot be written to.
func (s *Store) notify(ctx context.Context, tx *sql.Tx, realmID, user int64, now time.Time) (int64, error) {
	var bot, recipient int64
	err := s.row(ctx, tx, `SELECT u.id, p.id FROM @zerver_userprofile u JOIN @zerver_realm r ON r.id = u.realm_id, @zerver_recipient p
		WHERE r.string_id = $1 AND u.delivery_email = $2 AND u.is_bot AND p.type = 1 AND p.type_id = $3`,
		systemRealm, notificationBot, user).Scan(&bot, &recipient)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	via, err := s.client(ctx, tx)
	if err != nil {
		return 0, err
	}
	var message int64
	err = s.row(ctx, tx, `INSERT INTO @zerver_message (realm_id, sender_id, recipient_id, type, subject, content, rendered_content,
			rendered_content_version, date_sent, sending_client_id, has_attachment, has_image, has_link, is_channel_message)
		VALUES ($1, $2, $3, 1, '', $4, $5, $6, $7, $8, false, false, true, false) RETURNING id`,
		realmID, bot, recipient, content, rendered, renderedVersion, s.d.time(now), via).Scan(&message)
	if err != nil {
		return 0, err
	}
	for _, reader := range []int64{bot, user} {
		// The bot may have asked for the export itself.
		_, err := s.exec(ctx, tx, `INSERT INTO @zerver_usermessage (user_profile_id, message_id, flags) VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`, reader, message, isPrivate)
		if err != nil {
			return 0, err
		}
	}
	return message, nil
}

// client returns the id of the client that messages of the server itself are sent by.
func (s *Store) client(ctx context.Context, tx *sql.Tx) (int64, error) {
	_, err := s.exec(ctx, tx, `INSERT INTO @zerver_client (name)
		SELECT CAST($1 AS text) WHERE NOT EXISTS (SELECT 1 FROM @zerver_client WHERE name = $1) ON CONFLICT DO NOTHING`, client)
	if err != nil {
		return 0, err
	}
	var found int64
	err = s.row(ctx, tx, `SELECT id FROM @zerver_client WHERE name = $1`, client).Scan(&found)
	return found, err
}
