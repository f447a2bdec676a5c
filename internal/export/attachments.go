package export

import (
	"context"
	"encoding/binary"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/encode"
	"github.com/realmport/realmport/internal/idset"
)

// attachments are the rows of exported uploads, kept on disk from the end of the
// snapshot until the files have been copied: a row is written only if its file was.
type attachments struct {
	files *spool // by path: id, owner, path_id, size
	rows  *spool // by id: id, the row as JSON
	left  *idset.Set
}

func (a *attachments) close() {
	a.files.close()
	a.rows.close()
}

// collectAttachments reads the attachments of exported messages. It needs the scheduled messages, so it comes after realm.json.
func (r *run) collectAttachments(ctx context.Context) (err error) {
	a := &attachments{left: idset.New()}
	if a.files, err = newSpool(r.Spool); err != nil {
		return err
	}
	if a.rows, err = newSpool(r.Spool); err != nil {
		return err
	}
	r.attachments = a
	t := r.tables["zerver_attachment"]
	dropped := idset.New()
	err = r.linkedAttachments(ctx, "id", func(row realmport.Row) error {
		keep, err := r.complete(t, row)
		if err != nil {
			return err
		}
		if !keep {
			return note(dropped, row[t.at["id"]])
		}
		text, err := t.encoder.AppendRow(nil, row)
		if err != nil {
			return err
		}
		if at, ok := t.at["size"]; ok && row[at] != nil {
			size, _ := encode.Int(row[at]) // a hint for the progress bar
			r.Meter.FileBytesTotal.Add(size)
		}
		r.Meter.FilesTotal.Add(1)
		return a.rows.add(row[t.at["id"]], text)
	})
	if err != nil {
		return err
	}
	return r.linkedAttachments(ctx, "path_id", func(row realmport.Row) error {
		id, err := encode.Int(row[t.at["id"]])
		if err != nil || dropped.Has(id) {
			return err
		}
		size := make([]byte, 8)
		if at, ok := t.at["size"]; ok && row[at] != nil {
			size = row[at]
		}
		return a.files.add(row[t.at["id"]], row[t.at["owner_id"]], row[t.at["path_id"]], size)
	})
}

// linkedAttachments hands over the realm's attachments that an exported message or scheduled message has,
// with just those links, in the given order.
func (r *run) linkedAttachments(ctx context.Context, order string, fn func(realmport.Row) error) error {
	t := r.tables["zerver_attachment"]
	q := t.query
	q.OrderBy = order
	q.Where, _ = t.Rows(r.scope())
	known := map[string]*idset.Set{"messages": r.sel.messages, "scheduled_messages": r.closure.ids["zerver_scheduledmessage"]}
	return r.snap.Read(ctx, q, func(row realmport.Row) error {
		links := 0
		for _, l := range t.Links {
			if at, ok := t.at[l.Key]; ok {
				row[at] = only(row[at], known[l.Key])
				links += len(row[at])
			}
		}
		if links == 0 {
			return nil
		}
		return t.located(row, fn(row))
	})
}

// only keeps those ids of a value of kind IDs that are in the set, in place.
func only(ids []byte, set *idset.Set) []byte {
	kept := ids[:0]
	for ; len(ids) >= 8; ids = ids[8:] {
		if set.Has(int64(binary.BigEndian.Uint64(ids))) {
			kept = append(kept, ids[:8]...)
		}
	}
	return kept
}
