package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/realmport/realmport"
)

// maxCopy is how much one request copies. The protocol allows five times as much; smaller ones run at the same time.
const maxCopy = 1 << 30

// frugal is after how many parts those that are smaller than parts of written bytes are then are no longer copied but read and
// written, so that parts do not run out.
const frugal = maxParts / 2

// largest is the size of the largest object.
const largest = 50 << 40

// Append implements realmport.Joined. The storage copies, but for what is too small to be a part, and for the beginning of an object that is
// needed to make a part of what was written before it.
func (o *output) Append(ctx context.Context, p realmport.Piece) error {
	if err := o.stock.check(p.Name); err != nil {
		return err
	}
	if err := o.err(); err != nil {
		return err
	}
	if p.Size < 0 || p.Size > largest {
		return realmport.Errorf(realmport.Invalid, "%d cannot be the size of archive %q", p.Size, p.Name)
	}
	if err := o.append(ctx, p); err != nil {
		o.fail(err)
		return err
	}
	return nil
}

func (o *output) append(ctx context.Context, p realmport.Piece) error {
	missing := int64(0) // of a part, for what is pending
	if len(o.pending) > 0 {
		missing = max(leastPart-int64(len(o.pending)), 0)
	}
	least := int64(leastPart)
	if len(o.parts) > frugal {
		least = o.partSize()
	}
	if p.Size-missing < least {
		return o.readAll(ctx, p)
	}
	if len(o.pending) > 0 {
		if missing > 0 {
			if err := o.readFirst(ctx, p, missing); err != nil {
				return err
			}
		}
		if err := o.send(); err != nil {
			return err
		}
	}
	return o.copy(p, missing)
}

// readAll adds an object by reading it.
func (o *output) readAll(ctx context.Context, p realmport.Piece) error {
	b, err := o.stock.client.open(ctx, o.stock.bucket, p.Name)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := o.asTold(p, b.size, b.etag); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(sum, o), b); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); p.SHA256 != "" && got != p.SHA256 {
		return o.changed(p, nil)
	}
	return nil
}

// readFirst adds the first n bytes of an object by reading them.
func (o *output) readFirst(ctx context.Context, p realmport.Piece, n int64) error {
	info, err := o.stock.client.stat(ctx, o.stock.bucket, p.Name)
	if err != nil {
		return err
	}
	if err := o.asTold(p, info.Size, info.ETag); err != nil {
		return err
	}
	b := o.stock.client.later(ctx, o.stock.bucket, info)
	defer b.Close()
	b.stop = n
	buf := make([]byte, n)
	if _, err := io.ReadFull(b, buf); err != nil {
		return err
	}
	// Not by Write, which would send it by itself where parts are small.
	o.hold(buf, int64(len(o.pending))+n)
	return nil
}

// asTold makes sure that an object is the piece.
func (o *output) asTold(p realmport.Piece, size int64, tag string) error {
	if size != p.Size {
		return fmt.Errorf("join %s: %s has %d bytes, not %d", place(o.stock.bucket, o.name), place(o.stock.bucket, p.Name), size, p.Size)
	}
	if p.Tag != "" && tag != p.Tag {
		return o.changed(p, nil)
	}
	return nil
}

// changed says that an object is not the piece any more.
func (o *output) changed(p realmport.Piece, err error) error {
	return errors.Join(fmt.Errorf("join %s: %s was replaced or changed since it was stored", place(o.stock.bucket, o.name), place(o.stock.bucket, p.Name)), err)
}

// copy adds an object from an offset on, in as many parts as it takes, none of them too small.
func (o *output) copy(piece realmport.Piece, from int64) error {
	if err := o.begin(); err != nil {
		return err
	}
	known := sync.OnceValues(func() (minio.ObjectInfo, error) {
		info, err := o.stock.client.stat(o.ctx, o.stock.bucket, piece.Name)
		if err == nil {
			err = o.asTold(piece, info.Size, info.ETag)
		}
		return info, err
	})
	size := piece.Size
	n := (size - from + maxCopy - 1) / maxCopy
	for i := range n {
		start, end := from+(size-from)*i/n, from+(size-from)*(i+1)/n
		select {
		case o.copies <- struct{}{}:
		case <-o.ctx.Done():
			return o.err()
		}
		err := o.add(end-start, func() { <-o.copies }, func(number int, p *part) error {
			info, err := known()
			if err != nil {
				return err
			}
			return o.copyPart(number, info, start, p)
		})
		if err != nil {
			return err
		}
		o.size += end - start
	}
	return nil
}

func (o *output) copyPart(number int, from minio.ObjectInfo, start int64, p *part) error {
	c := o.stock.client
	headers := map[string]string{"X-Amz-Copy-Source-If-Match": `"` + from.ETag + `"`}
	err := c.do(o.ctx, longLimit, func(ctx context.Context) (err error) {
		p.done, err = c.core.CopyObjectPart(ctx, o.stock.bucket, from.Key, o.stock.bucket, o.name, o.upload, number, start, p.size, headers)
		if err == nil && p.done.ETag == "" { // an error may come with a good status, after the storage kept the connection alive
			err = errors.New("the storage did not finish the copy")
		}
		if sum := p.done.Checksum(o.sum); err == nil && sum != "" && p.size != from.Size && sum == from.Checksum(o.sum) {
			err = permanent("the storage takes the checksum of the whole for that of a part, as if the archive were joined of joined ones")
		}
		return err
	})
	if answer, ok := errors.AsType[minio.ErrorResponse](err); ok && answer.StatusCode == http.StatusPreconditionFailed {
		return fmt.Errorf("join %s: %s was replaced meanwhile: %w", place(o.stock.bucket, o.name), place(o.stock.bucket, from.Key), err)
	}
	return c.explain(o.ctx, "join", o.stock.bucket, o.name, err)
}
