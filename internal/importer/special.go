package importer

import (
	"github.com/realmport/realmport/internal/catalog"
)

// user is what files and recipients need of a user.
type user struct {
	recipient     int64 // 0 for none
	avatarVersion int64
}

// maxUsers bounds the users that are held in memory, some fifty bytes each.
const maxUsers = 1 << 22

// special is what a table's rows need beyond what is the same for all.
func (r *run) special(w *row) error {
	switch w.Name {
	case catalog.Users:
		return r.takeUser(w)
	case realmTable:
		return r.takeRealm(w)
	case exportTable:
		r.endExport(w)
	}
	return nil
}

// takeUser notes a user and gives them credentials of this store: the archive's, if it has any, do not count.
func (r *run) takeUser(w *row) error {
	if len(r.users) >= maxUsers {
		return faultf("there are more than %d users", maxUsers)
	}
	if r.isBot(w.at.id) {
		return fault("a system bot has this id")
	}
	recipient, _ := w.get("recipient_id").(int64)
	version, _ := w.get("avatar_version").(int64)
	r.users[w.at.id] = user{recipient: recipient, avatarVersion: version}
	r.setCredentials(w)
	for i, ids := range w.links {
		if len(ids) > 0 { // they are rights on the server's administration pages, by ids of that server
			r.warnOnce("rights on the server", "user %d: %s %v are not imported", w.at.id, w.Links[i].Key, ids)
			w.links[i] = ids[:0]
		}
	}
	return nil
}

// setCredentials gives a user what only the store itself may say: a password that nothing equals, and a key.
func (r *run) setCredentials(w *row) {
	w.set("password", "!")
	w.set("api_key", APIKey(r.Secret, w.at.id))
	w.set("uuid", madeUUID(r.Secret, catalog.Users, w.at.id))
}

// takeRealm notes the organization.
func (r *run) takeRealm(w *row) error {
	if r.stringID != nil {
		return fault("the archive has a second organization, and must have one")
	}
	if r.realm != 0 && r.realm != w.at.id {
		return faultf("the rows of the archive are of organization %d", r.realm)
	}
	name, _ := w.get("string_id").(string)
	r.realm, r.stringID = w.at.id, &name
	r.summary.Realm, r.summary.RealmID = name, w.at.id
	r.summary.Name, _ = w.get("name").(string)
	if w.get("uuid") == nil {
		w.set("uuid", madeUUID(r.Secret, realmTable, w.at.id))
	}
	if w.get("uuid_owner_secret") == nil {
		w.set("uuid_owner_secret", ownerSecret(r.Secret, w.at.id))
	}
	return nil
}

// The statuses of exports are those of the root package; the store knows none of these archives, so a finished
// one is gone, and nobody works on one that was under way.
const (
	exportStarted   = 2
	exportSucceeded = 3
	exportFailed    = 4
	exportDeleted   = 5
)

// endExport makes sure that no worker takes up the export of another server, and that nobody is offered its archive.
func (r *run) endExport(w *row) {
	status, _ := w.get("status").(int64)
	switch {
	case status <= exportStarted:
		w.set("status", int64(exportFailed))
		w.set("date_failed", r.Now)
	case status == exportSucceeded:
		w.set("status", int64(exportDeleted))
		w.set("date_deleted", r.Now)
	}
}
