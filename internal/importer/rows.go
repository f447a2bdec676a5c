package importer

import (
	"context"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/realmport/realmport/internal/catalog"
)

// row is the row at hand. It is used again for row after row.
type row struct {
	*table
	at     place
	values []any // by column
	has    []bool
	links  [][]int64
}

func (t *table) newRow(at place) *row {
	return &row{table: t, at: at, links: make([][]int64, len(t.Links))}
}

// reset prepares for the next row.
func (w *row) reset() {
	w.at.row++
	w.at.id = 0
	w.values = slices.Grow(w.values[:0], len(w.columns))[:len(w.columns)]
	w.has = slices.Grow(w.has[:0], len(w.columns))[:len(w.columns)]
	clear(w.values)
	clear(w.has)
	for i := range w.links {
		w.links[i] = w.links[i][:0]
	}
}

// set gives a column a value that the archive does not tell. A column that the store does not have is left out.
func (w *row) set(name string, value any) {
	if i := w.column(name); i >= 0 {
		w.values[i], w.has[i] = value, true
	}
}

// get returns a column's value, nil if there is none.
func (w *row) get(name string) any {
	if i := w.column(name); i >= 0 {
		return w.values[i]
	}
	return nil
}

// knownList returns the table that a list of the archive belongs to, nil if it is not known.
func knownList(list string) *catalog.Table {
	tables := catalog.Tables()
	for i := range tables {
		if t := &tables[i]; t.Name == list || slices.Contains(t.Keys, list) {
			return t
		}
	}
	return nil
}

// readLists reads a file of lists of rows.
func (r *run) readLists(ctx context.Context, name string, file catalog.File, body io.Reader) error {
	j := newJSON(body, r.longest)
	err := j.object(func(list string) error {
		at := place{file: name, list: list}
		known := knownList(list)
		switch {
		case known == nil || r.Store.Columns(known.Name) == nil:
			return at.at(r.passOver(at, j))
		case known.File != file:
			return at.at(fault("the table does not belong in this file"))
		case list == catalog.CrossRealm:
			return at.at(r.readBots(j))
		case slices.Contains(waitingLists(), list):
			return at.at(r.keepWaiting(ctx, at, j))
		}
		w := r.table(known).newRow(at)
		return at.at(j.array(func() error { return r.readRow(ctx, w, j) }))
	})
	if err != nil {
		return err
	}
	return j.end()
}

// maxLists bounds how many lists that are not known are passed over.
const maxLists = 200

// passOver reads over a list that has no table, and says how much that is.
func (r *run) passOver(at place, j *jsonReader) error {
	if r.unknown++; r.unknown > maxLists {
		return fault("the archive has too many tables that realmport does not know")
	}
	if j.kind() != jsontext.KindBeginArray {
		return j.skip()
	}
	n := 0
	err := j.array(func() error { n++; return j.skip() })
	if err == nil && n > 0 {
		r.warn("table %s is unknown, so its %d rows are not imported", printable(at.list), n)
	}
	return err
}

// readRow reads a row and puts it into the store.
func (r *run) readRow(ctx context.Context, w *row, j *jsonReader) error {
	w.reset()
	if err := r.decodeRow(ctx, w, j); err != nil {
		return w.at.at(err)
	}
	if err := r.finishRow(w); err != nil {
		return w.at.at(err)
	}
	return r.insertRow(ctx, w)
}

// finishRow completes the row: what its table needs beside, what the archive does not tell, and where it leads.
func (r *run) finishRow(w *row) error {
	if err := r.special(w); err != nil {
		return err
	}
	for i := range w.columns {
		c := &w.columns[i]
		if !w.has[i] {
			value, err := r.lackingValue(w.table, c)
			if err != nil {
				return faultIn(w.key(c.Column), err)
			}
			w.values[i] = value
			if !c.added && !w.Drops(c.Name) {
				c.lacked++
			}
		}
		if w.values[i] == nil && !c.Nullable {
			return faultIn(w.key(c.Column), fault("it is null, and must not be"))
		}
		if err := r.follow(c, w.values[i]); err != nil {
			return faultIn(w.key(c.Column), err)
		}
	}
	return nil
}

// follow looks at where a reference leads: an archive is of one organization.
func (r *run) follow(c *column, value any) error {
	id, ok := value.(int64)
	if c.refers == nil || !ok {
		return nil
	}
	if id <= 0 || id > c.refers.most {
		return faultf("%d is no id that a server gives", id)
	}
	c.refers.max = max(c.refers.max, id)
	if c.References == realmTable && id != r.realm {
		if r.realm != 0 {
			return faultf("it is organization %d, and the archive is of organization %d", id, r.realm)
		}
		r.realm = id
	}
	return nil
}

// insertRow puts a finished row into the store, and counts it.
func (r *run) insertRow(ctx context.Context, w *row) error {
	if err := r.Store.Insert(ctx, w.Name, w.names, w.values); err != nil {
		return w.at.of(err)
	}
	for i, ids := range w.links {
		if err := r.insertLinks(ctx, w, w.Links[i], ids); err != nil {
			return err
		}
	}
	w.space.max = max(w.space.max, w.at.id)
	if w.space.ids != nil {
		w.space.ids.Add(w.at.id)
	}
	if w.at.row > 0 {
		w.rows++
		r.count(w)
	}
	return nil
}

// count counts a row of the archive.
func (r *run) count(w *row) {
	r.summary.Rows++
	r.summary.Tables[w.Name]++
	r.Meter.Rows.Add(1)
	switch w.Name {
	case messageTable:
		r.summary.Messages++
		r.Meter.Messages.Add(1)
	case receivedTable:
		r.summary.UserMessages++
	case catalog.Users:
		r.summary.Users++
	}
}

// insertLinks puts the list of ids of a row into the table of links.
func (r *run) insertLinks(ctx context.Context, w *row, l catalog.Link, ids []int64) error {
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		err := r.Store.Insert(ctx, l.Table, []string{l.Owner, l.Target}, []any{w.at.id, id})
		if err != nil {
			return w.at.of(err)
		}
	}
	return nil
}
