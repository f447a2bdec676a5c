package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/minio/minio-go/v7"
)

// Commit implements realmport.Output.
func (o *output) Commit() error {
	if err := o.err(); err != nil {
		return err
	}
	var err error
	if o.upload == "" {
		err = o.put()
	} else {
		err = o.complete()
	}
	if err != nil {
		o.fail(err)
		return o.err()
	}
	o.finished = errCommitted
	o.cancel(errCommitted)
	return nil
}

// put stores what is less than a part.
func (o *output) put() error {
	c := o.stock.client
	sum := o.sum.ChecksumBytes(o.pending).Encoded()
	options := o.options()
	options.UserMetadata[o.sum.Key()] = sum
	o.closing = true
	err := c.do(o.ctx, c.sendLimit(len(o.pending)), func(ctx context.Context) error {
		got, err := c.core.PutObject(ctx, o.stock.bucket, o.name, bytes.NewReader(o.pending), o.size, "", c.digest(o.pending), options)
		if err != nil {
			return err
		}
		return sameSum(minio.CompletePart{ChecksumCRC32C: got.ChecksumCRC32C, ChecksumCRC32: got.ChecksumCRC32}.Checksum(o.sum), sum)
	})
	if err != nil {
		return c.explain(o.ctx, "write", o.stock.bucket, o.name, err)
	}
	return o.check()
}

// complete puts the parts together.
func (o *output) complete() error {
	if len(o.pending) > 0 {
		if err := o.send(); err != nil {
			return err
		}
	}
	o.work.Wait()
	if err := o.err(); err != nil {
		return err
	}
	c := o.stock.client
	list := make([]minio.CompletePart, len(o.parts))
	for i, p := range o.parts {
		list[i] = p.done
	}
	options := minio.PutObjectOptions{ContentType: contentType, UserMetadata: whole(o.sum, o.parts)}
	o.closing = true
	err := c.do(o.ctx, longLimit, func(ctx context.Context) error {
		_, err := c.core.CompleteMultipartUpload(ctx, o.stock.bucket, o.name, o.upload, list, options)
		return err
	})
	// Where the answer to the first attempt was lost, the next finds no upload any more: whose object it is tells what became of it.
	if err != nil && !isCode(err, minio.NoSuchUpload) {
		return c.explain(o.ctx, "finish", o.stock.bucket, o.name, err)
	}
	if checkErr := o.check(); checkErr != nil {
		if err != nil {
			return fmt.Errorf("finish %s: it was removed while it was written: %w", place(o.stock.bucket, o.name), errors.Join(err, checkErr))
		}
		return checkErr
	}
	return nil
}

// check makes sure that the object is there, is this one, and has all bytes.
func (o *output) check() error {
	ours, size, tag, err := o.look(o.ctx)
	o.tag = tag
	switch {
	case err != nil:
		return err
	case !ours:
		return fmt.Errorf("finish %s: another archive has the name", place(o.stock.bucket, o.name))
	case size != o.size:
		return fmt.Errorf("finish %s: the storage made %d bytes of %d", place(o.stock.bucket, o.name), size, o.size)
	}
	return nil
}

// look tells whether the object of the name is this one.
func (o *output) look(ctx context.Context) (ours bool, size int64, tag string, err error) {
	info, err := o.stock.client.stat(ctx, o.stock.bucket, o.name)
	if err != nil {
		return false, 0, "", err
	}
	return info.UserMetadata[tokenKey] == o.token, info.Size, info.ETag, nil
}

// Tag implements realmport.Tagged: it is the ETag.
func (o *output) Tag() string { return o.tag }

// Abort implements realmport.Output.
func (o *output) Abort() error {
	if o.finished != nil {
		return nil
	}
	o.finished = errAborted
	o.cancel(errAborted)
	o.work.Wait()
	// Its own context has ended, often because that of who writes has.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), abortPatience)
	defer cancel()
	if o.upload != "" {
		if err := o.stock.abort(ctx, o.name, o.upload); err != nil {
			return err
		}
	}
	if !o.closing {
		return nil
	}
	// It may have got its name although nobody was told.
	ours, _, _, err := o.look(ctx)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !ours {
		return nil
	}
	if err != nil {
		return err
	}
	return o.stock.delete(ctx, []minio.ObjectInfo{{Key: o.name}})
}
