package s3

import (
	"cmp"
	"context"
	"io/fs"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/minio/minio-go/v7"

	"github.com/realmport/realmport"
)

// FilesConfig says which buckets a Zulip server keeps its files in.
type FilesConfig struct {
	Uploads, Avatars string
	Parallel         int // how many files are best read at the same time; 0 is 32
}

// defaultParallel hides some milliseconds of latency per object, and is far below what a bucket takes.
const defaultParallel = 32

// Files are the files of a Zulip server with the S3 backend.
type Files struct {
	client   *Client
	buckets  map[realmport.Area]string
	parallel int
}

var _ realmport.Files = (*Files)(nil)

// OpenFiles returns the files in the buckets, without a look at them: Check does that. They are of use until the client is closed.
func OpenFiles(client *Client, config FilesConfig) *Files {
	return &Files{
		client: client, parallel: cmp.Or(config.Parallel, defaultParallel),
		buckets: map[realmport.Area]string{realmport.Uploads: config.Uploads, realmport.Avatars: config.Avatars},
	}
}

// Traits implements realmport.Files.
func (f *Files) Traits() realmport.Traits {
	return realmport.Traits{Objects: true, Parallel: f.parallel, Place: "the buckets " + f.buckets[realmport.Uploads] + " and " + f.buckets[realmport.Avatars]}
}

// Open implements realmport.Files. It makes one request, whose answer goes on while the file is read.
func (f *Files) Open(ctx context.Context, area realmport.Area, name string) (*realmport.File, error) {
	bucket, ok := f.buckets[area]
	if !fs.ValidPath(name) || name == "." || !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if err := checkBucket(bucket); err != nil {
		return nil, err
	}
	b, err := f.client.open(ctx, bucket, name)
	if err != nil {
		return nil, err
	}
	return &realmport.File{ReadCloser: b, Size: b.size, Modified: b.modified, Object: &realmport.Object{
		Bucket: bucket, ContentType: text(b.header.Get("Content-Type")), ETag: b.etag, Metadata: metadata(b.header),
	}}, nil
}

// metaPrefix is in front of the user's own keys among an answer's headers.
const metaPrefix = "x-amz-meta-"

// metadata returns the user's own metadata.
func metadata(header http.Header) map[string]string {
	list := map[string]string{}
	for key, values := range header {
		if name, ok := strings.CutPrefix(strings.ToLower(key), metaPrefix); ok {
			list[text(name)] = text(strings.Join(values, ", "))
		}
	}
	return list
}

// text returns a header's bytes as text: they are meant to be ASCII, but nothing makes sure of it.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i]) // Latin-1, as the protocol has it
	}
	return string(runes)
}

// List implements realmport.Files. Objects whose names no path can have, like those that end in a slash, are not listed.
func (f *Files) List(ctx context.Context, area realmport.Area, folder string, fn func(name string) error) error {
	bucket, ok := f.buckets[area]
	if folder == "" {
		folder = "."
	}
	if !fs.ValidPath(folder) || !ok {
		return &fs.PathError{Op: "list", Path: folder, Err: fs.ErrInvalid}
	}
	if err := checkBucket(bucket); err != nil {
		return err
	}
	prefix := ""
	if folder != "." {
		prefix = folder + "/"
	}
	return f.client.list(ctx, bucket, prefix, false, func(object minio.ObjectInfo) error {
		base, ok := strings.CutPrefix(object.Key, prefix)
		// Deeper ones are there as the folder they are in, which ends in a slash.
		if !ok || base == "." || strings.Contains(base, "/") || !fs.ValidPath(base) {
			return nil
		}
		return fn(base)
	})
}
