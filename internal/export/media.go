package export

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
)

// What one worker copies in one go: so many files, or files of so many bytes, or one file.
const (
	filesInPart = 64
	bytesInPart = 4 << 20
)

// item is one file to copy into a folder of the archive.
type item struct {
	area   realmport.Area
	source string // its name there
	path   string // below the archive's folder
	size   int64  // as far as it is known beforehand
	what   realmport.Missing
	// record returns its entry in records.json.
	record func(*realmport.File) []byte
}

// filePart is a run of files of one folder.
type filePart struct {
	segment *archive.Segment
	records [][]byte // one per copied file
	bytes   int64
	missing []realmport.Missing
}

// copyFolder copies the items into a folder, in their order, and writes its records.json (format.md §1.5).
// lost is told which items were left out; it may be nil.
func (r *run) copyFolder(ctx context.Context, folder string, items iter.Seq[item], lost func(realmport.Missing)) error {
	records := r.newDocument()
	defer records.discard()
	records.openBare()
	var files int64
	err := ordered(ctx, r.Workers, r.fileTasks(folder, items), func(p *filePart) error {
		defer p.segment.Release()
		for _, m := range p.missing {
			if err := r.missing.add(m); err != nil {
				return err
			}
			if lost != nil {
				lost(m)
			}
		}
		for _, text := range p.records {
			if err := records.addRaw(text); err != nil {
				return err
			}
		}
		files += int64(len(p.records))
		r.summary.FileBytes += p.bytes
		return r.joiner.Append(p.segment)
	}, func(p *filePart) { _ = p.segment.Release() })
	if err != nil {
		return err
	}
	r.records[folder] = files
	r.summary.Files += files
	return r.closeEntry(folder+"/records.json", records)
}

// fileTasks cuts items into parts.
func (r *run) fileTasks(folder string, items iter.Seq[item]) iter.Seq[task[*filePart]] {
	return func(yield func(task[*filePart]) bool) {
		var batch []item
		var bytes int64
		flush := func() bool {
			items := batch
			batch, bytes = nil, 0
			return len(items) == 0 || yield(func(ctx context.Context) (*filePart, error) { return r.makeFilePart(ctx, folder, items) })
		}
		for it := range items {
			batch = append(batch, it)
			bytes += it.size
			if (len(batch) == filesInPart || bytes >= bytesInPart) && !flush() {
				return
			}
		}
		flush()
	}
}

func (r *run) makeFilePart(ctx context.Context, folder string, items []item) (*filePart, error) {
	b := r.pool.Builder()
	defer b.Discard()
	p := &filePart{}
	for _, it := range items {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		record, size, err := r.copyFile(ctx, b, folder, it)
		var gone *goneError
		switch {
		case errors.As(err, &gone):
			it.what.Reason = gone.reason
			p.missing = append(p.missing, it.what)
		case err != nil:
			return nil, err
		default:
			p.records = append(p.records, record)
			p.bytes += size
		}
		r.Meter.Files.Add(1)
		r.Meter.FileBytes.Add(size)
	}
	var err error
	p.segment, err = b.Finish()
	return p, err
}

// goneError says why a file cannot be had.
type goneError struct{ reason string }

func (e *goneError) Error() string { return e.reason }

// copyFile adds one file to b. What is wrong with the file itself is a goneError.
func (r *run) copyFile(ctx context.Context, b *archive.Builder, folder string, it item) (record []byte, size int64, err error) {
	if it.what.Reason != "" { // known beforehand
		return nil, 0, &goneError{it.what.Reason}
	}
	if !fs.ValidPath(it.path) || it.path == "records.json" || !fs.ValidPath(it.source) {
		return nil, 0, &goneError{"its path is not one that a server gives to a file"}
	}
	if r.Files == nil {
		return nil, 0, &goneError{"no upload folder was given: name it with --uploads"}
	}
	f, err := r.Files.Open(ctx, it.area, it.source)
	if err != nil {
		if ctx.Err() != nil {
			return nil, 0, context.Cause(ctx)
		}
		return nil, 0, gone(err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 4096)
	head, _ := in.Peek(512)
	h := archive.Header{Name: r.inRoot(folder + "/" + it.path), Size: f.Size, Modified: f.Modified, Mode: 0o644}
	var bad *archive.SourceError
	if err := b.File(h, in, compressedAlready(head)); errors.As(err, &bad) {
		if ctx.Err() != nil {
			return nil, 0, context.Cause(ctx)
		}
		return nil, 0, &goneError{"it could not be read: " + bad.Err.Error()}
	} else if err != nil {
		return nil, 0, err
	}
	return it.record(f), f.Size, nil
}

// gone says why a file could not be opened, without the machine's paths.
func gone(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &goneError{"it is not in the upload folder"}
	case errors.Is(err, fs.ErrPermission):
		return &goneError{"realmport may not read it: run it as a user who may read the upload folder"}
	default:
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return &goneError{"it could not be opened: " + err.Error()}
	}
}

// compressedAlready tells from a file's first bytes whether compressing it would be of no use.
func compressedAlready(head []byte) bool {
	kind := http.DetectContentType(head)
	switch kind {
	case "image/bmp", "image/x-icon", "audio/wave", "audio/aiff", "audio/basic":
		return false
	case "application/pdf", "application/zip", "application/x-gzip", "application/x-rar-compressed", "application/ogg":
		return true
	}
	return strings.HasPrefix(kind, "image/") || strings.HasPrefix(kind, "video/") || strings.HasPrefix(kind, "audio/")
}

// copyFiles copies the four folders.
func (r *run) copyFiles(ctx context.Context) error {
	avatars, err := r.avatars(ctx)
	if err != nil {
		return err
	}
	icons, err := r.icons(ctx)
	if err != nil {
		return err
	}
	r.Meter.FilesTotal.Add(int64(len(avatars) + len(r.emojiFiles) + len(icons)))
	if err := r.copyUploads(ctx); err != nil {
		return err
	}
	if err := r.copyFolder(ctx, "avatars", r.avatarItems(avatars), nil); err != nil {
		return err
	}
	slices.SortStableFunc(r.emojiFiles, func(a, b item) int { return strings.Compare(a.path, b.path) })
	if err := r.copyFolder(ctx, "emoji", slices.Values(r.emojiFiles), nil); err != nil {
		return err
	}
	return r.copyFolder(ctx, "realm_icons", slices.Values(icons), nil)
}
