package store_test

import (
	"fmt"
	"testing"

	"github.com/realmport/realmport"
)

// The organizations of the tests.
const (
	internalRealm int64 = 1
	acme          int64 = 2
	other         int64 = 3
	nowhere       int64 = 99
)

// The users of the tests, all of acme but the first and the last. Nobody consents.
const (
	notificationBot int64 = 1
	owner           int64 = 10 // the address is visible to nobody
	admin           int64 = 11
	member          int64 = 12
	guest           int64 = 13
	bot             int64 = 14 // the owner's, generic, a member
	adminBot        int64 = 15
	webhook         int64 = 16
	gone            int64 = 17 // an administrator, deactivated
	dummy           int64 = 18 // a mirror dummy
	moderator       int64 = 19
	stranger        int64 = 30 // the owner of other, whose address is visible
	nobody          int64 = 99
)

// key returns a user's API key.
func key(user int64) string { return fmt.Sprintf("aBcD%028d", user) }

// seed adds the rows of the tests.
func seed(t *testing.T, w *world) {
	t.Helper()
	for id, name := range map[int64]string{internalRealm: "zulipinternal", acme: "acme", other: "other"} {
		w.insert(t, "zerver_realm", row{"id": id, "string_id": name, "name": "Realm " + name, "icon_source": "G", "icon_version": 1})
	}
	w.exec(t, fmt.Sprintf(`UPDATE %s SET description = 'Makes *everything*', icon_source = 'U', icon_version = 7,
		enable_spectator_access = true WHERE id = %d`, w.table("zerver_realm"), acme))
	for _, u := range []struct {
		realm, id int64
		role      realmport.Role
		more      row
	}{
		{internalRealm, notificationBot, realmport.Member, row{"is_bot": true, "bot_type": 1, "delivery_email": "notification-bot@zulip.com"}},
		{acme, owner, realmport.Owner, row{"email_address_visibility": 4, "default_language": "de", "rate_limits": "60:5"}},
		{acme, admin, realmport.Administrator, nil},
		{acme, member, realmport.Member, nil},
		{acme, guest, realmport.Guest, nil},
		{acme, bot, realmport.Member, row{"is_bot": true, "bot_type": 1, "bot_owner_id": owner}},
		{acme, adminBot, realmport.Administrator, row{"is_bot": true, "bot_type": 3, "bot_owner_id": admin}},
		{acme, webhook, realmport.Member, row{"is_bot": true, "bot_type": 2, "bot_owner_id": member}},
		{acme, gone, realmport.Administrator, row{"is_active": false}},
		{acme, dummy, realmport.Member, row{"is_active": false, "is_mirror_dummy": true}},
		{acme, moderator, realmport.Moderator, nil},
		{other, stranger, realmport.Owner, nil},
	} {
		values := row{
			"id": u.id, "realm_id": u.realm, "role": int(u.role), "api_key": key(u.id), "is_active": true, "default_language": "en",
			"delivery_email": fmt.Sprintf("user%d@example.com", u.id), "email": fmt.Sprintf("user%d@example.com", u.id),
			"full_name": fmt.Sprintf("User %d", u.id), "email_address_visibility": 1, "recipient_id": 100 + u.id,
		}
		for name, v := range u.more {
			values[name] = v
		}
		w.insert(t, "zerver_userprofile", values)
		w.insert(t, "zerver_recipient", row{"id": 100 + u.id, "type": 1, "type_id": u.id})
	}
	// A channel and a message are there, so that new ids are not 1.
	w.insert(t, "zerver_recipient", row{"id": 500, "type": 2, "type_id": owner})
}

// set changes a column of a user.
func (w *world) set(t testing.TB, user int64, column string, v any) {
	t.Helper()
	w.exec(t, fmt.Sprintf("UPDATE %s SET %s = $1 WHERE id = %d", w.table("zerver_userprofile"), column, user), v)
}
