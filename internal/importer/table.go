package importer

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/catalog"
	"github.com/realmport/realmport/internal/idset"
)

// maxUnknown bounds the keys of a table's rows that its shape does not have.
const maxUnknown = 300

// table is a table that rows go to, and how the keys of an archive's rows become its columns. The lists of users share one.
type table struct {
	catalog.Table
	columns []column
	names   []string // of columns
	fields  []field
	id      int // the primary key's column
	space   *space
	rows    int64
	// order remembers which key came where in the rows so far: they are nearly always alike.
	order []seenKey
}

// column is a column of the store.
type column struct {
	realmport.Column
	refers *space // nil if it is no reference
	added  bool   // for a key that the shape does not have
	lacked int64  // by so many rows of the archive
}

// field is a key of an archive's rows.
type field struct {
	key     string
	column  int   // -1 if its values go to none
	link    int   // of the table's links; -1
	unknown bool  // the shape does not have it; it becomes a column when a row has a value
	lost    int64 // values that could not be kept
}

type seenKey struct {
	raw   string
	field int
}

// space is what is known of the ids of a table.
type space struct {
	max  int64      // the greatest that a row has or refers to
	most int64      // the greatest that there can be
	ids  *idset.Set // of the rows, where others must know them; else nil
}

// spaceOf returns the space of a table.
func (r *run) spaceOf(table string) *space {
	if s, ok := r.spaces[table]; ok {
		return s
	}
	s := &space{most: 1 << 48} // beyond what any server has given
	switch table {
	case catalog.Users, recipientTable, messageTable, realmTable, "zerver_client":
		s.most = 1<<31 - 1 // demo-organization.md §1
	}
	switch table {
	case catalog.Users, recipientTable, messageTable, streamTable, namedTable, scheduledTable:
		s.ids = idset.New()
	}
	r.spaces[table] = s
	return s
}

// table returns the table that rows go to, nil if the store has none.
func (r *run) table(known *catalog.Table) *table {
	if t, ok := r.tables[known.Name]; ok {
		return t
	}
	columns := r.Store.Columns(known.Name)
	if columns == nil {
		return nil
	}
	t := &table{Table: *known, id: -1, space: r.spaceOf(known.Name)}
	for _, c := range columns {
		if c.Kind != realmport.TSVector { // the store makes its own, if any
			t.add(r, c)
		}
	}
	if t.ID != "" { // stored in two tables that share an id: it has both keys
		t.fields = append(t.fields, field{key: "id", column: t.id, link: -1})
	}
	for i, l := range known.Links {
		t.fields = append(t.fields, field{key: l.Key, column: -1, link: i})
	}
	for _, key := range known.Drop {
		if t.column(key) < 0 { // known, and of no use
			t.fields = append(t.fields, field{key: key, column: -1, link: -1})
		}
	}
	r.tables[known.Name] = t
	return t
}

// add takes a column of the store and returns its place.
func (t *table) add(r *run, c realmport.Column) int {
	i := len(t.columns)
	added := column{Column: c}
	if c.References != "" {
		added.refers = r.spaceOf(c.References)
	}
	if c.Name == t.PrimaryKey() {
		t.id = i
	}
	t.columns, t.names = append(t.columns, added), append(t.names, c.Name)
	if !credential(t.Name, c.Name) {
		t.fields = append(t.fields, field{key: t.key(c), column: i, link: -1})
	} else {
		t.fields = append(t.fields, field{key: c.Name, column: -1, link: -1})
	}
	return i
}

// key is the key that a column's values have in an archive (format.md §3.1).
func (t *table) key(c realmport.Column) string {
	if key, ok := t.Rename[c.Name]; ok {
		return key
	}
	if c.References != "" {
		return strings.TrimSuffix(c.Name, "_id")
	}
	return c.Name
}

// column returns the place of a column, -1 if the store has none of that name.
func (t *table) column(name string) int {
	for i, n := range t.names {
		if n == name {
			return i
		}
	}
	return -1
}

// find returns the field of the raw key that is the n-th of its row.
func (t *table) find(n int, raw jsontext.Value) (int, error) {
	if n < len(t.order) && t.order[n].raw == string(raw) {
		return t.order[n].field, nil
	}
	i, err := t.search(raw)
	if err != nil {
		return 0, err
	}
	for n >= len(t.order) {
		t.order = append(t.order, seenKey{})
	}
	t.order[n] = seenKey{raw: string(raw), field: i}
	return i, nil
}

func (t *table) search(raw jsontext.Value) (int, error) {
	if len(raw) > maxName {
		return 0, faultf("a key is too long: %s", quoted(string(raw[:maxName])))
	}
	key := unquote(raw)
	for i := range t.fields {
		if t.fields[i].key == key {
			return i, nil
		}
	}
	if len(t.fields) > len(t.columns)+maxUnknown {
		return 0, faultf("the rows have too many keys that realmport does not know, such as %s", quoted(key))
	}
	t.fields = append(t.fields, field{key: key, column: -1, link: -1, unknown: true})
	return len(t.fields) - 1, nil
}

// The tables that are treated specially, beside those that the catalog names.
const (
	realmTable      = "zerver_realm"
	recipientTable  = "zerver_recipient"
	messageTable    = "zerver_message"
	receivedTable   = "zerver_usermessage"
	streamTable     = "zerver_stream"
	groupTable      = "zerver_usergroup"
	namedTable      = "zerver_namedusergroup"
	scheduledTable  = "zerver_scheduledmessage"
	attachmentTable = "zerver_attachment"
	exportTable     = "zerver_realmexport"
	defaultsTable   = "zerver_realmuserdefault"
)

// credential tells whether a column holds what only this store may say: a hostile archive must not set anybody's
// key or password.
func credential(table, column string) bool {
	return table == catalog.Users && (column == "password" || column == "api_key" || column == "uuid") ||
		table == exportTable && column == "export_path"
}
