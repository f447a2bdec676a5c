package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/realmport/realmport"
)

// Realms lists the organizations, without that of the system bots, by id.
func (s *Store) Realms(ctx context.Context) ([]realmport.Realm, error) {
	rows, err := s.db.QueryContext(ctx, s.names.Replace(`SELECT id FROM @zerver_realm WHERE string_id <> $1 ORDER BY id`), systemRealm)
	if err != nil {
		return nil, fail(err, "list the organizations")
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, errors.Join(fail(err, "list the organizations"), rows.Close())
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fail(err, "list the organizations")
	}
	list := make([]realmport.Realm, 0, len(ids))
	for _, id := range ids {
		r, err := s.Realm(ctx, id)
		if err != nil {
			return nil, err
		}
		list = append(list, *r)
	}
	return list, nil
}

// Account returns the address and API key of the active person of an organization who has the least role number between
// two, and of those the least id: from Owner to Administrator the first owner, or else an administrator. It fails with NotFound.
func (s *Store) Account(ctx context.Context, realmID int64, least, most realmport.Role) (email, key string, err error) {
	err = s.row(ctx, s.db, `SELECT delivery_email, api_key FROM @zerver_userprofile
		WHERE realm_id = $1 AND role BETWEEN $2 AND $3 AND is_active AND NOT is_bot ORDER BY role, id LIMIT 1`, realmID, int(least), int(most)).Scan(&email, &key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", realmport.Errorf(realmport.NotFound, "the organization has no active person with such a role")
	}
	return email, key, fail(err, "find an account")
}

// NotificationBot returns the id of the system bot that tells of finished exports; 0 if there is none.
func (s *Store) NotificationBot(ctx context.Context) (int64, error) {
	var id int64
	err := s.row(ctx, s.db, `SELECT u.id FROM @zerver_userprofile AS u JOIN @zerver_realm AS r ON r.id = u.realm_id
		WHERE r.string_id = $1 AND u.delivery_email = $2`, systemRealm, notificationBot).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, fail(err, "find the Notification Bot")
}
