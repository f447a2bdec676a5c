package export

import (
	"context"
	"fmt"
	"iter"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
	"github.com/realmport/realmport/internal/encode"
	"github.com/realmport/realmport/internal/idset"
)

// messagePart is a run of consecutive message files, made independently of all others.
type messagePart struct {
	segment *archive.Segment
	files   []messageFile
}

// messageFile is what is remembered of a written message file.
type messageFile struct {
	number                 int
	messages, usermessages int64
}

func (f messageFile) name() string { return fmt.Sprintf("messages-%06d", f.number) }

// messageTasks cuts the selected messages into parts.
func (r *run) messageTasks() iter.Seq[task[*messagePart]] {
	return func(yield func(task[*messagePart]) bool) {
		first := 1
		for ids := range r.sel.messages.Batches(messagesPerFile * filesPerPart) {
			number := first
			if !yield(func(ctx context.Context) (*messagePart, error) { return r.makePart(ctx, number, ids) }) {
				return
			}
			first += filesPerPart
		}
	}
}

// makePart writes the files of the given messages, the first with the given number.
func (r *run) makePart(ctx context.Context, number int, ids []int64) (*messagePart, error) {
	b := r.pool.Builder()
	defer b.Discard()
	part := &messagePart{}
	for len(ids) > 0 {
		n := min(len(ids), messagesPerFile)
		file, err := r.addMessageFile(ctx, b, number, ids[:n])
		if err != nil {
			return nil, err
		}
		part.files = append(part.files, file)
		ids = ids[n:]
		number++
	}
	var err error
	part.segment, err = b.Finish()
	return part, err
}

// addMessageFile adds the file of the given messages to b.
func (r *run) addMessageFile(ctx context.Context, b *archive.Builder, number int, ids []int64) (messageFile, error) {
	file := messageFile{number: number}
	d := r.newDocument()
	defer d.discard()
	if err := r.addMessages(ctx, d, ids); err != nil {
		return file, err
	}
	if d.rows != int64(len(ids)) {
		return file, fmt.Errorf("write %s: read %d of %d messages: the source is not a snapshot", file.name(), d.rows, len(ids))
	}
	if err := r.addUserMessages(ctx, d, ids); err != nil {
		return file, err
	}
	body, err := d.close()
	if err != nil {
		return file, err
	}
	defer body.Release()
	r.Meter.Messages.Add(int64(len(ids)))
	file.messages, file.usermessages = d.counts["zerver_message"], d.counts["zerver_usermessage"]
	return file, b.Entry(r.header(file.name()+".json"), body)
}

func (r *run) addMessages(ctx context.Context, d *document, ids []int64) error {
	d.open("zerver_message")
	t := r.tables["zerver_message"]
	q := t.query
	q.Where = []realmport.Cond{realmport.In{Column: "id", IDs: ids}}
	return r.snap.Read(ctx, q, func(row realmport.Row) error { return t.located(row, d.add(t.encoder, row)) })
}

// addUserMessages writes the rows of the messages for those who have an account in
// the archive and, in a standard export, consent (format.md §5.4).
func (r *run) addUserMessages(ctx context.Context, d *document, ids []int64) error {
	d.open("zerver_usermessage")
	t := r.tables["zerver_usermessage"]
	q := t.query
	q.Where = []realmport.Cond{realmport.In{Column: "message_id", IDs: ids}}
	if r.Type == realmport.Standard { // most rows may be other people's: let the source leave them out
		q.Where = append(q.Where, realmport.Or{realmport.In{Column: "user_profile_id", IDs: r.readerIDs}})
	}
	// Rows are wanted by message, then id. The index on messages gives the first for nothing; sorting
	// the few rows of one message here costs a fraction of what sorting all would cost the source.
	q.OrderBy = "message_id"
	g := group{document: d}
	id, user, message := t.at["id"], t.at["user_profile_id"], t.at["message_id"]
	err := r.snap.Read(ctx, q, func(row realmport.Row) error {
		reader, err := encode.Int(row[user])
		if err != nil || !r.readers.Has(reader) {
			return t.located(row, err)
		}
		return t.located(row, g.add(t.encoder, row, row[message], row[id]))
	})
	if err != nil {
		return err
	}
	return g.end()
}

// findReaders works out the users whose usermessages are written.
func (r *run) findReaders() {
	set := r.sel.normal
	if r.Type == realmport.Standard {
		set = idset.Intersect(r.sel.normal, r.sel.consenting)
	}
	r.readers, r.readerIDs = set.Dense(), set.Slice()
}

// located adds to an error which row it is about.
func (t *table) located(row realmport.Row, err error) error {
	if err == nil {
		return nil
	}
	id, _ := encode.Int(row[t.at[t.PrimaryKey()]])
	return fmt.Errorf("write row %d of %s: %w", id, t.Name, err)
}
