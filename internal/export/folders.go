package export

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/encode"
	"github.com/realmport/realmport/internal/idset"
)

// copyUploads copies the files of the collected attachments.
func (r *run) copyUploads(ctx context.Context) error {
	a := r.attachments
	var failed error
	items := func(yield func(Item) bool) {
		stop := errors.New("stop")
		failed = a.files.read(4, func(f [][]byte) error {
			id, err := encode.Int(f[0])
			if err != nil {
				return err
			}
			owner, err := encode.Int(f[1])
			if err != nil {
				return err
			}
			size, err := encode.Int(f[3])
			if err != nil {
				return err
			}
			it := r.upload(id, owner, string(f[2]))
			it.Size = size
			if !yield(it) {
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

func (r *run) upload(id, owner int64, pathID string) Item {
	return Item{
		Area: realmport.Uploads, Source: pathID, Path: pathID, Owner: &owner, Email: r.sel.email(owner),
		What: realmport.Missing{Kind: kindUpload, Table: "zerver_attachment", ID: id, Path: place(realmport.Uploads, pathID)},
	}
}

// avatarFile is a file of a user's avatar; without a name, a user who ought to have one.
type avatarFile struct {
	user int64
	name string // in the realm's folder
}

// avatars finds the avatar files of the realm's users, and the users who ought to have one and have none.
func (r *run) avatars(ctx context.Context) ([]avatarFile, error) {
	owners := map[string]int64{}
	var files []avatarFile
	named := idset.New()
	for hash, id := range r.AvatarNames {
		if r.sel.all.Has(id) && r.sel.users[id].uploaded {
			owners[hash] = id
			named.Add(id)
		}
	}
	for _, id := range r.sel.all.Slice() {
		switch u := r.sel.users[id]; {
		case !u.uploaded || named.Has(id):
		case r.AvatarSalt == "":
			files = append(files, avatarFile{user: id})
		default:
			owners[avatarHash(id, u.version, r.AvatarSalt)] = id
		}
	}
	if r.Files == nil || len(owners) == 0 {
		return files, nil
	}
	found := idset.New()
	folder := fmt.Sprint(r.realm.ID)
	objects := r.Files.Traits().Objects
	err := r.Files.List(ctx, realmport.Avatars, folder, func(name string) error {
		hash, kind, dotted := strings.Cut(name, ".")
		// Zulip's S3 backend has the three, of which its own export forgets one (format.md §6.6).
		wanted := dotted
		if objects {
			wanted = kind == "png" || kind == "original" || !dotted
		}
		if id, ok := owners[hash]; ok && wanted {
			found.Add(id)
			files = append(files, avatarFile{id, name})
		}
		return nil
	})
	if err != nil {
		return nil, r.unlisted(folder, err)
	}
	for _, id := range r.sel.all.Slice() {
		if r.sel.users[id].uploaded && !found.Has(id) && (r.AvatarSalt != "" || named.Has(id)) {
			files = append(files, avatarFile{user: id})
		}
	}
	slices.SortFunc(files, func(a, b avatarFile) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.user, b.user))
	})
	return files, nil
}

// unlisted says that a folder of avatars cannot be read.
func (r *run) unlisted(folder string, err error) error {
	if r.Files.Traits().Objects || realmport.ErrorCode(err) == realmport.Unavailable {
		return fmt.Errorf("list %s of the avatars: %w", folder, err)
	}
	return realmport.Errorf(realmport.NotAllowed, "the folder avatars/%s of the upload folder cannot be read: %w", folder, err)
}

// avatarItems says how to copy the files, one at a time: there may be many.
func (r *run) avatarItems(files []avatarFile) iter.Seq[Item] {
	reason := "the upload folder has no avatar of this user; is the avatar salt right?"
	if r.AvatarSalt == "" {
		reason = "its name needs the server's avatar salt: give --avatar-salt or --zulip-secrets"
	}
	return func(yield func(Item) bool) {
		for _, f := range files {
			it := Item{What: realmport.Missing{Kind: kindAvatar, Table: "zerver_userprofile", ID: f.user, Reason: reason}}
			if f.name != "" {
				it = r.avatar(f.user, fmt.Sprintf("%d/%s", r.realm.ID, f.name))
			}
			if !yield(it) {
				return
			}
		}
	}
}

// avatarHash is what the server names an avatar's files by.
func avatarHash(user int64, version int32, salt string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%d:%s", user, version, salt))
	return hex.EncodeToString(sum[:20])
}

func (r *run) avatar(user int64, name string) Item {
	u := r.sel.users[user]
	return Item{
		Area: realmport.Avatars, Source: name, Path: name, Owner: &user, Email: u.email, Version: int64(u.version),
		What: realmport.Missing{Kind: kindAvatar, Table: "zerver_userprofile", ID: user, Path: place(realmport.Avatars, name)},
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
	what := realmport.Missing{Kind: kindEmoji, Table: "zerver_realmemoji", ID: e.id}
	if e.file == nil {
		what.Reason = "it has no file yet: its upload was under way"
		r.emojiFiles = append(r.emojiFiles, Item{What: what})
		return
	}
	if r.emojiNames[string(e.file)] {
		what.Reason = "another custom emoji has the same file"
		r.emojiFiles = append(r.emojiFiles, Item{What: what})
		return
	}
	r.emojiNames[string(e.file)] = true
	var email string
	if e.author != nil {
		email = r.sel.email(*e.author)
	}
	for _, suffix := range []string{"", ".original"} {
		name := fmt.Sprintf("%d/emoji/images/%s%s", r.realm.ID, e.file, suffix)
		what.Path = place(realmport.Avatars, name)
		r.emojiFiles = append(r.emojiFiles, Item{
			Area: realmport.Avatars, Source: name, Path: name, What: what, Owner: e.author, Email: email, Name: e.name, Deactivated: e.deactivated,
		})
	}
}

// icons finds the realm's icon and logos. In a bucket they keep their place, in a folder they do not.
func (r *run) icons(ctx context.Context) ([]Item, error) {
	if r.Files == nil {
		return nil, nil
	}
	folder := fmt.Sprintf("%d/realm", r.realm.ID)
	var items []Item
	err := r.Files.List(ctx, realmport.Avatars, folder, func(name string) error {
		if strings.HasPrefix(name, ".") {
			return nil
		}
		source := path.Join(folder, name)
		target := source
		if !r.Files.Traits().Objects {
			target = fmt.Sprintf("%d/%s", r.realm.ID, name)
		}
		items = append(items, Item{
			Area: realmport.Avatars, Source: source, Path: target,
			What: realmport.Missing{Kind: kindIcon, Table: "zerver_realm", ID: r.realm.ID, Path: place(realmport.Avatars, source)},
		})
		return nil
	})
	if err != nil {
		return nil, r.unlisted(folder, err)
	}
	slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
	return items, nil
}
