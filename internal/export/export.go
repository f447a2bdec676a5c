// Package export is the engine: it reads one organization from a snapshot of a
// source, works out what an export of the given type holds, and writes the archive.
//
// The order of work: the schema is held against the catalog; users, recipients
// and messages are selected (Selection); the message history is cut into parts that
// workers make independently, while the other tables are written beside them; then
// the snapshot is given up and the files are copied. Whatever is written in parallel is
// joined in one fixed order, so that the same snapshot and options give the same bytes.
package export

import (
	"context"
	"log/slog"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
)

// Options are what an export needs to know. Source, Output and Type are required.
type Options struct {
	Source realmport.Source
	// Files is the server's upload folder; without it every file counts as missing.
	Files  realmport.Files
	Output realmport.Output

	Realm string // the organization's string_id
	Type  realmport.ExportType
	// AvatarSalt is the server's secret that avatar files are named by; without it
	// avatars count as missing.
	AvatarSalt string
	// AvatarNames are the users of avatars whose files are named otherwise, as those of an imported organization are by the
	// salt of the server it came from; by the base name, which is 40 hexadecimal digits.
	AvatarNames map[string]int64
	// ExternalHost is the server's EXTERNAL_HOST, for the addresses that stand in for hidden
	// ones; "" takes it from addresses that the server made itself.
	ExternalHost string
	// Name is the archive's root folder; "" for one made from the organization and the type.
	Name string
	// Migrations is the content of migration_status.json.
	Migrations []byte
	// AllowUnusable exports even if nobody could use the result.
	AllowUnusable bool

	Workers     int    // that make parts; 0 means 2
	Compression int    // 1 to 9; 0 means the default
	Spool       string // folder for temporary files
	Meter       *realmport.Meter
	Log         *slog.Logger

	// Team makes the parts, on any machine; nil makes them here. It needs a Source whose snapshots are realmport.Shared, and an
	// Output that is realmport.Joined.
	Team Team

	// Missing is told of each thing that was left out, from one goroutine at a time; it may be nil.
	Missing func(realmport.Missing)
	// Built is called when all is written, before the output is committed; its error ends the export. It may be nil.
	Built func(*realmport.Summary) error
}

// Defaults of Options. Level 2 is the fastest that still shrinks well: see docs/performance.md.
const (
	defaultWorkers     = 2
	defaultCompression = 2
)

func (o Options) withDefaults() Options {
	if o.Workers == 0 {
		o.Workers = defaultWorkers
	}
	if o.Compression == 0 {
		o.Compression = defaultCompression
	}
	if o.Meter == nil {
		o.Meter = &realmport.Meter{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Run writes the archive and commits the output. The summary's Seconds are the
// caller's to fill. After an error nothing is committed; the caller aborts the output.
func Run(ctx context.Context, opts Options) (*realmport.Summary, error) {
	opts = opts.withDefaults()
	opts.Meter.SetPhase("connect")
	snap, err := opts.Source.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()

	opts.Meter.SetPhase("select")
	r := &run{Options: opts, snap: snap, maker: &maker{typ: opts.Type, files: opts.Files, meter: opts.Meter, snap: snap}}
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	if err := r.write(ctx); err != nil {
		return nil, err
	}
	if opts.Built != nil {
		if err := opts.Built(&r.summary); err != nil {
			return nil, err
		}
	}
	if err := opts.Output.Commit(); err != nil {
		return nil, err
	}
	return &r.summary, nil
}

// run is one export under way.
type run struct {
	Options
	snap    realmport.Snapshot
	realm   realmport.Realm
	tables  map[string]*table // the exported ones that the source has
	order   []*table
	sel     *selection
	history *history
	seed    seed
	summary realmport.Summary

	maker       *maker
	joiner      *archive.Joiner
	joined      realmport.Joined // the output of an export that a team makes
	closure     *closure
	missing     *missing
	emoji       map[string]string // custom emoji in the archive: id as text → name
	emojiFiles  []Item
	emojiNames  map[string]bool // of the files
	attachments *attachments
	files       []MessageFile               // written so far
	stats       map[string]map[string]int64 // of the other files: file → table → rows
	records     map[string]int64            // entries of the lists of files
}

// prepare does everything that comes before the first byte.
func (r *run) prepare(ctx context.Context) error {
	if err := r.describe(ctx); err != nil {
		return err
	}
	if err := r.findRealm(ctx); err != nil {
		return err
	}
	r.summary.Realm, r.summary.Type = r.realm.StringID, r.Type.String()
	if err := r.selectUsers(ctx); err != nil {
		return err
	}
	if err := r.checkUsable(); err != nil {
		return err
	}
	if err := r.selectRecipients(ctx); err != nil {
		return err
	}
	r.findReaders()
	if err := r.selectMessages(ctx); err != nil {
		return err
	}
	return r.prepareMaker()
}

// prepareMaker gives the maker what was found out, and whoever else makes parts the plan.
func (r *run) prepareMaker() (err error) {
	m := r.maker
	m.realm, m.name, m.modified, m.tables = r.realm.ID, r.Name, r.asOf(), r.tables
	m.opens = opensOf(r.Files, r.Workers)
	m.email = func(id int64) (string, bool) { return r.sel.email(id), r.sel.senders.Has(id) }
	m.pool, err = archive.NewPool(r.Compression, r.Spool, memoryPerBuilder)
	return err
}
