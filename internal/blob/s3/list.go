package s3

import (
	"context"

	"github.com/minio/minio-go/v7"
)

// pageSize is how many names the storage is asked for at once: as many as it gives.
const pageSize = 1000

// list calls fn with the objects below a prefix; unless it is to go deeper, with those directly there, and for deeper ones once with
// the beginning of their key up to the next slash. The error is that of fn, or explained.
func (c *Client) list(ctx context.Context, bucket, prefix string, deeper bool, fn func(minio.ObjectInfo) error) error {
	for after := ""; ; {
		var page []minio.ObjectInfo
		err := c.do(ctx, c.stall, func(ctx context.Context) (err error) {
			page, err = c.page(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: deeper, StartAfter: after, MaxKeys: pageSize})
			return err
		})
		if err != nil {
			return c.explain(ctx, "list", bucket, prefix, err)
		}
		before := after
		for _, object := range page {
			after = max(after, object.Key)
			if err := fn(object); err != nil {
				return err
			}
		}
		// A beginning comes again if the last page ended with it.
		if len(page) < pageSize || after == before {
			return nil
		}
	}
}

// page lists a page. What fails can be listed again.
func (c *Client) page(ctx context.Context, bucket string, options minio.ListObjectsOptions) ([]minio.ObjectInfo, error) {
	page := make([]minio.ObjectInfo, 0, pageSize)
	for object := range c.core.ListObjectsIter(ctx, bucket, options) {
		if object.Err != nil {
			return nil, object.Err
		}
		page = append(page, object)
		if len(page) == pageSize { // or it would ask for the next
			break
		}
	}
	return page, ctx.Err()
}
