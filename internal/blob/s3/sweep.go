package s3

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// sweep removes objects and unfinished uploads with a prefix that are older than that.
func (s *Stock) sweep(ctx context.Context, prefix string, age time.Duration) (removed int, err error) {
	ctx, old := withAge(ctx, age)
	removed, err = s.abortUploads(ctx, prefix, func(upload minio.ObjectMultipartInfo) bool { return old.than(upload.Initiated) })
	if err != nil {
		return removed, err
	}
	var batch []minio.ObjectInfo
	flush := func() error {
		if err := s.delete(ctx, batch); err != nil {
			return err
		}
		removed += len(batch)
		batch = batch[:0]
		return nil
	}
	err = s.client.list(ctx, s.bucket, prefix, true, func(object minio.ObjectInfo) error {
		if !strings.HasPrefix(object.Key, prefix) || !old.than(object.LastModified) {
			return nil
		}
		if batch = append(batch, minio.ObjectInfo{Key: object.Key}); len(batch) < pageSize {
			return nil
		}
		return flush()
	})
	if err != nil {
		return removed, err
	}
	return removed, flush()
}

// abortUploads aborts unfinished uploads whose key begins with the prefix and that are wanted. Those that end meanwhile do not matter.
func (s *Stock) abortUploads(ctx context.Context, prefix string, want func(minio.ObjectMultipartInfo) bool) (aborted int, err error) {
	var uploads []minio.ObjectMultipartInfo
	for after, id := "", ""; ; {
		var page minio.ListMultipartUploadsResult
		err := s.client.do(ctx, s.client.stall, func(ctx context.Context) (err error) {
			page, err = s.client.core.ListMultipartUploads(ctx, s.bucket, prefix, after, id, "", pageSize)
			return err
		})
		if err != nil {
			return 0, s.client.explain(ctx, "list", s.bucket, prefix, err)
		}
		for _, upload := range page.Uploads {
			if strings.HasPrefix(upload.Key, prefix) && want(upload) {
				uploads = append(uploads, upload)
			}
		}
		// One that goes on where it began would do so for ever.
		if !page.IsTruncated || page.NextKeyMarker == after && page.NextUploadIDMarker == id {
			break
		}
		after, id = page.NextKeyMarker, page.NextUploadIDMarker
	}
	for _, upload := range uploads {
		if err := s.abort(ctx, upload.Key, upload.UploadID); err != nil {
			return aborted, err
		}
		aborted++
	}
	return aborted, nil
}

// abort aborts an upload. It is no error if it has ended.
func (s *Stock) abort(ctx context.Context, key, id string) error {
	err := s.client.do(ctx, s.client.stall, func(ctx context.Context) error {
		return s.client.core.AbortMultipartUpload(ctx, s.bucket, key, id)
	})
	if isCode(err, minio.NoSuchUpload) {
		return nil
	}
	return s.client.explain(ctx, "remove", s.bucket, key, err)
}

// delete removes objects, in one request for up to a thousand. It is no error if there is none of the name.
func (s *Stock) delete(ctx context.Context, objects []minio.ObjectInfo) error {
	for len(objects) > 0 {
		var hidden []minio.ObjectInfo
		batch := objects[:min(len(objects), pageSize)]
		objects = objects[len(batch):]
		err := s.client.do(ctx, s.client.stall, func(ctx context.Context) error {
			results, err := s.client.core.RemoveObjectsWithIter(ctx, s.bucket, slices.Values(batch), minio.RemoveObjectsOptions{})
			if err != nil {
				return err
			}
			hidden = hidden[:0]
			for result := range results {
				switch {
				case result.Err != nil && !isCode(result.Err, minio.NoSuchKey):
					err = result.Err
				case result.DeleteMarker && result.ObjectVersionID == "":
					hidden = append(hidden, minio.ObjectInfo{Key: result.ObjectName})
				}
			}
			return err
		})
		if err != nil {
			return s.client.explain(ctx, "remove", s.bucket, batch[0].Key, err)
		}
		for _, object := range hidden {
			if err := s.deleteVersions(ctx, object.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// deleteVersions removes all versions of an object from a bucket that keeps them.
func (s *Stock) deleteVersions(ctx context.Context, key string) error {
	var versions []minio.ObjectInfo
	err := s.client.do(ctx, s.client.stall, func(ctx context.Context) error {
		versions = versions[:0]
		options := minio.ListObjectsOptions{Prefix: key, WithVersions: true, Recursive: true}
		for object := range s.client.core.ListObjectsIter(ctx, s.bucket, options) {
			if object.Err != nil {
				return object.Err
			}
			if object.Key == key {
				versions = append(versions, minio.ObjectInfo{Key: key, VersionID: object.VersionID})
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return s.client.explain(ctx, "list the versions of", s.bucket, key, err)
	}
	return s.delete(ctx, versions)
}
