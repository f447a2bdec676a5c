package export

import (
	"context"
	"fmt"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
	"github.com/realmport/realmport/internal/encode"
	"github.com/realmport/realmport/internal/idset"
)

// maker makes parts. It knows what any of them needs of the export and no more, so that a maker on another machine
// can be made from a Plan. It is safe for concurrent use.
type maker struct {
	typ      realmport.ExportType
	realm    int64
	name     string    // the archive's root folder
	modified time.Time // of the archive's own files
	readers  readers

	snap   realmport.Snapshot // nil where only files are copied
	tables map[string]*table
	files  realmport.Files // nil if there are none
	opens  int             // how many files of a part are opened at the same time
	email  func(int64) (string, bool)

	pool  *archive.Pool
	meter *realmport.Meter
}

// readers are the users whose usermessages are written.
type readers struct {
	set idset.Dense
	ids []int64
}

func readersOf(ids []int64) readers { return readers{idset.New(ids...).Dense(), ids} }

// piece is a part that was made. Its bytes are in the segment or, if that is nil, stored under the result's name.
type piece struct {
	Made
	segment *archive.Segment
}

func (p *piece) release() {
	if p.segment != nil {
		_ = p.segment.Release()
	}
}

// make makes a part. The caller releases the piece.
func (m *maker) make(ctx context.Context, spec Spec) (*piece, error) {
	b := m.pool.Builder()
	defer b.Discard()
	p := &piece{}
	if spec.Opens {
		if err := m.addFolders(b); err != nil {
			return nil, err
		}
	}
	var err error
	switch {
	case spec.Messages != nil:
		err = m.addMessageFiles(ctx, b, spec.Messages, &p.Made)
	case spec.Files != nil:
		err = m.addFiles(ctx, b, spec.Files, &p.Made)
	}
	if err != nil {
		return nil, err
	}
	if p.segment, err = b.Finish(); err != nil {
		return nil, err
	}
	p.Stored = archive.Stored{Size: p.segment.Size(), Len: p.segment.Len(), CRC: p.segment.CRC()}
	return p, nil
}

// header is the tar header of a file that the export makes.
func (m *maker) header(name string) archive.Header {
	return archive.Header{Name: m.inRoot(name), Modified: m.modified, Mode: 0o644}
}

// inRoot is a name's place in the archive.
func (m *maker) inRoot(name string) string { return m.name + "/" + name }

// folders are those of files. The importer wants them even if they are empty.
func folders() []string { return []string{"avatars", "uploads", "emoji", "realm_icons"} }

// addFolders adds the root folder, which is private, and those of files.
func (m *maker) addFolders(b *archive.Builder) error {
	headers := []archive.Header{{Name: m.name, Mode: 0o700}}
	for _, name := range folders() {
		headers = append(headers, archive.Header{Name: m.inRoot(name), Mode: 0o755})
	}
	for _, h := range headers {
		h.Dir, h.Modified = true, m.modified
		if err := b.File(h, nil, false); err != nil {
			return err
		}
	}
	return nil
}

// addMessageFiles adds the files of the given messages.
func (m *maker) addMessageFiles(ctx context.Context, b *archive.Builder, spec *MessageSpec, made *Made) error {
	ids, err := idset.Unpack(spec.IDs)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		made.First, made.Last = ids[0], ids[len(ids)-1]
	}
	for number := spec.First; len(ids) > 0; number++ {
		n := min(len(ids), messagesPerFile)
		file, err := m.addMessageFile(ctx, b, number, ids[:n])
		if err != nil {
			return err
		}
		made.MessageFiles = append(made.MessageFiles, file)
		ids = ids[n:]
	}
	return nil
}

// addMessageFile adds the file of the given messages to b.
func (m *maker) addMessageFile(ctx context.Context, b *archive.Builder, number int, ids []int64) (MessageFile, error) {
	file := MessageFile{Number: number}
	d := newDocument(m.pool, m.meter)
	defer d.discard()
	if err := m.addMessages(ctx, d, ids); err != nil {
		return file, err
	}
	if d.rows != int64(len(ids)) {
		return file, fmt.Errorf("write %s: read %d of %d messages: the source is not a snapshot", file.name(), d.rows, len(ids))
	}
	if err := m.addUserMessages(ctx, d, ids); err != nil {
		return file, err
	}
	body, err := d.close()
	if err != nil {
		return file, err
	}
	defer body.Release()
	m.meter.Messages.Add(int64(len(ids)))
	file.Messages, file.UserMessages = d.counts["zerver_message"], d.counts["zerver_usermessage"]
	return file, b.Entry(m.header(file.name()+".json"), body)
}

func (m *maker) addMessages(ctx context.Context, d *document, ids []int64) error {
	d.open("zerver_message")
	t := m.tables["zerver_message"]
	q := t.query
	q.Where = []realmport.Cond{realmport.In{Column: "id", IDs: ids}}
	return m.snap.Read(ctx, q, func(row realmport.Row) error { return t.located(row, d.add(t.encoder, row)) })
}

// addUserMessages writes the rows of the messages for those who have an account in
// the archive and, in a standard export, consent (format.md §5.4).
func (m *maker) addUserMessages(ctx context.Context, d *document, ids []int64) error {
	d.open("zerver_usermessage")
	t := m.tables["zerver_usermessage"]
	q := t.query
	q.Where = []realmport.Cond{realmport.In{Column: "message_id", IDs: ids}}
	if m.typ == realmport.Standard { // most rows may be other people's: let the source leave them out
		q.Where = append(q.Where, realmport.Or{realmport.In{Column: "user_profile_id", IDs: m.readers.ids}})
	}
	// Rows are wanted by message, then id. The index on messages gives the first for nothing; sorting
	// the few rows of one message here costs a fraction of what sorting all would cost the source.
	q.OrderBy = "message_id"
	g := group{document: d}
	id, user, message := t.at["id"], t.at["user_profile_id"], t.at["message_id"]
	err := m.snap.Read(ctx, q, func(row realmport.Row) error {
		reader, err := encode.Int(row[user])
		if err != nil || !m.readers.set.Has(reader) {
			return t.located(row, err)
		}
		return t.located(row, g.add(t.encoder, row, row[message], row[id]))
	})
	if err != nil {
		return err
	}
	return g.end()
}

// located adds to an error which row it is about.
func (t *table) located(row realmport.Row, err error) error {
	if err == nil {
		return nil
	}
	id, _ := encode.Int(row[t.at[t.PrimaryKey()]])
	return fmt.Errorf("write row %d of %s: %w", id, t.Name, err)
}
