package demo

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/realmport/realmport"
)

// epoch is the time at which the demo organizations begin. Its microseconds are not zero, and
// neither are those of most times counted from it.
var epoch = time.Date(2024, time.May, 1, 9, 0, 0, 123456000, time.UTC)

// values are columns with their values: nil, a bool, an integer, a string or a time.
type values map[string]any

// row is a row to be loaded. The columns it does not name get defaults.
type row struct {
	table  string
	in     exports // the exports that hold the row
	fill   string  // what the texts that it does not name consist of
	values values
}

// load adds rows of any tables.
func load(s sink, rows []row) error {
	byTable := map[string][]row{}
	for _, r := range rows {
		byTable[r.table] = append(byTable[r.table], r)
	}
	defaults := tableDefaults()
	for _, table := range slices.Sorted(maps.Keys(byTable)) {
		rows, columns := byTable[table], s.columns(table)
		names := make([]string, len(columns))
		for i, c := range columns {
			names[i] = c.Name
		}
		if err := check(table, names, rows); err != nil {
			return err
		}
		slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.id(), b.id()) })
		cells := make([]any, len(columns))
		err := s.copy(table, names, each(len(rows), func(w writer, i int) {
			for n, c := range columns {
				cells[n] = rows[i].value(c, defaults[table])
			}
			write(w, cells...)
		}))
		if err != nil {
			return err
		}
	}
	return nil
}

// check finds columns that the table does not have.
func check(table string, names []string, rows []row) error {
	for _, r := range rows {
		for name := range r.values {
			if !slices.Contains(names, name) {
				return fmt.Errorf("load table %s: it has no column %s", table, name)
			}
		}
	}
	return nil
}

// id returns the row's id, 0 if it has none.
func (r row) id() int64 {
	for _, key := range []string{"id", "usergroup_ptr_id"} {
		if id, ok := r.values[key].(int64); ok {
			return id
		}
	}
	return 0
}

// value returns what the row has in a column: what it names, else the table's
// default, else an empty value of the column's type.
func (r row) value(c realmport.Column, defaults values) any {
	if v, ok := r.values[c.Name]; ok {
		return v
	}
	if v, ok := defaults[c.Name]; ok {
		return v
	}
	if c.Nullable {
		return nil
	}
	switch c.Kind {
	case realmport.Bool:
		return false
	case realmport.Int:
		return 0
	case realmport.Time:
		return epoch
	case realmport.JSON:
		return "{}"
	case realmport.UUID:
		return fakeUUID(r.table, r.id())
	default:
		if c.Name == "api_key" {
			return fakeKey(r.table, r.id())
		}
		return r.fill
	}
}

// fakeKey makes 32 characters that no other row has.
func fakeKey(table string, id int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s:%d", table, id))
	return hex.EncodeToString(sum[:16])
}

// fakeUUID makes a random-looking UUID that no other row has.
func fakeUUID(table string, id int64) string {
	k := fakeKey(table, id)
	return fmt.Sprintf("%s-%s-4%s-8%s-%s", k[:8], k[8:12], k[13:16], k[17:20], k[20:])
}
