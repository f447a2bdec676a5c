// Package catalog is what is known of Zulip's tables, as data: which file of an
// archive a table goes to, which of its rows an export of each type
// takes, and where its columns differ from the general rules. Columns and keys
// themselves are not listed here: they come from the live schema.
//
// The rules are those of the archive's specification, format.md §2 to §4.
package catalog

import (
	"regexp"

	"github.com/realmport/realmport"
)

// File is a JSON file of an archive.
type File string

// The files that hold whole tables.
const (
	RealmFile      File = "realm.json"
	AnalyticsFile  File = "analytics.json"
	AttachmentFile File = "attachment.json"
	// MessagesFile stands for all the numbered message files.
	MessagesFile File = "messages"
)

// Scope is what a rule selects by: the realm and the sets of ids that the
// export has worked out.
type Scope struct {
	Type  realmport.ExportType
	Realm int64
	// Users are all users of the realm; Exposed are those of them whose private data the
	// export may hold: none in a public export, the consenting in a standard one, all in a full one.
	Users, Exposed []int64
	Groups         []int64 // user groups of the realm
	Recipients     []int64 // whose subscriptions and messages are visible
	Huddles        []int64 // group direct messages among the recipients
	Clients        []int64 // used by any exported row
}

// Selection is the condition on a table's rows. It returns false when the export takes none.
type Selection func(Scope) ([]realmport.Cond, bool)

// Dangling says what happens to a row with a reference to something
// that is not in the archive.
type Dangling uint8

const (
	// Clear empties the reference where the column allows null, and else leaves the row out.
	Clear Dangling = iota
	// Leave leaves the row out.
	Leave
)

// Table is what is known of one table.
type Table struct {
	Name string
	File File
	// Keys under which the table's rows appear in the file; only the users have more than one.
	Keys []string
	Rows Selection
	// Via is set when rows are found by way of the realm's messages.
	Via *realmport.Through
	// Since is the number of the migration (of the app zerver) that made the table; a
	// server that has not reached it need not have the table. 0: every supported server has it.
	Since int
	// Drop names the columns that are never written, Rename the JSON keys that do
	// not follow the general rule, Last the columns written after all others.
	Drop   []string
	Rename map[string]string
	Last   []string
	// NumericTimes is set where the importer takes only these times as numbers, and
	// all others as ISO 8601 texts (format.md §3.6).
	NumericTimes []string
	// ID is the primary key where that is not "id".
	ID string
	// Links are the id lists written after the columns, by key.
	Links []Link
	// OnDangling names the columns whose dangling references have a treatment of their own.
	OnDangling map[string]Dangling
}

// Link is a many-to-many field: a list of ids in each row.
type Link struct {
	Key string
	realmport.Link
}

// Drops tells whether the column is never written.
func (t *Table) Drops(column string) bool {
	for _, d := range t.Drop {
		if d == column {
			return true
		}
	}
	return false
}

// looksSecret matches the names of columns that a later version may add and nobody should hand out unseen.
var looksSecret = regexp.MustCompile(`(^|_)(secret|token|password|api_key|private_key)s?(_|$)`)

// Suspect tells whether an unknown column seems to hold a secret: such a column is left out until
// somebody has looked at it. A service's token is known, and part of the archive.
func (t *Table) Suspect(column string) bool {
	known := t.Name == "zerver_service" && column == "token"
	return !known && looksSecret.MatchString(column)
}

// PrimaryKey returns the name of the column that identifies a row.
func (t *Table) PrimaryKey() string {
	if t.ID != "" {
		return t.ID
	}
	return "id"
}

// Lookup returns the table of that name from Tables, nil if it is not an exported one.
func Lookup(tables []Table, name string) *Table {
	for i := range tables {
		if tables[i].Name == name {
			return &tables[i]
		}
	}
	return nil
}
