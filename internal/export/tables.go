package export

import (
	"context"
	"encoding/json"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
	"github.com/realmport/realmport/internal/catalog"
	"github.com/realmport/realmport/internal/encode"
	"github.com/realmport/realmport/internal/idset"
)

// scope is what the catalog's rules select by.
func (r *run) scope() catalog.Scope {
	s := r.sel
	return catalog.Scope{
		Type: r.Type, Realm: r.realm.ID, Users: s.all.Slice(), Exposed: s.exposed.Slice(), Groups: s.groups.Slice(),
		Recipients: s.recipients.Slice(), Huddles: s.huddles.Slice(), Clients: s.clients.Slice(),
	}
}

// writeTables makes a file of whole tables.
func (r *run) writeTables(ctx context.Context, file catalog.File) (*archive.Segment, map[string]int64, error) {
	d := r.newDocument()
	defer d.discard()
	for _, known := range catalog.Tables() {
		if known.File != file {
			continue
		}
		t := r.tables[known.Name]
		write := r.writeTable
		if known.Name == catalog.Users {
			write = r.writeUsers // opens its lists itself
		} else {
			d.open(known.Name)
		}
		if t == nil { // the source is of a version without it
			continue
		}
		if err := write(ctx, d, t); err != nil {
			return nil, nil, err
		}
	}
	segment, err := d.close()
	return segment, d.counts, err
}

// writeTable writes the rows of one table into the open list.
func (r *run) writeTable(ctx context.Context, d *document, t *table) error {
	r.closure.begin(t.Name)
	var last int64
	change := r.rewriteFor(t)
	err := r.rows(ctx, d, t, func(row realmport.Row) (bool, error) {
		id, err := encode.Int(row[t.at[t.PrimaryKey()]])
		if err != nil {
			return false, err
		}
		last = id
		return change(row)
	})
	if err == nil && t.Name == "zerver_realmauditlog" {
		err = d.add(t.encoder, r.exportEntry(t, last))
	}
	return err
}

// rows writes the rows that the catalog selects, as change leaves them, as far as their references allow.
func (r *run) rows(ctx context.Context, d *document, t *table, change rewrite) error {
	conds, any := t.Rows(r.scope())
	if !any {
		return nil
	}
	q := t.query
	q.Where = conds
	if q.Through != nil { // the tables reached through messages
		via := *q.Through
		via.Where = []realmport.Cond{realmport.Equal{Column: "realm_id", Value: r.realm.ID}}
		q.Through = &via
	}
	return r.snap.Read(ctx, q, func(row realmport.Row) error {
		keep, err := change(row)
		if err != nil || !keep {
			return t.located(row, err)
		}
		if keep, err = r.complete(t, row); err != nil || !keep {
			return t.located(row, err)
		}
		if err := d.add(t.encoder, row); err != nil {
			return t.located(row, err)
		}
		return r.closure.written(t, row)
	})
}

// complete checks a row's references and reports those that had to be given up.
func (r *run) complete(t *table, row realmport.Row) (bool, error) {
	keep, left, err := r.closure.check(t, row)
	for _, m := range left {
		if err == nil {
			err = r.missing.add(m)
		}
	}
	return keep, err
}

// writeUsers writes the three lists of users (format.md §2.3, §2.4).
func (r *run) writeUsers(ctx context.Context, d *document, t *table) error {
	settings, err := r.defaultSettings(ctx, t)
	if err != nil {
		return err
	}
	scrub := r.scrubUser(t, settings, r.hiddenDomain())
	lists := []struct {
		key string
		ids *idset.Set
	}{{catalog.Users, r.sel.normal}, {catalog.MirrorDummies, idset.Minus(r.sel.all, r.sel.normal)}}
	for _, list := range lists {
		d.open(list.key)
		err := r.rows(ctx, d, t, func(row realmport.Row) (bool, error) {
			id, err := encode.Int(row[t.at["id"]])
			if err != nil || !list.ids.Has(id) {
				return false, err
			}
			return scrub(row)
		})
		if err != nil {
			return err
		}
	}
	d.open(catalog.CrossRealm)
	for _, b := range r.sel.bots {
		text, err := json.Marshal(struct {
			Email     string `json:"email"`
			ID        int64  `json:"id"`
			Recipient int64  `json:"recipient_id"`
		}{b.email, b.id, b.recipient})
		if err != nil {
			return err
		}
		if err := d.addRaw(text); err != nil {
			return err
		}
	}
	return nil
}

// hiddenDomain is the domain of made-up addresses, looked for only if one is needed.
func (r *run) hiddenDomain() string {
	for id, u := range r.sel.users {
		if u.visibility == visibilityNobody && !r.sel.consenting.Has(id) {
			return r.domain()
		}
	}
	return ""
}

// defaultSettings reads the realm's default user settings: all columns that users and
// defaults share, but for who may see the address, which is a person's own choice in every case.
func (r *run) defaultSettings(ctx context.Context, users *table) ([]setting, error) {
	t := r.tables["zerver_realmuserdefault"]
	q := realmport.Query{Table: t.Name, OrderBy: "id", Limit: 1, Where: []realmport.Cond{realmport.Equal{Column: "realm_id", Value: r.realm.ID}}}
	var settings []setting
	for _, c := range t.columns {
		at, shared := users.at[c.Name]
		if shared && c.Name != "id" && c.Name != "realm_id" && c.Name != "email_address_visibility" {
			q.Columns = append(q.Columns, c.Name)
			settings = append(settings, setting{at: at})
		}
	}
	found := false
	err := r.snap.Read(ctx, q, func(row realmport.Row) error {
		found = true
		for i, v := range row {
			if v != nil {
				settings[i].value = append([]byte{}, v...)
			}
		}
		return nil
	})
	if err == nil && !found && r.Type != realmport.Full {
		err = realmport.Errorf(realmport.Unsupported, "organization %q has no row in zerver_realmuserdefault, so the settings of users who do not "+
			"consent cannot be reset: its database is incomplete; --type full does not need it", r.Realm)
	}
	return settings, err
}
