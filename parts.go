package realmport

import (
	"context"
	"time"
)

// Parts keeps what several machines need to know to make one archive together: of each attempt at an export a plan, written by its
// coordinator, and parts, each made by one worker at a time. An attempt is named by a text that nobody can guess. All
// times are those of the one clock of the place where it is kept.
type Parts interface {
	// Begin notes an attempt with its plan, which belongs to whoever wrote it.
	Begin(ctx context.Context, attempt string, plan []byte) error
	// Plan returns the plan of an attempt. It fails with NotFound if the attempt has ended, or its coordinator has been silent
	// for longer than stale.
	Plan(ctx context.Context, attempt string, stale time.Duration) ([]byte, error)
	// Add notes a part to be made. Numbers are those of the coordinator; adding a part again changes nothing.
	Add(ctx context.Context, attempt string, number int, spec []byte) error
	// Look is the coordinator's sign of life. It returns the parts that are made or given up, and those that nobody is
	// at work on: never begun, given back, or silent for longer than stale. Parts that Drop was called for are left out. It fails with NotFound
	// if the attempt was ended by somebody else.
	Look(ctx context.Context, attempt string, stale time.Duration) ([]PartState, error)
	// Drop forgets a part, whose result the coordinator has.
	Drop(ctx context.Context, attempt string, number int) error
	// End forgets the attempt and its parts. What workers finish later is refused.
	End(ctx context.Context, attempt string) error
	// Silent lists attempts whose coordinator has been silent for longer than stale.
	Silent(ctx context.Context, stale time.Duration) ([]string, error)

	// Claim makes worker the one who makes a part and returns its spec, unless it is made, given up, dropped, or somebody else
	// is at it who was not silent for longer than stale; then ok is false. Each claim counts as a try.
	Claim(ctx context.Context, attempt string, number int, worker string, stale time.Duration) (spec []byte, ok bool, err error)
	// Beat is a worker's sign of life. It fails with Conflict if the part is not the worker's any more.
	Beat(ctx context.Context, attempt string, number int, worker string) error
	// Finish notes the result of a part. It fails with Conflict if the part is not the worker's any more.
	Finish(ctx context.Context, attempt string, number int, worker string, result []byte) error
	// GiveBack lets others make the part; uncounted does not count the try. With final set it is given up for that reason, and so
	// will be the whole attempt. It does nothing if the part is not the worker's any more.
	GiveBack(ctx context.Context, attempt string, number int, worker, reason string, uncounted, final bool) error
}

// PartState is where a part is.
type PartState struct {
	Number int
	Tries  int    // how often it was begun
	Result []byte // once made
	Reason string // why the last try failed; ""
	// GivenUp says that it is not to be tried again. Idle says that nobody is at work on it, and somebody should be.
	GivenUp, Idle bool
}

// Shared is a snapshot that others can join, in other processes, as long as it is open.
type Shared interface {
	Snapshot
	// Token names the snapshot and the server that has it.
	Token() string
}

// Joiner is a source whose snapshots can be joined.
type Joiner interface {
	Source
	// Join opens the snapshot of that token. It fails with NotFound if the snapshot has ended, and with Unsupported, saying why, if the
	// source is not the server that has it. A joined snapshot stays readable when the one that it was joined to ends.
	Join(ctx context.Context, token string) (Snapshot, error)
}
