package catalog

import "github.com/realmport/realmport"

// inRealm takes the rows of the realm.
func inRealm(s Scope) ([]realmport.Cond, bool) {
	return []realmport.Cond{realmport.Equal{Column: "realm_id", Value: s.Realm}}, true
}

// in takes the rows whose column is one of ids, none when there are no ids.
func in(column string, ids []int64) ([]realmport.Cond, bool) {
	return []realmport.Cond{realmport.In{Column: column, IDs: ids}}, len(ids) > 0
}

// ofUsers takes the rows of all users of the realm.
func ofUsers(column string) Selection {
	return func(s Scope) ([]realmport.Cond, bool) { return in(column, s.Users) }
}

// ofExposed takes the rows of the users whose private data the export may hold.
func ofExposed(column string) Selection {
	return func(s Scope) ([]realmport.Cond, bool) { return in(column, s.Exposed) }
}

// ofGroups takes the rows of the realm's user groups.
func ofGroups(column string) Selection {
	return func(s Scope) ([]realmport.Cond, bool) { return in(column, s.Groups) }
}

// scheduledMessages are private to their sender; a full export takes the
// realm's, whoever sent them (format.md §2.5).
func scheduledMessages(s Scope) ([]realmport.Cond, bool) {
	conds, _ := inRealm(s)
	if s.Type == realmport.Full {
		return conds, true
	}
	return append(conds, realmport.In{Column: "sender_id", IDs: s.Exposed}), len(s.Exposed) > 0
}

// Audit log entries about subscriptions are kept for everyone: the importer
// needs them to know who was subscribed when.
const (
	subscriptionCreated     = 301
	subscriptionActivated   = 302
	subscriptionDeactivated = 303
)

// RealmExported is the event type of the audit row that an export leaves behind.
const RealmExported = 206

// auditLog takes the entries about subscriptions, about nobody, and about exposed users.
func auditLog(s Scope) ([]realmport.Cond, bool) {
	conds, _ := inRealm(s)
	if s.Type == realmport.Full {
		return conds, true
	}
	return append(conds, realmport.Or{
		realmport.In{Column: "event_type", IDs: []int64{subscriptionCreated, subscriptionActivated, subscriptionDeactivated}},
		realmport.Null{Column: "modified_user_id"},
		realmport.In{Column: "modified_user_id", IDs: s.Exposed},
	}), true
}

// all takes every row that the table's Via finds.
func all(Scope) ([]realmport.Cond, bool) { return nil, true }
