package export

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
)

// heldFile is the size up to which a file is read whole as soon as it is open, so that whoever is ahead of the archive
// does not keep a connection for it.
const heldFile = 256 << 10

// opensOf is how many files each of the workers opens at the same time.
func opensOf(files realmport.Files, workers int) int {
	if files == nil {
		return 1
	}
	return max(1, (files.Traits().Parallel+workers-1)/workers)
}

// opened is a file of a part that is being copied, or why it cannot be.
type opened struct {
	item *Item
	file *realmport.File // nil if it cannot
	body io.Reader
	gone error
}

func (o *opened) close() {
	if o.file != nil {
		_ = o.file.Close()
	}
}

// addFiles copies files, in their order. Several are opened at the same time, since each may be a request that takes its time.
func (m *maker) addFiles(ctx context.Context, b *archive.Builder, spec *FileSpec, made *Made) error {
	tasks := func(yield func(task[*opened]) bool) {
		for i := range spec.Items {
			if !yield(func(ctx context.Context) (*opened, error) { return m.open(ctx, &spec.Items[i]) }) {
				return
			}
		}
	}
	return ordered(ctx, m.opens, tasks, func(o *opened) error {
		defer o.close()
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		err := o.gone
		if err == nil {
			err = m.addFile(ctx, b, spec.Folder, o)
		}
		var gone *goneError
		switch {
		case errors.As(err, &gone):
			o.item.What.Reason = gone.reason
			made.Missing = append(made.Missing, o.item.What)
		case err != nil:
			return err
		default:
			made.Records = append(made.Records, m.record(o.item, o.file))
			made.FileBytes += o.file.Size
			m.meter.FileBytes.Add(o.file.Size)
		}
		m.meter.Files.Add(1)
		return nil
	}, (*opened).close)
}

// goneError says why a file cannot be had.
type goneError struct{ reason string }

func (e *goneError) Error() string { return e.reason }

// open opens one file. What is wrong with the file itself is in the result.
func (m *maker) open(ctx context.Context, it *Item) (*opened, error) {
	missing := func(reason string) (*opened, error) { return &opened{item: it, gone: &goneError{reason}}, nil }
	if it.What.Reason != "" { // known beforehand
		return missing(it.What.Reason)
	}
	if !fs.ValidPath(it.Path) || it.Path == "records.json" || !fs.ValidPath(it.Source) {
		return missing("its path is not one that a server gives to a file")
	}
	if m.files == nil {
		return missing("no upload folder was given: name it with --uploads")
	}
	f, err := m.files.Open(ctx, it.Area, it.Source)
	if err != nil {
		reason, err := m.whyGone(ctx, err)
		if err != nil {
			return nil, err
		}
		return missing(reason)
	}
	o := &opened{item: it, file: f, body: f}
	if f.Size > heldFile {
		return o, nil
	}
	held, err := io.ReadAll(f)
	if err != nil { // told when it is its turn
		o.body = io.MultiReader(bytes.NewReader(held), failing{err})
		return o, nil
	}
	o.body = bytes.NewReader(held)
	return o, f.Close()
}

// failing is a reader that has failed.
type failing struct{ err error }

func (r failing) Read([]byte) (int, error) { return 0, r.err }

// addFile adds one file to b. What is wrong with the file itself is a goneError.
func (m *maker) addFile(ctx context.Context, b *archive.Builder, folder string, o *opened) error {
	in := bufio.NewReaderSize(o.body, 4096)
	head, _ := in.Peek(512)
	h := archive.Header{Name: m.inRoot(folder + "/" + o.item.Path), Size: o.file.Size, Modified: o.file.Modified, Mode: 0o644}
	var bad *archive.SourceError
	err := b.File(h, in, compressedAlready(head))
	if !errors.As(err, &bad) {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if code := realmport.ErrorCode(err); code == realmport.Unavailable || code == realmport.NotAllowed && !errors.Is(err, fs.ErrPermission) {
		return err // the storage, or this process's keys or clock
	}
	return &goneError{"it could not be read: " + bad.Err.Error()}
}

// whyGone says why a file could not be opened, without the machine's paths; or fails, if that says nothing about the file.
func (m *maker) whyGone(ctx context.Context, err error) (reason string, failure error) {
	objects := m.files.Traits().Objects
	var p *fs.PathError
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case realmport.ErrorCode(err) == realmport.Unavailable:
		return "", err
	case errors.Is(err, fs.ErrNotExist) && objects:
		return "it is not in the bucket", nil
	case objects && (realmport.ErrorCode(err) == realmport.NotFound || realmport.ErrorCode(err) == realmport.NotAllowed && !errors.Is(err, fs.ErrPermission)):
		return "", err // the bucket, or this process's keys or clock
	case errors.Is(err, fs.ErrNotExist):
		return "it is not in the upload folder", nil
	case errors.Is(err, fs.ErrPermission) && objects:
		return "realmport may not read it: its credentials need the right to get the objects of the bucket", nil
	case errors.Is(err, fs.ErrPermission):
		return "realmport may not read it: run it as a user who may read the upload folder", nil
	case errors.As(err, &p):
		return "it could not be opened: " + p.Err.Error(), nil
	default:
		return "it could not be opened: " + err.Error(), nil
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
