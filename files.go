package realmport

import (
	"context"
	"io"
	"time"
)

// Area is one of the two places where a Zulip server keeps files.
type Area string

// The areas, named as the folders of a local upload folder.
const (
	Uploads Area = "files"   // message attachments, by path_id
	Avatars Area = "avatars" // avatars, custom emoji, realm icons and logos
)

// Files is where a Zulip server keeps its uploaded files. Implementations
// never leave their area, whatever the name.
type Files interface {
	// Open opens a file. The error says fs.ErrNotExist when there is none.
	Open(ctx context.Context, area Area, name string) (*File, error)
	// List calls fn with the base name of each file directly in the folder, in any order.
	// A folder that does not exist is empty.
	List(ctx context.Context, area Area, folder string, fn func(name string) error) error
	// Traits says what kind of place it is. They do not change.
	Traits() Traits
}

// Traits are how a place keeps files.
type Traits struct {
	// Objects says that files are objects in buckets, which an export names, places and describes as Zulip's S3 backend
	// does (format.md §1.5). Each open File has an Object then.
	Objects bool
	// Place names the place as far as processes on several machines can tell whether they have the same: the buckets, or that it is a folder.
	Place string
	// Parallel is how many files are best opened at the same time, by all who read; 0 means one.
	Parallel int
}

// File is an open file. Its reader yields Size bytes, or an error.
type File struct {
	io.ReadCloser
	Size     int64
	Modified time.Time
	Object   *Object // nil unless Traits.Objects
}

// Object is what a bucket knows of a file.
type Object struct {
	Bucket      string
	ContentType string
	ETag        string            // without quotes
	Metadata    map[string]string // the user's own, keys in lower case, without x-amz-meta-
}

// Output takes an archive while it is written. Its name appears with Commit,
// whole, or never.
type Output interface {
	io.Writer
	// Commit makes what was written durable and gives it its name.
	Commit() error
	// Abort removes what was written. After Commit it does nothing.
	Abort() error
}
