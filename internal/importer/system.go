package importer

import (
	"context"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/realmport/realmport/internal/catalog"
)

// bot is a system bot as an archive names it.
type bot struct {
	email         string
	id, recipient int64
}

// systemRealm is the organization of the system bots (demo-organization.md §4.1).
const systemRealm = "zulipinternal"

// maxBots bounds the system bots; a server has three that archives list.
const maxBots = 100

// botNames are the bots that an export needs, by address.
func botNames() map[string]string {
	return map[string]string{
		"notification-bot@zulip.com": "Notification Bot",
		"emailgateway@zulip.com":     "Email Gateway",
		"welcome-bot@zulip.com":      "Welcome Bot",
	}
}

// readBots takes the system bots, of which an archive has little more than the ids.
func (r *run) readBots(j *jsonReader) error {
	return j.array(func() error {
		v, err := j.value()
		if err != nil {
			return err
		}
		var rec struct {
			Email     string `json:"email"`
			ID        int64  `json:"id"`
			Recipient int64  `json:"recipient_id"`
		}
		if err := json.Unmarshal(v, &rec); err != nil {
			return faultf("row %d is not one of a system bot: it needs the keys email, id and recipient_id", len(r.bots)+1)
		}
		users, recipients := r.spaceOf(catalog.Users), r.spaceOf(recipientTable)
		switch {
		case len(r.bots) == maxBots:
			return faultf("there are more than %d system bots", maxBots)
		case rec.ID <= 0 || rec.ID > users.most || rec.Recipient < 0 || rec.Recipient > recipients.most:
			return faultf("row %d has ids that no server gives: %d, %d", len(r.bots)+1, rec.ID, rec.Recipient)
		case r.isBot(rec.ID) || users.ids.Has(rec.ID):
			return faultf("there is another user with the id %d", rec.ID)
		}
		r.bots = append(r.bots, bot{rec.Email, rec.ID, rec.Recipient})
		users.ids.Add(rec.ID)
		users.max = max(users.max, rec.ID)
		if rec.Recipient > 0 {
			recipients.ids.Add(rec.Recipient)
			recipients.max = max(recipients.max, rec.Recipient)
		}
		r.summary.Tables[catalog.CrossRealm]++
		r.summary.Rows++
		return nil
	})
}

func (r *run) isBot(id int64) bool {
	return slices.ContainsFunc(r.bots, func(b bot) bool { return b.id == id })
}

// addLacking makes the rows that a store needs and an archive does not have.
func (r *run) addLacking(ctx context.Context) error {
	p := &putter{run: r, ctx: ctx}
	r.addDefaults(p, r.realm)
	if *r.stringID != systemRealm {
		r.addSystemRealm(p)
	} else if len(r.bots) > 0 {
		return invalid("%s: the organization of the system bots has bots of another one", catalog.CrossRealm)
	}
	r.addMigrations(p)
	return p.err
}

// addDefaults makes the rows that an organization has one of.
func (r *run) addDefaults(p *putter, realm int64) {
	for _, table := range []string{defaultsTable, "zerver_presencesequence"} {
		if realm != r.realm || r.summary.Tables[table] == 0 {
			p.put(table, values{"realm_id": realm})
		}
	}
}

// addRecipients makes the recipients of users who are not subscribed to themselves: archives leave them out, and yet
// messages may go there (format.md §2.5).
func (r *run) addRecipients(ctx context.Context) error {
	p := &putter{run: r, ctx: ctx}
	known := r.spaceOf(recipientTable).ids
	for _, id := range slices.Sorted(maps.Keys(r.users)) {
		if u := r.users[id]; u.recipient > 0 && !known.Has(u.recipient) {
			p.put(recipientTable, values{"id": u.recipient, "type": int64(personal), "type_id": id})
		}
	}
	return p.err
}

// Facts of Zulip's tables (demo-organization.md §3).
const (
	personal   = 1
	memberRole = 400
	genericBot = 1
)

// addSystemRealm makes the organization of the system bots, with the bots' ids as the archive has them.
func (r *run) addSystemRealm(p *putter) {
	realm := int64(1)
	if r.realm == realm {
		realm = 2
	}
	r.addSystemGroups(p, realm)
	p.put(realmTable, values{
		"id": realm, "string_id": systemRealm, "name": "System bots", "date_created": r.Now,
		"uuid": madeUUID(r.Secret, realmTable, realm), "uuid_owner_secret": ownerSecret(r.Secret, realm),
	})
	r.addDefaults(p, realm)
	p.put("zerver_realmauthenticationmethod", values{"realm_id": realm, "name": "Email"})
	names := botNames()
	for _, b := range r.bots {
		r.addBot(p, realm, b, names[b.email])
		delete(names, b.email)
	}
	for _, email := range slices.Sorted(maps.Keys(names)) {
		r.warn("the archive does not name the system bot %s, so a new one is made: what it wrote is not in the archive either", email)
		r.addBot(p, realm, bot{email: email}, names[email])
	}
}

// addSystemGroups makes the system groups (demo-organization.md §4.3), and lets settings lead to them.
func (r *run) addSystemGroups(p *putter, realm int64) {
	r.roles = map[string]int64{}
	names := systemGroups()
	for _, name := range names {
		r.roles[name] = p.put(groupTable, values{"realm_id": realm})
	}
	for i, name := range names {
		p.put(namedTable, values{
			"usergroup_ptr_id": r.roles[name], "realm_id": realm, "name": name, "is_system_group": true,
			"description": systemGroupDescription(name),
		})
		if i > 1 { // nobody and owners have no group in them
			p.put("zerver_groupgroupmembership", values{"supergroup_id": r.roles[name], "subgroup_id": r.roles[names[i-1]]})
		}
	}
}

// addBot makes a bot, its recipient and its subscription to itself.
func (r *run) addBot(p *putter, realm int64, b bot, name string) {
	if name == "" {
		name = b.email
	}
	values := values{
		"realm_id": realm, "email": b.email, "delivery_email": b.email, "full_name": name, "is_bot": true, "is_active": true,
		"bot_type": int64(genericBot), "role": int64(memberRole), "avatar_source": "U", "date_joined": r.Now,
	}
	if b.id == 0 {
		b.id = r.spaceOf(catalog.Users).max + 1
	}
	if b.recipient == 0 {
		b.recipient = r.spaceOf(recipientTable).max + 1
	}
	values["id"], values["bot_owner_id"], values["recipient_id"] = b.id, b.id, b.recipient
	p.put(catalog.Users, values)
	p.put(recipientTable, map[string]any{"id": b.recipient, "type": int64(personal), "type_id": b.id})
	p.put(catalog.Subscriptions, map[string]any{
		"user_profile_id": b.id, "recipient_id": b.recipient, "active": true, "is_user_active": true,
	})
	p.put("zerver_usergroupmembership", map[string]any{"user_group_id": r.roles["role:members"], "user_profile_id": b.id})
}

// values are columns with their values.
type values map[string]any

// putter inserts rows that are not the archive's. After an error it does nothing.
type putter struct {
	*run
	ctx context.Context //nolint:containedctx // lives as long as one call of addLacking
	err error
}

// put inserts a row and returns its id: the next one, if the values have none. What they do not name gets its default.
func (p *putter) put(table string, v values) int64 {
	if p.err != nil {
		return 0
	}
	t := p.table(knownList(table))
	if t == nil {
		return 0
	}
	w := t.newRow(place{file: "the import's own rows", list: table})
	w.reset()
	w.at.row = 0
	for name, value := range v {
		w.set(name, value)
	}
	id, ok := w.values[t.id].(int64)
	if !ok {
		id = t.space.max + 1
		w.values[t.id], w.has[t.id] = id, true
	}
	w.at.id = id
	if table == catalog.Users {
		p.setCredentials(w)
	}
	for i := range w.columns {
		if !w.has[i] && p.err == nil {
			w.values[i], p.err = p.lackingValue(t, &w.columns[i])
		}
	}
	if p.err == nil && id > t.space.most {
		p.err = faultf("there is no id left for a row")
	}
	if p.err == nil {
		p.err = p.insertRow(p.ctx, w)
	}
	p.err = w.at.at(p.err)
	return id
}
