package export

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/encode"
)

// Item is one file to copy into a folder of the archive, as data, so that any machine can.
type Item struct {
	Area   realmport.Area
	Source string // its name there
	Path   string // below the archive's folder
	Size   int64  // as far as it is known beforehand
	// What is told if the file is missing. With a reason it is known to be.
	What realmport.Missing

	// The rest is for its entry in records.json.

	Owner       *int64 // the user whose it is, if the database tells
	Email       string // the owner's
	Version     int64  // of an avatar
	Name        string // of an emoji
	Deactivated bool   // of an emoji
}

// The kinds of files, as What has them.
const (
	kindUpload = "upload"
	kindAvatar = "avatar"
	kindEmoji  = "emoji"
	kindIcon   = "realm_icon"
)

// record returns the entry in records.json (format.md §1.5), as a server with the kind of storage that the file is from makes it.
func (m *maker) record(it *Item, f *realmport.File) []byte {
	if f.Object != nil {
		return m.objectRecord(it, f)
	}
	r := record{}.int("realm_id", m.realm)
	switch it.What.Kind {
	case kindUpload:
		return r.int("user_profile_id", *it.Owner).text("user_profile_email", it.Email).text("s3_path", it.Path).text("path", it.Path).stat(f).close()
	case kindAvatar:
		return r.int("user_profile_id", *it.Owner).text("user_profile_email", it.Email).int("avatar_version", it.Version).
			text("s3_path", it.Path).text("path", it.Path).stat(f).close()
	case kindEmoji:
		if it.Owner == nil {
			r = r.null("author")
		} else {
			r = r.int("author", *it.Owner)
		}
		return r.text("path", it.Path).text("s3_path", it.Path).text("file_name", it.fileName()).text("name", it.Name).
			bool("deactivated", it.Deactivated).close()
	default:
		return r.text("path", it.Path).text("s3_path", it.Path).close()
	}
}

// fileName is an emoji's, without what marks the original.
func (it *Item) fileName() string { return strings.TrimSuffix(path.Base(it.Path), ".original") }

// Keys of an object's metadata that Zulip writes as numbers. The database knows them better.
const (
	metaOwner   = "user_profile_id"
	metaRealm   = "realm_id"
	metaVersion = "avatar_version"
)

// objectRecord describes a file of a bucket. Objects that were moved there by other programs have no metadata, or wrong ones: what
// the importer needs comes from the database then.
func (m *maker) objectRecord(it *Item, f *realmport.File) []byte {
	o := f.Object
	r := record{}.text("s3_path", it.Source).text("bucket", o.Bucket).int("size", f.Size).
		text("last_modified", f.Modified.UTC().Format("2006-01-02T15:04:05-07:00")).text("content_type", o.ContentType).
		text("md5", `"`+o.ETag+`"`)
	owner, email, known := it.owner(o, m.email)
	if known {
		r = r.int(metaOwner, owner)
	}
	r = r.int(metaRealm, m.realm)
	if it.What.Kind == kindAvatar {
		r = r.int(metaVersion, it.Version)
	}
	for _, key := range slices.Sorted(maps.Keys(o.Metadata)) {
		if printable(key) && !slices.Contains(ownKeys(), key) {
			r = r.text(key, o.Metadata[key])
		}
	}
	if it.What.Kind == kindEmoji {
		r = r.text("file_name", it.fileName())
	}
	if known {
		r = r.text("user_profile_email", email)
	}
	return r.text("path", it.Path).close()
}

// ownKeys are those of an entry that no object's metadata may change or repeat.
func ownKeys() []string {
	return []string{
		"s3_path", "bucket", "size", "last_modified", "content_type", "md5", metaOwner, metaRealm, metaVersion,
		"file_name", "user_profile_email", "path", "author", "name", "deactivated",
	}
}

// printable tells whether a key is plain ASCII, as those of HTTP's headers are: then no two of them become the same in JSON.
func printable(key string) bool {
	return !strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' })
}

// owner tells whose an object is: of uploads and avatars the database knows best. Who uploaded an emoji or an icon the object tells, as far as it
// tells of a user of the organization. emails knows the addresses of those; it may be nil.
func (it *Item) owner(o *realmport.Object, emails func(int64) (string, bool)) (id int64, email string, known bool) {
	if uploader := it.What.Kind == kindEmoji || it.What.Kind == kindIcon; uploader && emails != nil {
		if id, err := strconv.ParseInt(o.Metadata[metaOwner], 10, 64); err == nil {
			if email, known := emails(id); known {
				return id, email, true
			}
		}
	}
	if it.Owner == nil {
		return 0, "", false
	}
	return *it.Owner, it.Email, true
}

// record is an object of a records.json in the making.
type record []byte

func (r record) key(name string) record {
	open := byte(',')
	if len(r) == 0 {
		open = '{'
	}
	return append(encode.AppendString(append(r, open), []byte(name)), ':')
}

func (r record) int(key string, v int64) record { return strconv.AppendInt(r.key(key), v, 10) }
func (r record) text(key, v string) record      { return encode.AppendString(r.key(key), []byte(v)) }
func (r record) bool(key string, v bool) record { return strconv.AppendBool(r.key(key), v) }
func (r record) null(key string) record         { return append(r.key(key), "null"...) }
func (r record) close() []byte                  { return append(r, '}') }

// stat adds what the local backend tells of a file (format.md §1.5).
func (r record) stat(f *realmport.File) record {
	modified := float64(f.Modified.Unix()) + 1e-9*float64(f.Modified.Nanosecond())
	r = encode.AppendFloat(r.int("size", f.Size).key("last_modified"), modified)
	return r.null("content_type")
}

// place is where the file stands, for messages.
func place(area realmport.Area, name string) string { return fmt.Sprintf("%s/%s", area, name) }
