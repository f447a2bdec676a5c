package importer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/idset"
	"github.com/realmport/realmport/internal/zulip"
)

// Options are what an import needs to know. Archive, Store, Uploads, Secret and Now are required.
type Options struct {
	Archive io.Reader // the .tar.gz, read to its end
	// Store is committed when all is well, and else aborted. If it can add columns (see ColumnAdder), what a
	// later version of Zulip has in its rows is kept.
	Store realmport.Loader
	// Uploads is the folder that gets the files, laid out as a Zulip server's: below files and avatars, in which there must be
	// nothing yet. It is made if it does not exist. No store in use may have its files there: what an interrupted
	// import left behind is removed.
	Uploads string
	// AvatarSalt is the store's secret that avatar files are named by, if the archive does not say how.
	AvatarSalt string
	// Secret makes the users' API keys, which archives do not hold: the same secret and user give the same key.
	Secret []byte
	// Now is the time to write where the archive does not tell one.
	Now time.Time
	// MaxBytes bounds what the archive may unpack to; 0 takes the free space of the disk that Uploads is on.
	MaxBytes int64
	// Before, if set, is called when everything is in its place, just before the store is committed; its error ends the
	// import like any other. It is the moment to write what belongs to the store and is not in it, such as Summary.Status.
	Before func(*Summary) error

	// Progress, if set, is called now and then from the goroutine of Run, with the bytes of the archive read so far.
	Progress func(readBytes int64)
	Meter    *realmport.Meter // counts rows, messages, files and the bytes read; may be nil
	Log      *slog.Logger     // may be nil
}

// ColumnAdder is a store that can get columns that its shape lacks. They allow null.
type ColumnAdder interface {
	AddColumn(ctx context.Context, table, name string, kind realmport.Kind) error
}

// Summary is what an import did.
type Summary struct {
	Realm        string           `json:"realm"` // string_id
	RealmID      int64            `json:"realm_id"`
	Name         string           `json:"name"`
	Messages     int64            `json:"messages"`
	UserMessages int64            `json:"usermessages"`
	Users        int64            `json:"users"` // without the system bots
	Rows         int64            `json:"rows"`  // of the archive's tables
	Tables       map[string]int64 `json:"tables"`
	Files        int64            `json:"files"`
	FileBytes    int64            `json:"file_bytes"`
	Bytes        int64            `json:"bytes"`         // of the archive
	MissingFiles int64            `json:"missing_files"` // that a list names and the archive lacks
	LeftOut      int64            `json:"left_out"`      // rows that point out of the archive
	ReportedLost int64            `json:"reported_lost"` // what the archive itself says that it lacks
	// Avatars are the users of avatars, by the base name of their files, which is that of the archive. A later export needs
	// to know them: the names cannot be worked out by this store's salt.
	Avatars map[string]int64 `json:"-"`
	// Status is the content of the archive's migration_status.json, which a later export writes again.
	Status   zulip.Status `json:"status"`
	Warnings []string     `json:"warnings"`
}

// Run imports the archive. After an error, a realmport.Error, nothing is kept: the store is aborted and the files are removed.
func Run(ctx context.Context, opts Options) (*Summary, error) {
	if opts.Meter == nil {
		opts.Meter = &realmport.Meter{}
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	r := newRun(opts)
	err := r.do(ctx)
	if err == nil {
		return &r.summary, nil
	}
	r.abort()
	var known *realmport.Error
	switch {
	case ctx.Err() != nil:
		err = interrupted(ctx)
	case !errors.As(err, &known):
		err = internal("import: %w", err)
	}
	return nil, err
}

// run is one import under way.
type run struct {
	Options
	summary Summary
	stage   *stage
	unpacks int64 // what the archive may unpack to
	longest int64 // JSON value

	root    string          // the archive's root folder
	seen    map[string]bool // files at the top
	parts   *idset.Set      // numbers of the message files
	unknown int             // lists that were passed over
	warned  map[string]int

	defaults map[string]values // by table and column
	tables   map[string]*table
	spaces   map[string]*space
	waiting  map[string]string     // the file of each list that waits
	left     map[string]*idset.Set // rows that were left out, of tables that others need to know

	realm       int64   // 0 until the first row names it
	stringID    *string // nil until its row has come
	users       map[int64]user
	bots        []bot
	roles       map[string]int64 // system groups by name
	splitGroups bool             // groups are in one table, as in old archives
}

func newRun(opts Options) *run {
	r := &run{
		Options: opts, longest: maxValue, seen: map[string]bool{}, parts: idset.New(), warned: map[string]int{},
		defaults: tableDefaults(), tables: map[string]*table{}, spaces: map[string]*space{}, waiting: map[string]string{},
		left:  map[string]*idset.Set{scheduledTable: idset.New()},
		users: map[int64]user{}, roles: map[string]int64{},
	}
	r.summary.Tables, r.summary.Avatars, r.summary.Warnings = map[string]int64{}, map[string]int64{}, []string{}
	return r
}

// do is the import; whatever it returns, abort cleans up.
func (r *run) do(ctx context.Context) (err error) {
	if r.stage, err = openStage(r.Uploads); err != nil {
		return err
	}
	if r.unpacks, err = r.room(); err != nil {
		return err
	}
	r.Meter.SetPhase("read")
	if err := r.read(ctx); err != nil {
		return err
	}
	r.Meter.SetPhase("finish")
	if err := r.complete(); err != nil {
		return err
	}
	if err := r.addRecipients(ctx); err != nil {
		return err
	}
	if err := r.insertWaiting(ctx); err != nil {
		return err
	}
	if err := r.addLacking(ctx); err != nil {
		return err
	}
	if err := r.placeFiles(ctx); err != nil {
		return err
	}
	if err := r.tellLacking(ctx); err != nil {
		return err
	}
	r.tellUncounted()
	r.Meter.SetPhase("commit")
	if r.Before != nil {
		if err := r.Before(&r.summary); err != nil {
			return err
		}
	}
	if err := r.Store.Commit(ctx); err != nil {
		return err
	}
	// From here on the files belong to a store: whatever happens, they stay.
	if err := r.stage.close(); err != nil {
		r.Log.Warn("temporary files of the import could not be removed", "err", err)
	}
	return nil
}

// abort leaves nothing behind.
func (r *run) abort() {
	if err := r.Store.Abort(); err != nil {
		r.Log.Warn("the store of a failed import could not be removed", "err", err)
	}
	if r.stage == nil {
		return
	}
	if err := r.stage.remove(); err != nil {
		r.Log.Warn("files of a failed import could not be removed", "err", err)
	}
}

// warn tells the user of something that does not stop the import.
func (r *run) warn(format string, args ...any) {
	text := sentence(format, args...)
	r.summary.Warnings = append(r.summary.Warnings, text)
	r.Log.Warn(text)
}

// examples is how many warnings of one kind are told one by one.
const examples = 5

// warnOnce warns of the first few things of a kind; further ones are only counted.
func (r *run) warnOnce(kind, format string, args ...any) {
	if r.warned[kind]++; r.warned[kind] <= examples {
		r.warn(format, args...)
	}
}

// tellUncounted says how many warnings were not told.
func (r *run) tellUncounted() {
	for _, kind := range slices.Sorted(maps.Keys(r.warned)) {
		if n := r.warned[kind] - examples; n > 0 {
			r.warn("%d more of the kind: %s", n, kind)
		}
	}
}
