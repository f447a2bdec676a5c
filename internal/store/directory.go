package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/realmport/realmport"
)

// Ids are compared as bigint, so that one beyond the column's width is not found instead of refused.

const selectRealm = `SELECT id, string_id, name, date_created, deactivated, description, icon_version, icon_source = 'U',
	enable_spectator_access FROM @zerver_realm WHERE `

// Realm implements realmport.Directory.
func (s *Store) Realm(ctx context.Context, id int64) (*realmport.Realm, error) {
	return s.realm(ctx, fmt.Sprintf("with the id %d", id), selectRealm+`id = CAST($1 AS bigint)`, id)
}

// RealmByStringID implements realmport.Directory.
func (s *Store) RealmByStringID(ctx context.Context, stringID string) (*realmport.Realm, error) {
	return s.realm(ctx, fmt.Sprintf("%q", stringID), selectRealm+`string_id = $1`, clean(stringID))
}

func (s *Store) realm(ctx context.Context, which, query string, arg any) (*realmport.Realm, error) {
	var r realmport.Realm
	var created moment
	err := s.row(ctx, s.db, query, arg).Scan(
		&r.ID, &r.StringID, &r.Name, &created, &r.Deactivated, &r.Description, &r.IconVersion, &r.IconGiven, &r.WebPublic)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, realmport.Errorf(realmport.NotFound, "there is no organization %s", which)
	} else if err != nil {
		return nil, fail(err, "read the organization %s", which)
	}
	r.Created = created.Time
	return &r, nil
}

const selectUser = `SELECT id, realm_id, delivery_email, full_name, role, is_bot, coalesce(bot_type, 1), is_active,
	allow_private_data_export, default_language, api_key, rate_limits FROM @zerver_userprofile WHERE `

// UserByKey implements realmport.Directory. What cannot be a key is not looked up.
func (s *Store) UserByKey(ctx context.Context, key string) (*realmport.User, error) {
	if !plausible(key) {
		return nil, realmport.Errorf(realmport.NotFound, "there is no user with this API key")
	}
	return s.user(ctx, "with this API key", selectUser+`api_key = $1`, key)
}

// plausible tells whether a text has the shape of an API key (api.md §4).
func plausible(key string) bool {
	return len(key) == 32 && strings.IndexFunc(key, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

// User implements realmport.Directory.
func (s *Store) User(ctx context.Context, id int64) (*realmport.User, error) {
	return s.user(ctx, fmt.Sprintf("with the id %d", id), selectUser+`id = CAST($1 AS bigint)`, id)
}

func (s *Store) user(ctx context.Context, which, query string, arg any) (*realmport.User, error) {
	var u realmport.User
	var bot bool
	var key string
	err := s.row(ctx, s.db, query, arg).Scan(
		&u.ID, &u.RealmID, &u.DeliveryEmail, &u.FullName, &u.Role, &bot, &u.Bot, &u.Active, &u.Consents, &u.Language, &key, &u.RateLimits)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, realmport.Errorf(realmport.NotFound, "there is no user %s", which)
	} else if err != nil {
		return nil, fail(err, "read the user %s", which)
	}
	if !bot {
		u.Bot = realmport.Human
	}
	u.KeyDigest = sha256.Sum256([]byte(key))
	return &u, nil
}

// Consents implements realmport.Directory.
func (s *Store) Consents(ctx context.Context, realmID int64) ([]realmport.Consent, error) {
	found, err := list(ctx, s, func(row scanner) (realmport.Consent, error) {
		var c realmport.Consent
		err := row.Scan(&c.UserID, &c.Consented, &c.Active, &c.EmailVisibility)
		return c, err
	}, `SELECT id, allow_private_data_export, is_active, email_address_visibility FROM @zerver_userprofile
		WHERE realm_id = CAST($1 AS bigint) AND NOT is_bot ORDER BY id`, realmID)
	return found, fail(err, "list the consents in organization %d", realmID)
}

// Administrators implements realmport.Directory.
func (s *Store) Administrators(ctx context.Context, realmID int64) ([]int64, error) {
	found, err := list(ctx, s, scanID, `SELECT id FROM @zerver_userprofile
		WHERE realm_id = CAST($1 AS bigint) AND is_active AND NOT is_bot AND role IN ($2, $3) ORDER BY id`,
		realmID, realmport.Owner, realmport.Administrator)
	return found, fail(err, "list the administrators of organization %d", realmID)
}

// The conditions on an owner u that an export of a type must meet, by one of them (api.md §1.3, 3a and 3b). Neither
// asks whether the owner is active, or a person.
const (
	seesAddresses = `u.email_address_visibility <> 4`
	inConsentSet  = `(u.allow_private_data_export OR u.is_mirror_dummy OR (u.is_bot AND u.bot_owner_id IN (
		SELECT h.id FROM @zerver_userprofile h
		WHERE h.realm_id = CAST($1 AS bigint) AND NOT h.is_bot AND h.allow_private_data_export)))`
)

// Usable implements realmport.Directory. Full exports depend on nobody.
func (s *Store) Usable(ctx context.Context, realmID int64, t realmport.ExportType) (bool, error) {
	var condition string
	switch t {
	case realmport.Public:
		condition = seesAddresses
	case realmport.Standard:
		condition = inConsentSet
	case realmport.Full:
		return true, nil
	default:
		return false, realmport.Errorf(realmport.Invalid, "export type %d is not one of 1 (public), 2 (standard), 3 (full)", t)
	}
	var found bool
	err := s.row(ctx, s.db, `SELECT EXISTS (SELECT 1 FROM @zerver_userprofile u
		WHERE u.realm_id = CAST($1 AS bigint) AND u.role = $2 AND `+condition+`)`, realmID, realmport.Owner).Scan(&found)
	return found, fail(err, "look for an owner of organization %d who could use an export", realmID)
}

// The latest day's total of uploads counts what was there at the end of that day, which is exclusive.
const selectUsage = `
WITH latest AS (
	SELECT value, end_time FROM @analytics_realmcount
	WHERE realm_id = CAST($1 AS bigint) AND property = 'upload_quota_used_bytes::day' ORDER BY end_time DESC LIMIT 1)
SELECT
	(SELECT CAST(coalesce(sum(value), 0) AS bigint) FROM @analytics_realmcount
	 WHERE realm_id = CAST($1 AS bigint) AND property = 'messages_sent:message_type:day'),
	coalesce((SELECT value FROM latest), 0) + (SELECT CAST(coalesce(sum(size), 0) AS bigint) FROM @zerver_attachment
	 WHERE realm_id = CAST($1 AS bigint) AND (NOT EXISTS (SELECT 1 FROM latest) OR create_time >= (SELECT end_time FROM latest)))`

// Usage implements realmport.Directory.
func (s *Store) Usage(ctx context.Context, realmID int64) (realmport.Usage, error) {
	var u realmport.Usage
	err := s.row(ctx, s.db, selectUsage, realmID).Scan(&u.Messages, &u.UploadBytes)
	return u, fail(err, "read how much organization %d has", realmID)
}

// SetConsent implements realmport.Directory.
func (s *Store) SetConsent(ctx context.Context, userID int64, consents bool, now time.Time) (changed bool, err error) {
	if !s.owned {
		return false, realmport.Errorf(realmport.NotAllowed, "users of a Zulip server change their consent there, in their settings")
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		var realmID int64
		err := s.row(ctx, tx, `UPDATE @zerver_userprofile SET allow_private_data_export = $2
			WHERE id = CAST($1 AS bigint) AND allow_private_data_export <> $2 RETURNING realm_id`, userID, consents).Scan(&realmID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		} else if err != nil {
			return err
		}
		changed = true
		extra := fmt.Sprintf(`{"1": %t, "2": %t, "property": "allow_private_data_export"}`, !consents, consents)
		_, err = s.exec(ctx, tx, `INSERT INTO @zerver_realmauditlog
			(realm_id, acting_user_id, modified_user_id, event_type, event_time, backfilled, extra_data)
			VALUES ($1, $2, $3, $4, $5, false, $6)`, realmID, userID, userID, settingChanged, s.d.time(now), extra)
		return err
	})
	if err != nil {
		return false, fail(err, "change the consent of user %d", userID)
	}
	if !changed {
		_, err = s.User(ctx, userID)
	}
	return changed, err
}
