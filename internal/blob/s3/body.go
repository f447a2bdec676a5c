package s3

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// resumes is how often in a row a body is resumed without a byte of progress.
const resumes = 6

// body reads an object from where it is to where it is to stop. It yields all bytes between, or an error; when the connection breaks
// or falls silent it goes on with a further request, if the object is still the same. It is for one goroutine.
type body struct {
	client      *Client
	ctx         context.Context // of the requests that reading makes
	bucket, key string

	size     int64
	modified time.Time
	etag     string      // "" before the first answer
	header   http.Header // of the first answer

	at, stop int64 // the offsets of the next byte, and after the last that is wanted
	closed   bool
	stream   io.ReadCloser           // the present answer; nil for none
	end      context.CancelCauseFunc // ends its request
	watch    *time.Timer             // ends it when it is silent; runs while something is awaited
	sum      hash.Hash               // of the first bytes; nil if there is nothing to compare it with
	summed   int64                   // how many those are
	wantSum  string
}

// open requests an object. The error is explained.
func (c *Client) open(ctx context.Context, bucket, key string) (*body, error) {
	b := &body{client: c, ctx: ctx, bucket: bucket, key: key}
	err := c.retry(ctx, func() error { return b.request(false) })
	if err != nil {
		return nil, c.explain(ctx, "open", bucket, key, err)
	}
	return b, nil
}

// stat asks for what is known of an object, without its bytes. The error is explained.
func (c *Client) stat(ctx context.Context, bucket, key string) (info minio.ObjectInfo, err error) {
	err = c.do(ctx, c.stall, func(ctx context.Context) (err error) {
		info, err = c.core.StatObject(ctx, bucket, key, minio.StatObjectOptions{Checksum: true})
		return err
	})
	return info, c.explain(ctx, "open", bucket, key, c.spoken(ctx, bucket, err))
}

// later returns a body of a known object that makes its first request when it is read.
func (c *Client) later(ctx context.Context, bucket string, info minio.ObjectInfo) *body {
	b := &body{client: c, ctx: ctx, bucket: bucket, key: info.Key}
	b.know(info, nil)
	return b
}

// know keeps what the first answer says.
func (b *body) know(info minio.ObjectInfo, header http.Header) {
	b.size, b.modified, b.etag, b.header, b.stop = info.Size, info.LastModified, info.ETag, header, info.Size
	b.compareWith(info)
}

// request makes one request, for the whole object or, further, for the rest of the known one.
func (b *body) request(further bool) error {
	var options minio.GetObjectOptions
	if further {
		options.Set("Range", fmt.Sprintf("bytes=%d-%d", b.at, b.stop-1))
		options.Set("If-Match", `"`+b.etag+`"`)
	} else {
		options.Set("X-Amz-Checksum-Mode", "ENABLED")
	}
	ctx, end := context.WithCancelCause(b.ctx)
	watch := time.AfterFunc(b.client.stall, func() { end(errSilent) })
	stream, info, header, err := b.client.core.GetObject(ctx, b.bucket, b.key, options)
	watch.Stop()
	if err == nil {
		if further {
			err = b.checkRest(header)
		} else if info.Size < 0 {
			err = permanent("the storage does not tell its size")
		}
		if err != nil {
			_ = stream.Close()
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		end(nil)
		return err
	}
	b.stream, b.end, b.watch = stream, end, watch
	if !further {
		b.know(info, header)
	}
	return nil
}

// checkRest makes sure that an answer is the rest that was asked for.
func (b *body) checkRest(header http.Header) error {
	if want := fmt.Sprintf("bytes %d-%d/", b.at, b.stop-1); !strings.HasPrefix(header.Get("Content-Range"), want) {
		return permanent(fmt.Sprintf("the storage does not send the rest from byte %d on", b.at))
	}
	if tag := strings.Trim(header.Get("ETag"), `"`); tag != "" && tag != b.etag {
		return permanent("the object was replaced while it was read") // by a storage that does not know If-Match
	}
	return nil
}

// compareWith prepares for the comparison with a checksum of the whole object, if the answer has one that is cheap to make.
func (b *body) compareWith(info minio.ObjectInfo) {
	if info.ChecksumMode == minio.ChecksumCompositeMode.String() {
		return // of its parts, whose borders are not known
	}
	for _, kind := range []minio.ChecksumType{minio.ChecksumCRC32C, minio.ChecksumCRC64NVME, minio.ChecksumCRC32} {
		if sum := info.Checksum(kind); sum != "" && !strings.Contains(sum, "-") {
			b.sum, b.wantSum = kind.Hasher(), sum
			return
		}
	}
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.closed {
		return 0, fs.ErrClosed
	}
	if b.at >= b.stop {
		return 0, b.finish()
	}
	if len(p) == 0 {
		return 0, nil
	}
	p = p[:min(int64(len(p)), b.stop-b.at)]
	for failures := 0; ; {
		if b.stream == nil {
			if err := b.resume(); err != nil {
				return 0, err
			}
		}
		n, err := b.next(p)
		if n > 0 {
			return n, nil
		}
		b.drop()
		if b.ctx.Err() != nil {
			return 0, context.Cause(b.ctx)
		}
		if failures++; failures > resumes {
			return 0, b.client.explain(b.ctx, "read", b.bucket, b.key, &exhausted{err})
		}
		if failures > 1 { // a connection that was just cut is no reason to wait
			if err := rest(b.ctx, min(firstPause<<failures, maxPause)); err != nil {
				return 0, err
			}
		}
	}
}

// next reads what comes next of the present answer.
func (b *body) next(p []byte) (int, error) {
	b.watch.Reset(b.client.stall)
	n, err := b.stream.Read(p)
	b.watch.Stop()
	if b.sum != nil && b.summed == b.at {
		_, _ = b.sum.Write(p[:n])
		b.summed += int64(n)
	}
	b.at += int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// resume requests the rest. The error is explained.
func (b *body) resume() error {
	if b.etag == "" {
		return fmt.Errorf("read %s: it broke off after %d of %d bytes, and the storage gives no ETag to resume by", place(b.bucket, b.key), b.at, b.size)
	}
	err := b.client.retry(b.ctx, func() error { return b.request(true) })
	if answer, ok := errors.AsType[minio.ErrorResponse](err); ok {
		switch {
		case answer.StatusCode == http.StatusPreconditionFailed, answer.StatusCode == http.StatusRequestedRangeNotSatisfiable:
			return fmt.Errorf("read %s: the object was replaced while it was read: %w", place(b.bucket, b.key), err)
		case answer.Code == minio.NoSuchKey:
			return fmt.Errorf("read %s: the object was removed while it was read: %w", place(b.bucket, b.key), err)
		}
	}
	return b.client.explain(b.ctx, "read", b.bucket, b.key, err)
}

// finish tells, at the end, whether the bytes are those that were stored, if all of them passed.
func (b *body) finish() error {
	if b.sum == nil || b.summed != b.size {
		return io.EOF
	}
	if got := encode(b.sum.Sum(nil)); got != b.wantSum {
		return fmt.Errorf("read %s: the bytes that came have the checksum %s, those that were stored %s", place(b.bucket, b.key), got, b.wantSum)
	}
	return io.EOF
}

// Seek implements io.Seeker. It makes no request.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += b.size
	}
	switch {
	case b.closed:
		return 0, fs.ErrClosed
	case offset < 0:
		return 0, &fs.PathError{Op: "seek", Path: place(b.bucket, b.key), Err: fs.ErrInvalid}
	case offset == b.at:
		return offset, nil
	}
	b.drop()
	b.at = offset
	return offset, nil
}

// drop ends the present request.
func (b *body) drop() {
	if b.stream == nil {
		return
	}
	b.watch.Stop()
	b.end(nil)
	_ = b.stream.Close()
	b.stream = nil
}

// Close implements io.Closer.
func (b *body) Close() error {
	// What is left is not awaited: the connection ends unless all was read.
	if b.stream != nil && b.at >= b.stop {
		_, _ = b.stream.Read(make([]byte, 1)) // sees the end, so that the connection can be used again
	}
	b.drop()
	b.closed = true
	return nil
}
