package export

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
	"github.com/realmport/realmport/internal/catalog"
	"github.com/realmport/realmport/internal/encode"
)

// memoryPerBuilder is how much compressed data a part or file in the making keeps in memory.
const memoryPerBuilder = 4 << 20

// write writes the archive: messages and tables side by side from the snapshot, then the files without it.
func (r *run) write(ctx context.Context) error {
	r.joiner = archive.NewJoiner(counting{r.Output, &r.Meter.Bytes})
	r.closure, r.emoji, r.emojiNames = r.newClosure(), map[string]string{}, map[string]bool{}
	r.missing = r.newMissing()
	defer r.missing.doc.discard()
	r.stats, r.records = map[string]map[string]int64{}, map[string]int64{}

	r.Meter.SetPhase("messages")
	if err := r.briefTeam(ctx); err != nil {
		return err
	}
	if r.Team == nil || r.sel.messages.Len() == 0 { // else the first part begins with the folders
		if err := r.writeFolders(); err != nil {
			return err
		}
	}
	if err := r.writeRows(ctx); err != nil {
		return err
	}
	defer r.attachments.close()
	if err := r.snap.Close(); err != nil { // the server need not keep old rows for the sake of files
		return err
	}
	r.Meter.SetPhase("files")
	if err := r.copyFiles(ctx); err != nil {
		return err
	}
	r.Meter.SetPhase("finish")
	return r.finish()
}

// counting counts the bytes that pass.
type counting struct {
	io.Writer
	n *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// writeFolders writes the folders.
func (r *run) writeFolders() error {
	b := r.maker.pool.Builder()
	defer b.Discard()
	if err := r.maker.addFolders(b); err != nil {
		return err
	}
	return r.appendBuilt(b)
}

func (r *run) appendBuilt(b *archive.Builder) error {
	segment, err := b.Finish()
	if err != nil {
		return err
	}
	defer segment.Release()
	return r.joiner.Append(segment)
}

// writeRows writes everything that comes from the snapshot.
func (r *run) writeRows(ctx context.Context) error {
	var realm, analytics *archive.Segment
	defer func() {
		for _, s := range []*archive.Segment{realm, analytics} {
			if s != nil {
				_ = s.Release()
			}
		}
	}()
	var realmCounts, analyticsCounts map[string]int64
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return ordered(ctx, r.width(), r.messageTasks(), func(p *piece) error { return r.appendPart(ctx, p) }, (*piece).release)
	})
	g.Go(func() (err error) {
		if realm, realmCounts, err = r.writeTables(ctx, catalog.RealmFile); err != nil {
			return err
		}
		if analytics, analyticsCounts, err = r.writeTables(ctx, catalog.AnalyticsFile); err != nil {
			return err
		}
		return r.collectAttachments(ctx)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	r.stats["realm"], r.stats["analytics"] = realmCounts, analyticsCounts
	r.summary.Users = realmCounts[catalog.Users] + realmCounts[catalog.MirrorDummies]
	if err := r.joiner.Entry(r.maker.header("realm.json"), realm); err != nil {
		return err
	}
	return r.joiner.Entry(r.maker.header("analytics.json"), analytics)
}

func (r *run) appendPart(ctx context.Context, p *piece) error {
	defer p.release()
	for _, f := range p.MessageFiles {
		r.summary.Messages += f.Messages
		r.summary.UserMessages += f.UserMessages
	}
	r.files = append(r.files, p.MessageFiles...)
	return r.join(ctx, p)
}

// closeEntry ends a document and adds it to the archive.
func (r *run) closeEntry(name string, d *document) error {
	segment, err := d.close()
	if err != nil {
		return err
	}
	defer segment.Release()
	return r.joiner.Entry(r.maker.header(name), segment)
}

// addFile adds a small file to the archive.
func (r *run) addFile(name string, content []byte) error {
	b := r.maker.pool.Builder()
	defer b.Discard()
	if _, err := b.Write(content); err != nil {
		return err
	}
	return r.addBuilt(name, b)
}

// finish writes what can only be known at the end.
func (r *run) finish() error {
	if err := r.writeAttachments(); err != nil {
		return err
	}
	if r.Type == realmport.Standard {
		if err := r.addFile("consented_user_ids.json", appendIDList(nil, r.sel.consenting.Slice())); err != nil {
			return err
		}
	}
	if err := r.addFile("migration_status.json", r.Migrations); err != nil {
		return err
	}
	if err := r.writeStats(); err != nil {
		return err
	}
	if err := r.closeEntry("missing.json", r.missing.doc); err != nil {
		return err
	}
	sum, err := r.joiner.Close()
	r.summary.Bytes, r.summary.SHA256 = sum.Size, hex.EncodeToString(sum.SHA256)
	return err
}

// writeAttachments writes attachment.json: the rows whose files were copied.
func (r *run) writeAttachments() error {
	d := r.newDocument()
	defer d.discard()
	d.open("zerver_attachment")
	err := r.attachments.rows.read(2, func(f [][]byte) error {
		id, err := encode.Int(f[0])
		if err != nil || r.attachments.left.Has(id) {
			return err
		}
		return d.addRaw(f[1])
	})
	if err != nil {
		return err
	}
	if err := r.closeEntry("attachment.json", d); err != nil {
		return err
	}
	r.stats["attachment"] = d.counts
	return nil
}

// writeStats writes the row counts (format.md §1.6).
func (r *run) writeStats() error {
	b := r.maker.pool.Builder()
	defer b.Discard()
	sep := "{\n"
	entry := func(key string, value any) error {
		text, err := json.Marshal(value)
		if err == nil {
			_, err = fmt.Fprintf(b, "%s%q: %s", sep, key, text)
		}
		sep = ",\n"
		return err
	}
	count := func(file string, tables map[string]int64) error {
		for _, n := range tables {
			r.summary.Rows += n
		}
		return entry(file, tables)
	}
	// In the order of the files' names: analytics, attachment, messages-…, realm.
	errs := []error{count("analytics", r.stats["analytics"]), count("attachment", r.stats["attachment"])}
	for _, f := range r.files {
		errs = append(errs, count(f.name(), map[string]int64{"zerver_message": f.Messages, "zerver_usermessage": f.UserMessages}))
	}
	errs = append(errs, count("realm", r.stats["realm"]))
	for _, folder := range folders() {
		errs = append(errs, entry(folder+"_records", r.records[folder]))
	}
	_, err := io.WriteString(b, "\n}")
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	return r.addBuilt("stats.json", b)
}

// addBuilt ends b and adds what it holds to the archive as a file.
func (r *run) addBuilt(name string, b *archive.Builder) error {
	segment, err := b.Finish()
	if err != nil {
		return err
	}
	defer segment.Release()
	return r.joiner.Entry(r.maker.header(name), segment)
}
