package s3

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/realmport/realmport"
)

// StockConfig says where archives are kept.
type StockConfig struct {
	Bucket string
	// Public says that anybody may read the bucket, so that links to it are plain.
	Public bool
	// PartSize is how many bytes of what is written make a part; 0 is 8 MiB, at least 5 MiB. An archive that is being written
	// takes three times as much memory, and no more than 64 MiB as long as a part is not larger (with 8 MiB, up to 162 GiB).
	PartSize int64
}

// Stock keeps archives in a bucket. One that is no larger than a part appears by a single request; Remove has nothing to take from
// it before that, so it does not keep it from being committed.
type Stock struct {
	client   *Client
	bucket   string
	public   bool
	partSize int64
}

var _ realmport.Stock = (*Stock)(nil)

// OpenStock returns the archives in a bucket, without a look at it: Check does that. They are of use until the client is closed.
func OpenStock(client *Client, config StockConfig) *Stock {
	return &Stock{client: client, bucket: config.Bucket, public: config.Public, partSize: max(cmp.Or(config.PartSize, defaultPart), leastPart)}
}

// check refuses names that cannot be used.
func (s *Stock) check(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return checkBucket(s.bucket)
}

// checkName refuses names that are not plain paths, or that a folder could not hold beside archives in the making.
func checkName(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.HasPrefix(path.Base(name), ".") || strings.Contains(name, "\x00") {
		return realmport.Errorf(realmport.Invalid, "%q cannot be the name of an archive", name)
	}
	return nil
}

// Place implements realmport.Stock.
func (s *Stock) Place() string { return "the bucket " + s.bucket }

// Create implements realmport.Archives. The context is that of all requests that writing makes. One who writes over an archive
// replaces it.
func (s *Stock) Create(ctx context.Context, name string) (realmport.Output, error) {
	return s.create(ctx, name, writtenSum)
}

// CreateJoined implements realmport.Stock, as Create.
func (s *Stock) CreateJoined(ctx context.Context, name string) (realmport.Joined, error) {
	return s.create(ctx, name, joinedSum)
}

func (s *Stock) create(ctx context.Context, name string, sum minio.ChecksumType) (realmport.Joined, error) {
	if err := s.check(name); err != nil {
		return nil, err
	}
	return newOutput(ctx, s, name, sum), nil
}

// Open implements realmport.Archives. Reading makes requests with the context.
func (s *Stock) Open(ctx context.Context, name string) (*realmport.Archive, error) {
	if err := checkName(name); err != nil {
		return nil, errors.Join(fs.ErrNotExist, err)
	}
	if err := checkBucket(s.bucket); err != nil {
		return nil, err
	}
	info, err := s.client.stat(ctx, s.bucket, name)
	if err != nil {
		return nil, err
	}
	return &realmport.Archive{ReadSeekCloser: s.client.later(ctx, s.bucket, info), Size: info.Size, Modified: info.LastModified}, nil
}

// Remove implements realmport.Archives. Of a bucket that keeps versions, all are removed.
func (s *Stock) Remove(ctx context.Context, name string) error {
	if err := s.check(name); err != nil {
		return err
	}
	// Uploads first: one that is being finished at this moment either has its name when that is removed, or fails.
	if _, err := s.abortUploads(ctx, name, func(upload minio.ObjectMultipartInfo) bool { return upload.Key == name }); err != nil {
		return err
	}
	return s.delete(ctx, []minio.ObjectInfo{{Key: name}})
}

// Sweep implements realmport.Stock.
func (s *Stock) Sweep(ctx context.Context, folder string, age time.Duration) (removed int, err error) {
	if !fs.ValidPath(folder) || folder == "." {
		return 0, realmport.Errorf(realmport.Invalid, "%q cannot be the name of a folder of archives", folder)
	}
	if err := checkBucket(s.bucket); err != nil {
		return 0, err
	}
	return s.sweep(ctx, folder+"/", age)
}

// SweepUploads implements realmport.Stock. Some storages, as MinIO, list unfinished uploads only to who knows their name; they remove
// them by themselves.
func (s *Stock) SweepUploads(ctx context.Context, match func(name string) bool, age time.Duration) (removed int, err error) {
	if err := checkBucket(s.bucket); err != nil {
		return 0, err
	}
	ctx, old := withAge(ctx, age)
	return s.abortUploads(ctx, "", func(upload minio.ObjectMultipartInfo) bool {
		return match(upload.Key) && old.than(upload.Initiated)
	})
}
