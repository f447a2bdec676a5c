package realmport

import "context"

// Source is where organizations are read from: a Zulip server's PostgreSQL
// database, or an embedded store of the same shape.
type Source interface {
	// Snapshot fixes one instant of the source. The caller closes it.
	Snapshot(ctx context.Context) (Snapshot, error)
}

// Snapshot is one instant of a source: whatever is written meanwhile, every
// read sees the rows of that instant. It is safe for concurrent use; reads
// beyond the snapshot's number of connections wait for each other.
type Snapshot interface {
	// Schema describes the tables. It is read once; the caller does not change it.
	Schema(ctx context.Context) (*Schema, error)
	// Read runs q and calls fn for each row, in order, from one goroutine. The row
	// and its values are valid only during the call. Read stops at fn's first error and
	// returns it as it is.
	Read(ctx context.Context, q Query, fn func(Row) error) error
	// Close ends the snapshot and frees its connections. It is idempotent.
	Close() error
}

// Row is one row of a query: a value for each of its columns, in their order, then one for
// each of its links. A value is nil for NULL; otherwise its form depends on the
// column's Kind.
type Row [][]byte

// Kind is the form of a column's values.
type Kind uint8

// The kinds and the form of their values, which is the same whatever the source.
const (
	Text     Kind = iota + 1 // UTF-8
	Int                      // big-endian two's complement of 2, 4 or 8 bytes
	Bool                     // one byte, 0 or 1
	Time                     // microseconds since 2000-01-01 UTC, big-endian, 8 bytes
	UUID                     // 16 bytes
	JSON                     // a JSON text, to be embedded as a value
	IDs                      // big-endian integers of 8 bytes each, possibly none
	TSVector                 // a full-text index; never read
)

// Schema is what a source's tables look like, by name.
type Schema struct {
	Tables map[string]*Table
	// Version describes the server, for messages: "PostgreSQL 15.18".
	Version string
}

// Table is one table of a source.
type Table struct {
	Name    string
	Columns []Column // in the table's own order
	// Estimate is about how many rows the table has, of all realms; -1 if unknown.
	Estimate int64
}

// Column returns the column of that name, nil if the table has none.
func (t *Table) Column(name string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// Column is one column of a table.
type Column struct {
	Name     string
	Kind     Kind
	Nullable bool
	// References is the table that a foreign-key constraint on this column names, "" without one.
	References string
	// Readable is false if the source's credentials may not read the column.
	Readable bool
}

// Query asks for rows of one table.
type Query struct {
	Table   string
	Columns []string
	Links   []Link
	Where   []Cond   // all must hold
	Through *Through // nil to look into the table itself
	OrderBy string   // ascending, text bytewise; "" for any order
	Limit   int      // 0 for no limit
}

// Link asks for the ids that a link table joins to each row, as a value of
// Kind IDs, in the order of the column By.
type Link struct {
	Table  string // the link table
	Owner  string // its column that holds the row's id
	Target string // its column that holds the linked ids
	By     string
}

// Through restricts a query to the rows whose Column is a Key, a unique one, of the rows
// of another table that meet Where. The source looks them up one by one in the
// index on Column, so that the cost follows the number of those rows and
// not the size of the table.
type Through struct {
	Column string
	Table  string
	Key    string
	Where  []Cond
}

// Cond is a condition on a row: Equal, In, Null, Between or Or.
type Cond interface{ cond() }

// Equal holds where the column has the value: an int64, a bool or a string.
type Equal struct {
	Column string
	Value  any
}

// In holds where the column has one of the values.
type In struct {
	Column string
	IDs    []int64
}

// Null holds where the column is null.
type Null struct{ Column string }

// Between holds where From <= column <= To.
type Between struct {
	Column   string
	From, To int64
}

// Or holds where one of its conditions does.
type Or []Cond

func (Equal) cond()   {}
func (In) cond()      {}
func (Null) cond()    {}
func (Between) cond() {}
func (Or) cond()      {}
