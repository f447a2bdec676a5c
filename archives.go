package realmport

import (
	"context"
	"io"
	"time"
)

// Archives keeps finished archives by name, which is a path of several parts with slashes. Implementations never leave their
// place, whatever the name.
type Archives interface {
	// Create starts an archive. Its name appears when the output is committed.
	Create(ctx context.Context, name string) (Output, error)
	// Open opens an archive. The error says fs.ErrNotExist when there is none.
	Open(ctx context.Context, name string) (*Archive, error)
	// Remove removes an archive, what is left of one that was not committed, and folders that become empty. It is no error if there is nothing.
	Remove(ctx context.Context, name string) error
}

// Stock is a place of archives that joins them from what it holds already, without moving it: a bucket.
type Stock interface {
	Archives
	// CreateJoined starts an archive like Create, to which stored pieces can be added too.
	CreateJoined(ctx context.Context, name string) (Joined, error)
	// Place names the place, so that processes can tell whether they have the same: its bucket.
	Place() string
	// Sweep removes all that stands below the folder, finished or not, if it was last changed more than age ago by the clock of
	// the place; an age of 0 is all. It returns how many objects and unfinished uploads it removed.
	Sweep(ctx context.Context, folder string, age time.Duration) (removed int, err error)
	// SweepUploads removes what is left of archives that were not committed, wherever they were to be, if match says so of the name
	// and they were begun more than age ago, as in Sweep; never what is finished. The place may belong to others too: match tells what is theirs.
	SweepUploads(ctx context.Context, match func(name string) bool, age time.Duration) (removed int, err error)
	// Link returns an address from which anybody can fetch an archive, for about that time; for as long as it is there if the
	// place is public. It does not look whether there is one. Where the credentials are those of a role they may have to be renewed
	// first, over the network, for as long as the context lasts.
	Link(ctx context.Context, name string, valid time.Duration) (string, error)
}

// Joined is an Output made of what is written and of what is stored already, in the order of the calls.
type Joined interface {
	Output
	// Append adds what is stored. It must not change until Commit has returned.
	Append(ctx context.Context, p Piece) error
}

// Piece is something stored that becomes part of an archive.
type Piece struct {
	Name string
	Size int64
	// Tag tells it from whatever else gets its name: as its own output told, if that is Tagged. "" for any.
	Tag string
	// SHA256 is its digest in hex, which is compared if the bytes pass by; "" if it is not known.
	SHA256 string
}

// Tagged is an Output that knows, once it is committed, what tells it from whatever else gets its name.
type Tagged interface{ Tag() string }

// Archive is an open archive.
type Archive struct {
	io.ReadSeekCloser
	Size     int64
	Modified time.Time
}

// Loader fills a new embedded store with rows, all of them or none. It is for one goroutine.
type Loader interface {
	// Columns describes a table, in the table's own order; nil if the store has no such table.
	Columns(table string) []Column
	// Insert adds a row. The values belong to the columns, in their order: nil, bool, int64, string, time.Time, or json.RawMessage.
	// A value that the column cannot hold is an error with the code Invalid that names table and column.
	Insert(ctx context.Context, table string, columns []string, values []any) error
	// Commit checks that all references point to rows, and makes the rows durable and visible. On an error nothing is kept.
	Commit(ctx context.Context) error
	// Abort leaves nothing behind. After Commit it does nothing.
	Abort() error
}
