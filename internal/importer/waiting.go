package importer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/realmport/realmport/internal/catalog"
)

// waitingLists are the lists whose rows wait in files until all others are in the store, in the order in which they
// follow then. The first few may lack settings that name a system group, which has to be known by its name; to those
// that forgiving names, references may dangle even in a good archive.
func waitingLists() []string {
	return []string{
		groupTable, namedTable, realmTable, streamTable, catalog.Subscriptions, "zerver_realmauditlog",
		scheduledTable, "zerver_onboardingusermessage", attachmentTable,
	}
}

// forgiving tells whether Zulip's own exporter writes rows of the table without looking where they lead: to a message
// that is not in a public archive, to a user of another organization (format.md §2.5).
func forgiving(table string) bool {
	switch table {
	case catalog.Subscriptions, "zerver_realmauditlog", scheduledTable, "zerver_onboardingusermessage":
		return true
	}
	return false
}

// keepWaiting writes the rows of a list to a file.
func (r *run) keepWaiting(ctx context.Context, at place, j *jsonReader) error {
	f, err := r.stage.create(rowsName + "/" + at.list)
	if err != nil {
		return internal("keep the rows of %s: %w", at.list, err)
	}
	r.waiting[at.list] = at.file
	out := bufio.NewWriterSize(f, 64<<10)
	err = j.array(func() error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		v, err := j.value()
		if err != nil {
			return err
		}
		if _, err := out.Write(v); err != nil {
			return err
		}
		return out.WriteByte('\n')
	})
	return errors.Join(err, out.Flush(), f.Close())
}

// replay calls fn for each row of a list that waits. fn reads it.
func (r *run) replay(list string, fn func(at place, j *jsonReader) error) error {
	file, ok := r.waiting[list]
	if !ok {
		return nil
	}
	f, err := r.stage.root.Open(rowsName + "/" + list)
	if err != nil {
		return internal("read the rows of %s again: %w", list, err)
	}
	defer f.Close()
	j := newJSON(bufio.NewReaderSize(f, 64<<10), r.longest)
	at := place{file: file, list: list}
	for j.kind() != jsontext.KindInvalid {
		if err := fn(at, j); err != nil {
			return at.at(err)
		}
	}
	return at.at(j.end())
}

// insertWaiting puts the rows that waited into the store.
func (r *run) insertWaiting(ctx context.Context) error {
	if err := r.findRoles(); err != nil {
		return err
	}
	for _, list := range waitingLists() {
		t := r.table(knownList(list))
		if t == nil {
			continue
		}
		if err := r.insertList(ctx, list, t); err != nil {
			return err
		}
		if list == groupTable && r.splitGroups {
			if err := r.insertNamed(ctx); err != nil {
				return err
			}
		}
		if list == realmTable && r.stringID == nil {
			return invalid("%s has no organization: the archive is of no use", catalog.RealmFile)
		}
	}
	return nil
}

// insertList puts the rows of a list that waited into a table.
func (r *run) insertList(ctx context.Context, list string, t *table) error {
	w := t.newRow(place{})
	return r.replay(list, func(at place, j *jsonReader) error {
		w.at.file, w.at.list = at.file, t.Name
		if forgiving(t.Name) || t.Name == attachmentTable {
			return r.readForgivingly(ctx, w, j)
		}
		return r.readRow(ctx, w, j)
	})
}

// insertNamed puts the groups that have a name into their second table.
func (r *run) insertNamed(ctx context.Context) error {
	t := r.table(knownList(namedTable))
	w := t.newRow(place{list: t.Name})
	return r.replay(groupTable, func(at place, j *jsonReader) error {
		w.at.file = at.file
		w.reset()
		if err := r.decodeRow(ctx, w, j); err != nil || w.get("name") == nil {
			return w.at.at(err)
		}
		if err := r.finishRow(w); err != nil {
			return w.at.at(err)
		}
		return r.insertRow(ctx, w)
	})
}

// readForgivingly reads a row that may lead nowhere, and leaves it out then.
func (r *run) readForgivingly(ctx context.Context, w *row, j *jsonReader) error {
	w.reset()
	err := r.decodeRow(ctx, w, j)
	if err == nil {
		err = r.finishRow(w)
	}
	if err != nil {
		return w.at.at(err)
	}
	for i, l := range w.Links {
		if s := r.left[targetOf(l)]; s != nil {
			w.links[i] = slices.DeleteFunc(w.links[i], s.Has)
		}
	}
	if forgiving(w.Name) && !r.resolve(w) {
		return nil
	}
	return r.insertRow(ctx, w)
}

// targetOf is the table that a link's ids are of.
func targetOf(l catalog.Link) string {
	if l.Key == "scheduled_messages" {
		return scheduledTable
	}
	return messageTable
}

// resolve empties the references of a row that lead nowhere, as an export of realmport would, and returns
// false if the row is left out for one.
func (r *run) resolve(w *row) bool {
	for i := range w.columns {
		c := &w.columns[i]
		id, ok := w.values[i].(int64)
		if !ok || c.refers == nil || c.refers.ids == nil || c.refers.ids.Has(id) {
			continue
		}
		r.summary.LeftOut++
		if c.Nullable && w.OnDangling[c.Name] == catalog.Clear {
			r.warnOnce("references out of the archive in "+w.Name, "%s: %s %d is not in the archive, so the reference is emptied", w.at, w.key(c.Column), id)
			w.values[i] = nil
			continue
		}
		r.warnOnce("rows left out of "+w.Name, "%s: %s %d is not in the archive, so the row is left out", w.at, w.key(c.Column), id)
		if s := r.left[w.Name]; s != nil {
			s.Add(w.at.id)
		}
		return false
	}
	return true
}

// findRoles finds the system groups, by which settings are filled that the archive's version did not have. Archives
// of before named groups have the names in zerver_usergroup: those rows belong to both tables.
func (r *run) findRoles() error {
	_, named := r.waiting[namedTable]
	for _, list := range []string{groupTable, namedTable} {
		err := r.replay(list, func(_ place, j *jsonReader) error {
			v, err := j.value()
			if err != nil {
				return err
			}
			var group struct {
				ID     int64   `json:"id"`
				Name   *string `json:"name"`
				System bool    `json:"is_system_group"`
			}
			if err := json.Unmarshal(v, &group); err != nil {
				return faultf("a row is not one of a group: it needs an integer id, and if it has a name, that is a text")
			}
			if group.Name == nil {
				return nil
			}
			r.splitGroups = r.splitGroups || !named
			if group.System && slices.Contains(systemGroups(), *group.Name) {
				r.roles[*group.Name] = group.ID
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if r.splitGroups {
		return r.prepareSplit()
	}
	return nil
}

// prepareSplit lets both tables of groups overlook the other's keys.
func (r *run) prepareSplit() error {
	groups, named := r.table(knownList(groupTable)), r.table(knownList(namedTable))
	if groups == nil || named == nil {
		return fmt.Errorf("the store has no table for groups: %w", fs.ErrNotExist)
	}
	for _, f := range named.fields {
		if !slices.ContainsFunc(groups.fields, func(g field) bool { return g.key == f.key }) {
			groups.fields = append(groups.fields, field{key: f.key, column: -1, link: -1})
		}
	}
	named.fields = append(named.fields, field{key: "realm", column: named.column("realm_id"), link: -1})
	for _, t := range []*table{groups, named} {
		for _, key := range []string{"direct_members", "direct_subgroups"} { // both follow from other tables
			t.fields = append(t.fields, field{key: key, column: -1, link: -1})
		}
	}
	return nil
}
