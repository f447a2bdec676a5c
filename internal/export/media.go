package export

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
	"github.com/realmport/realmport/internal/encode"
)

// filesInPart is how many files one worker copies in one go.
const filesInPart = 64

// item is one file to copy into a folder of the archive.
type item struct {
	area   realmport.Area
	source string // its name there
	path   string // below the archive's folder
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
	})
	if err != nil {
		return err
	}
	r.records[folder+"_records"] = files
	r.summary.Files += files
	return r.closeEntry(folder+"/records.json", records)
}

// fileTasks cuts items into parts.
func (r *run) fileTasks(folder string, items iter.Seq[item]) iter.Seq[task[*filePart]] {
	return func(yield func(task[*filePart]) bool) {
		var batch []item
		flush := func() bool {
			items := batch
			batch = nil
			return len(items) == 0 || yield(func(ctx context.Context) (*filePart, error) { return r.makeFilePart(ctx, folder, items) })
		}
		for it := range items {
			batch = append(batch, it)
			if len(batch) == filesInPart && !flush() {
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
	if err := r.copyUploads(ctx); err != nil {
		return err
	}
	avatars, err := r.avatars(ctx)
	if err != nil {
		return err
	}
	if err := r.copyFolder(ctx, "avatars", slices.Values(avatars), nil); err != nil {
		return err
	}
	if err := r.copyFolder(ctx, "emoji", slices.Values(r.emojiFiles), nil); err != nil {
		return err
	}
	icons, err := r.icons(ctx)
	if err != nil {
		return err
	}
	return r.copyFolder(ctx, "realm_icons", slices.Values(icons), nil)
}

// copyUploads copies the files of the collected attachments.
func (r *run) copyUploads(ctx context.Context) error {
	a := r.attachments
	var failed error
	items := func(yield func(item) bool) {
		stop := errors.New("stop")
		failed = a.files.read(3, func(f [][]byte) error {
			id, err := encode.Int(f[0])
			if err != nil {
				return err
			}
			owner, err := encode.Int(f[1])
			if err != nil {
				return err
			}
			if !yield(r.upload(id, owner, string(f[2]))) {
				return stop
			}
			return nil
		})
		if errors.Is(failed, stop) {
			failed = nil
		}
	}
	err := r.copyFolder(ctx, "uploads", items, func(m realmport.Missing) { a.left.Add(m.ID) })
	return errors.Join(err, failed)
}

func (r *run) upload(id, owner int64, pathID string) item {
	return item{
		area: realmport.Uploads, source: pathID, path: pathID,
		what: realmport.Missing{Kind: "upload", Table: "zerver_attachment", ID: id, Path: string(realmport.Uploads) + "/" + pathID},
		record: func(f *realmport.File) []byte {
			return record{}.int("realm_id", r.realm.ID).int("user_profile_id", owner).text("user_profile_email", r.sel.users[owner].email).
				text("s3_path", pathID).text("path", pathID).stat(f).close()
		},
	}
}

// avatars finds the avatar files of the realm's users, and the users who ought to have one and have none.
func (r *run) avatars(ctx context.Context) ([]item, error) {
	folder := fmt.Sprint(r.realm.ID)
	owners := map[string]int64{}
	var items []item
	for _, id := range r.sel.all.Slice() {
		if u := r.sel.users[id]; u.uploaded {
			if r.AvatarSalt == "" {
				items = append(items, r.noAvatar(id, "its name needs the server's avatar salt: give --avatar-salt or --zulip-secrets"))
				continue
			}
			owners[avatarHash(id, u.version, r.AvatarSalt)] = id
		}
	}
	if r.Files == nil || len(owners) == 0 {
		return items, nil
	}
	found := map[int64]bool{}
	err := r.Files.List(ctx, realmport.Avatars, folder, func(name string) error {
		hash, _, dotted := strings.Cut(name, ".")
		if id, ok := owners[hash]; ok && dotted {
			found[id] = true
			items = append(items, r.avatar(id, folder+"/"+name))
		}
		return nil
	})
	if err != nil {
		return nil, realmport.Errorf(realmport.NotAllowed, "the folder avatars/%s of the upload folder cannot be read: %w", folder, err)
	}
	for _, id := range r.sel.all.Slice() {
		if r.sel.users[id].uploaded && r.AvatarSalt != "" && !found[id] {
			items = append(items, r.noAvatar(id, "the upload folder has no avatar of this user; is the avatar salt right?"))
		}
	}
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.path, b.path) })
	return items, nil
}

// avatarHash is what the server names an avatar's files by.
func avatarHash(user int64, version int32, salt string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%d:%s", user, version, salt))
	return hex.EncodeToString(sum[:20])
}

func (r *run) noAvatar(user int64, reason string) item {
	return item{what: realmport.Missing{Kind: "avatar", Table: "zerver_userprofile", ID: user, Reason: reason}}
}

func (r *run) avatar(user int64, name string) item {
	u := r.sel.users[user]
	return item{
		area: realmport.Avatars, source: name, path: name,
		what: realmport.Missing{Kind: "avatar", Table: "zerver_userprofile", ID: user, Path: string(realmport.Avatars) + "/" + name},
		record: func(f *realmport.File) []byte {
			return record{}.int("realm_id", r.realm.ID).int("user_profile_id", user).text("user_profile_email", u.email).
				int("avatar_version", int64(u.version)).text("s3_path", name).text("path", name).stat(f).close()
		},
	}
}

// customEmoji is a row of zerver_realmemoji, as far as its files are concerned.
type customEmoji struct {
	id          int64
	author      *int64
	name        string
	file        []byte // null while it is being uploaded
	deactivated bool
}

// addEmojiFiles notes the two files of a custom emoji.
func (r *run) addEmojiFiles(e customEmoji) {
	what := realmport.Missing{Kind: "emoji", Table: "zerver_realmemoji", ID: e.id}
	if e.file == nil {
		what.Reason = "it has no file yet: its upload was under way"
		r.emojiFiles = append(r.emojiFiles, item{what: what})
		return
	}
	for _, suffix := range []string{"", ".original"} {
		name := fmt.Sprintf("%d/emoji/images/%s%s", r.realm.ID, e.file, suffix)
		what.Path = string(realmport.Avatars) + "/" + name
		r.emojiFiles = append(r.emojiFiles, item{
			area: realmport.Avatars, source: name, path: name, what: what,
			record: func(*realmport.File) []byte {
				rec := record{}.int("realm_id", r.realm.ID)
				if e.author == nil {
					rec = rec.null("author")
				} else {
					rec = rec.int("author", *e.author)
				}
				return rec.text("path", name).text("s3_path", name).text("file_name", string(e.file)).text("name", e.name).
					bool("deactivated", e.deactivated).close()
			},
		})
	}
}

// icons finds the realm's icon and logos.
func (r *run) icons(ctx context.Context) ([]item, error) {
	if r.Files == nil {
		return nil, nil
	}
	folder := fmt.Sprintf("%d/realm", r.realm.ID)
	var items []item
	err := r.Files.List(ctx, realmport.Avatars, folder, func(name string) error {
		if strings.HasPrefix(name, ".") {
			return nil
		}
		target := fmt.Sprintf("%d/%s", r.realm.ID, name)
		items = append(items, item{
			area: realmport.Avatars, source: path.Join(folder, name), path: target,
			what: realmport.Missing{Kind: "realm_icon", Table: "zerver_realm", ID: r.realm.ID, Path: string(realmport.Avatars) + "/" + folder + "/" + name},
			record: func(*realmport.File) []byte {
				return record{}.int("realm_id", r.realm.ID).text("path", target).text("s3_path", target).close()
			},
		})
		return nil
	})
	if err != nil {
		return nil, realmport.Errorf(realmport.NotAllowed, "the folder avatars/%s of the upload folder cannot be read: %w", folder, err)
	}
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.path, b.path) })
	return items, nil
}
