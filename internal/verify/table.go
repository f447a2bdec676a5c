package verify

import (
	"strings"

	"github.com/realmport/realmport/internal/catalog"
)

// The JSON data files.
const (
	realmFile      = "realm.json"
	analyticsFile  = "analytics.json"
	attachmentFile = "attachment.json"
	messagesFile   = "messages" // stands for all the numbered ones
)

// form is what the values of a field must be.
type form uint8

const (
	anyForm form = iota
	refForm
	intForm
	numberForm
	textForm
	boolForm
	listForm
	dateForm // a text, if anything
)

// field is a key of a table's rows that is looked at.
type field struct {
	key      string
	form     form
	to       space // of a reference
	nullable bool
	// needed is set when the importer fails without the key; recent when it is needed only
	// by servers of the version that format.md describes.
	needed, recent bool
	// lacking counts the rows without a needed key; first is the first such row.
	lacking int64
	first   place
}

// place is a row's place in the archive.
type place struct {
	file  string
	table *table
	id    int64
}

// table is a list of rows of a JSON data file, and what is known of it so far.
type table struct {
	name   string
	fields []field
	needed uint64 // the mask of the needed fields
	id     int    // the field that is the row's id; -1 without
	noID   bool   // rows need not have an id
	ids    *idSet // shared by lists that share ids
	rows   int64
	look   special
	// order remembers which key came where in the rows so far: they are nearly always alike.
	order [maxFields * 2]seenKey
}

// special is what a table needs beyond what is the same for all: a look at each row.
type special func(c *check, t *table, r *row)

type seenKey struct {
	raw   string
	field int
}

// find returns the field with the raw key, which is the n-th of its row; -1 if nobody asks for it.
func (t *table) find(n int, raw []byte) int {
	if n < len(t.order) {
		if k := &t.order[n]; k.raw == string(raw) {
			return k.field
		}
	}
	i := t.search(raw)
	if n < len(t.order) && len(raw) <= maxName {
		t.order[n] = seenKey{raw: string(raw), field: i}
	}
	return i
}

func (t *table) search(raw []byte) int {
	v := value{kind: '"', raw: raw}
	key := v.text() // a name may be written with escapes
	for i := range t.fields {
		if t.fields[i].key == key {
			return i
		}
	}
	return -1
}

// newTable describes a table by the catalog's references and by what the importer needs.
func newTable(name, needs string, b *budget) *table {
	t := &table{name: name, id: -1, ids: newSet(b), noID: name == "zerver_usermessage", look: specials(name)}
	t.id = t.put(field{key: "id", form: intForm})
	for _, ref := range catalog.Refs(name) {
		to, ok := refersTo(name, ref.Key, ref.Table)
		if !ok {
			continue
		}
		t.put(field{
			key: ref.Key, form: refForm, to: to, nullable: catalog.NullableRef(name, ref.Key),
			needed: importerReads(name, ref.Key), recent: isGroupSetting(ref.Key),
		})
	}
	for need := range strings.FieldsSeq(needs) {
		t.put(parseNeed(need))
	}
	t.setNeeded()
	return t
}

// setNeeded makes the mask of the needed fields.
func (t *table) setNeeded() {
	t.needed = 0
	for i, f := range t.fields {
		if f.needed {
			t.needed |= 1 << i
		}
	}
}

// put adds a field, or replaces the one of the same key.
func (t *table) put(f field) int {
	for i := range t.fields {
		if t.fields[i].key == f.key {
			t.fields[i] = f
			return i
		}
	}
	t.fields = append(t.fields, f)
	return len(t.fields) - 1
}

// at returns the value of a field by its key, nil if the row has none.
func (t *table) at(r *row, key string) *value {
	for i := range t.fields {
		if t.fields[i].key == key {
			if v, ok := r.field(i); ok {
				return v
			}
			return nil
		}
	}
	return nil
}

// importerReads tells whether the importer looks at a reference at all: it works out
// the recipients of users and channels anew, and earlier exports do not matter to it.
func importerReads(table, key string) bool {
	switch table {
	case "zerver_realmexport":
		return false
	case "zerver_userprofile", "zerver_userprofile_mirrordummy", "zerver_stream":
		return key != "recipient"
	}
	return true
}

// isGroupSetting tells whether a key is a setting that names a group: every version of the server adds some.
func isGroupSetting(key string) bool {
	return strings.HasPrefix(key, "can_") || strings.HasSuffix(key, "_message_group") ||
		strings.HasSuffix(key, "_invite_group") || strings.HasPrefix(key, "direct_message_")
}
