package sourcetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/realmport/realmport"
)

// Type is the type of a column, to be made with the nearest that a database has.
type Type int

// The types, with the Go type of their values in rows and the kind that a source gives them.
const (
	SmallInt Type = iota // int64, Int
	Integer              // int64, Int
	BigInt               // int64, Int
	Bool                 // bool, Bool
	Text                 // string, Text
	Time                 // time.Time, Time
	UUID                 // [16]byte, UUID
	JSON                 // json.RawMessage, JSON
)

// Table is a table to be made, whose primary key is the column id, with its rows. A row's values are in the
// order of the columns; nil is NULL.
type Table struct {
	Name    string
	Columns []Column
	Rows    [][]any
}

// Column is a column to be made.
type Column struct {
	Name       string
	Type       Type
	Nullable   bool
	References string // a table, by its id
}

// Database is a database of the adapter's kind.
type Database struct {
	Source realmport.Source
	// Insert adds a row to a table, and Delete removes one, beside the source's own connections. The
	// change is committed when they return.
	Insert func(t *testing.T, table string, row []any)
	Delete func(t *testing.T, table string, id int64)
}

// Create makes a database of its own for a test, with these tables; those that are referred to come
// first. The database goes away with the test.
type Create func(t *testing.T, tables []Table) *Database

// epoch is the time of the first message.
var epoch = time.Date(2024, time.March, 1, 12, 0, 0, 123456000, time.UTC)

// Tables describes the tables of the tests.
func Tables() []Table {
	id := func(t Type) Column { return Column{Name: "id", Type: t} }
	return []Table{
		{
			Name: "zerver_realm",
			Columns: []Column{
				id(Integer),
				{Name: "string_id", Type: Text},
				{Name: "uuid", Type: UUID, Nullable: true},
				{Name: "deactivated", Type: Bool},
				{Name: "plan", Type: SmallInt, Nullable: true},
				{Name: "settings", Type: JSON, Nullable: true},
			},
			Rows: [][]any{
				{int64(1), "", nil, false, int64(-3), nil},
				{int64(2), "o'brien\"\\", [16]byte{0: 1, 15: 0xff}, true, nil, json.RawMessage(`{"a": [1, null, "ü"]}`)},
			},
		},
		{
			Name: "zerver_message",
			Columns: []Column{
				id(Integer),
				{Name: "realm_id", Type: Integer, References: "zerver_realm"},
				{Name: "subject", Type: Text, Nullable: true},
				{Name: "date_sent", Type: Time},
				{Name: "edited", Type: Time, Nullable: true},
			},
			Rows: [][]any{
				// Bytewise, Z comes before a, and é after z.
				{int64(1), int64(2), "zebra", epoch, nil},
				{int64(2), int64(2), "", epoch.Add(time.Microsecond), epoch},
				{int64(3), int64(2), "été", epoch.AddDate(-60, 0, 0), nil},
				{int64(4), int64(2), "Zebra", epoch, nil},
				{int64(5), int64(1), "apple", epoch, nil},
				{int64(6), int64(1), nil, epoch, nil},
				{int64(7), int64(1), "a pple", epoch, nil},
				{int64(8), int64(1), "日本\n\t😀", epoch, nil},
			},
		},
		{
			Name: "zerver_usermessage",
			Columns: []Column{
				id(BigInt), {Name: "message_id", Type: Integer, References: "zerver_message"}, {Name: "flags", Type: BigInt},
			},
			Rows: [][]any{
				{int64(1<<40 + 1), int64(1), int64(0)},
				{int64(1<<40 + 2), int64(1), int64(-1 << 63)},
				{int64(1<<40 + 3), int64(2), int64(1)},
				{int64(1<<40 + 4), int64(5), int64(1<<63 - 1)},
			},
		},
		{Name: "zerver_attachment", Columns: []Column{id(Integer)}, Rows: [][]any{{int64(1)}, {int64(2)}}},
		{
			Name: "zerver_attachment_messages",
			Columns: []Column{
				id(Integer),
				{Name: "attachment_id", Type: Integer, References: "zerver_attachment"},
				{Name: "message_id", Type: Integer, Nullable: true, References: "zerver_message"},
			},
			Rows: [][]any{{int64(1), int64(1), int64(8)}, {int64(2), int64(1), int64(3)}, {int64(3), int64(1), nil}, {int64(4), int64(1), int64(5)}},
		},
		{Name: "zerver_empty", Columns: []Column{id(Integer)}},
	}
}
