package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/realmport/realmport"
)

// record is an entry of a records.json, as far as it matters.
type record struct {
	Path   string  `json:"path"`
	S3Path string  `json:"s3_path"`
	User   float64 `json:"user_profile_id"`
}

const recordsName = "records.json"

// folder is one of the archive's folders of files. target tells where a file belongs in the upload folder; a fault says
// why it belongs nowhere.
type folder struct {
	name   string
	target func(r *run, rec record) (string, error)
}

func folders() map[string]folder {
	return map[string]folder{
		"uploads":     {"uploads", (*run).uploadTarget},
		"avatars":     {"avatars", (*run).avatarTarget},
		"emoji":       {"emoji", (*run).emojiTarget},
		"realm_icons": {"realm_icons", (*run).iconTarget},
	}
}

// placeFiles gives the files the names that a server would have given them.
func (r *run) placeFiles(ctx context.Context) error {
	all := folders()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := r.placeFolder(ctx, all[name]); err != nil {
			return err
		}
	}
	return r.stage.place()
}

func (r *run) placeFolder(ctx context.Context, f folder) error {
	list := f.name + "/" + recordsName
	file, err := r.stage.root.Open(inName + "/" + list)
	switch {
	case errors.Is(err, fs.ErrNotExist): // the strays will tell
	case err != nil:
		return internal("read %s again: %w", list, err)
	default:
		at := place{file: list, list: "record"}
		j := newJSON(file, r.longest)
		err = j.array(func() error {
			at.row++
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return r.placeFile(f, j, at)
		})
		if err == nil {
			err = j.end()
		}
		if err = errors.Join(place{file: list}.at(err), file.Close()); err != nil {
			return err
		}
		if err := r.stage.root.Remove(inName + "/" + list); err != nil {
			return internal("remove %s: %w", list, err)
		}
	}
	return r.findStrays(f)
}

func (r *run) placeFile(f folder, j *jsonReader, at place) error {
	v, err := j.value()
	if err != nil {
		return err
	}
	var rec record
	if err := json.Unmarshal(v, &rec); err != nil {
		return faultf("record %d is not one of a file: it needs an object with a text \"path\"", at.row)
	}
	if err := unsafe(rec.Path); err != nil {
		return faultf("record %d: path %s: %s", at.row, quoted(rec.Path), err)
	}
	target, err := f.target(r, rec)
	if err != nil {
		return faultf("record %d (%s): %s", at.row, quoted(rec.Path), err)
	}
	size, err := r.stage.move(f.name+"/"+rec.Path, target)
	switch {
	case errors.Is(err, fs.ErrExist):
		return faultf("record %d: another record has the file %s too", at.row, quoted(target))
	case errors.Is(err, fs.ErrNotExist):
		if _, err := r.stage.root.Lstat(outName + "/" + target); err == nil {
			return faultf("record %d: another record has the file %s too", at.row, quoted(rec.Path))
		}
		r.summary.MissingFiles++
		r.warnOnce("missing files", "the file %s is named by %s/%s and is not in the archive", quoted(f.name+"/"+rec.Path), f.name, recordsName)
		return nil
	case err != nil:
		return internal("place the file %s: %w", quoted(target), err)
	}
	r.summary.Files++
	r.summary.FileBytes += size
	r.Meter.Files.Add(1)
	return nil
}

// findStrays refuses files that no record describes: nobody could tell what they are.
func (r *run) findStrays(f folder) error {
	top := inName + "/" + f.name
	err := fs.WalkDir(r.stage.root.FS(), top, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return place{file: strings.TrimPrefix(name, inName+"/")}.at(faultf("%s/%s does not name this file", f.name, recordsName))
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// uploadTarget: an upload is found by its path_id.
func (r *run) uploadTarget(rec record) (string, error) {
	id := rec.S3Path
	if id == "" {
		id = rec.Path
	}
	if err := unsafe(id); err != nil {
		return "", faultf("s3_path %s: %s", quoted(id), err)
	}
	return string(realmport.Uploads) + "/" + id, nil
}

// avatarSuffix matches what follows the hash in the name of an avatar's file; nothing in S3, where the small one has
// the bare name.
var avatarSuffix = regexp.MustCompile(`^([0-9a-f]{40})?((?:-medium)?(?:\.[a-z0-9]{1,16})?)$`)

// avatarTarget: an avatar is found by the hash of its user, its version and its server's salt (format.md §1.5). An archive that has it
// tells it: the file keeps its name. Else it gets one by this store's salt.
func (r *run) avatarTarget(rec record) (string, error) {
	id := int64(rec.User)
	u, known := r.users[id]
	if !known && r.isBot(id) { // a server looks for theirs here, too
		u, known = user{avatarVersion: 1}, true
	}
	if !known {
		return "", faultf("it is of user %v, who is not in the archive", rec.User)
	}
	base := path.Base(rec.Path)
	m := avatarSuffix.FindStringSubmatch(base)
	if m == nil {
		return "", faultf("%s is not the name of an avatar's file", quoted(base))
	}
	hash, suffix := m[1], m[2]
	if suffix == "" || suffix == "-medium" {
		suffix += ".png"
	}
	if hash == "" {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d:%d:%s", id, u.avatarVersion, r.AvatarSalt))
		hash = hex.EncodeToString(sum[:20])
	} else if owner, taken := r.summary.Avatars[hash]; taken && owner != id {
		return "", faultf("%s is the name of an avatar of user %d and of user %d", quoted(base), owner, id)
	} else {
		r.summary.Avatars[hash] = id
	}
	return fmt.Sprintf("%s/%d/%s%s", realmport.Avatars, r.realm, hash, suffix), nil
}

// emojiTarget: a custom emoji is found by its file name, with .original behind it for the picture as it was uploaded.
func (r *run) emojiTarget(rec record) (string, error) {
	return fmt.Sprintf("%s/%d/emoji/images/%s", realmport.Avatars, r.realm, path.Base(rec.Path)), nil
}

// iconTarget: icons and logos are in a folder, which archives of servers with local files leave out of the path.
func (r *run) iconTarget(rec record) (string, error) {
	return fmt.Sprintf("%s/%d/realm/%s", realmport.Avatars, r.realm, path.Base(rec.Path)), nil
}
