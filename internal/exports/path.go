package exports

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// Place is where finished archives are, and how the exports' rows tell of it (api.md §2).
type Place interface {
	// NewPath invents the path of an archive, which nobody can guess. name is the archive's own: that of its root folder.
	NewPath(realmID int64) (path, name string)
	// Archive is the name under which the archive of that path is kept. ok is false for a path of another kind of place.
	Archive(path string) (name string, ok bool)
}

// URLPrefix is where the paths of archives in folders begin (api.md §2).
const URLPrefix = "/user_avatars/"

// Folder is the Place of archives in a folder, which the API serves.
type Folder struct{}

// NewPath implements Place: 144 random bits make the folder.
func (Folder) NewPath(realmID int64) (path, name string) {
	name = newName()
	return fmt.Sprintf("%sexports/%d/%s/%s.tar.gz", URLPrefix, realmID, base64.RawURLEncoding.EncodeToString(random(18)), name), name
}

// Archive implements Place.
func (Folder) Archive(path string) (name string, ok bool) {
	name, ok = strings.CutPrefix(path, URLPrefix)
	return name, ok && strings.HasPrefix(name, "exports/")
}

// Bucket is the Place of archives in a bucket. The paths of rows are the objects' keys, with a slash before them.
type Bucket struct {
	// Name is the bucket's. Where buckets are addressed by paths, Zulip's own rows have it before the key.
	Name string
	// Shared says that archives are in Zulip's bucket of avatars, below exports/, and not in one of their own.
	Shared bool
}

const sharedFolder = "exports/"

// bucketKey is what the key of an archive looks like, without the folder.
var bucketKey = regexp.MustCompile(`^[0-9a-f]{32}/zulip-export-[A-Za-z0-9_]{8}\.tar\.gz$`)

// NewPath implements Place: 128 random bits make the folder.
func (b Bucket) NewPath(int64) (path, name string) {
	name = newName()
	key := hex.EncodeToString(random(16)) + "/" + name + ".tar.gz"
	return "/" + b.folder() + key, name
}

// Archive implements Place. What was stored before exports got a bucket of their own, or lost it, is looked for where it would be now.
func (b Bucket) Archive(path string) (name string, ok bool) {
	key, ok := strings.CutPrefix(path, "/")
	if !ok {
		return "", false
	}
	if rest, doubled := strings.CutPrefix(key, b.Name+"/"); doubled {
		key = rest
	}
	key = strings.TrimPrefix(key, sharedFolder)
	return b.folder() + key, bucketKey.MatchString(key)
}

func (b Bucket) folder() string {
	if b.Shared {
		return sharedFolder
	}
	return ""
}

// newName invents the name of an archive.
func newName() string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	short := random(8)
	for i, c := range short {
		short[i] = alphabet[int(c)%len(alphabet)]
	}
	return "zulip-export-" + string(short)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
