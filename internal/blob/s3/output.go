package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/realmport/realmport"
)

// The rules of S3, and what is made of them. A part other than the last has 5 MiB at least; there are 10,000 at most.
const (
	leastPart   = 5 << 20
	maxParts    = 10_000
	defaultPart = 8 << 20
	// growth is after how many parts they become half as large again, so that the last have room for about a terabyte in all.
	growth = 1000
	// sending is how many parts are on their way at most while the next is being written, and memory how many bytes all these should
	// have together. As parts grow fewer are sent at a time, in the end none while another is written: with parts of 8 MiB at first,
	// two up to the 3,000th part (37 GiB in all), one up to the 4,000th (63 GiB), then none. So memory is enough up to the 6,000th
	// (162 GiB); after that it is one part, as large as few parts make it: 91 MiB up to the 7,000th (251 GiB), 308 MiB for the
	// last (885 GiB).
	sending = 2
	memory  = 64 << 20
	// copying is how many parts are copied by the storage at the same time.
	copying = 8
	// longLimit is how long the storage may take to copy a part, or to put parts together.
	longLimit = 10 * time.Minute
	// slowest is how many bytes a second a connection carries at least, before an attempt to send a part is given up.
	slowest = 64 << 10
	// abortPatience is how long is spent on removing what was written.
	abortPatience = time.Minute
)

// contentType is the type of archives.
const contentType = "application/octet-stream"

// tokenKey is the key, in an object's metadata, of the token by which who wrote it knows it again.
const tokenKey = "Realmport-Upload"

var (
	errAborted   = errors.New("the archive was aborted")
	errCommitted = errors.New("the archive was committed")
)

// output is an archive while it is written. Its methods are for one goroutine at a time.
type output struct {
	stock  *Stock
	ctx    context.Context // of all its requests
	cancel context.CancelCauseFunc
	name   string
	token  string
	tag    string // once it is committed
	sum    minio.ChecksumType

	pending  []byte      // written, not yet on its way
	size     int64       // of all that was written or appended
	upload   string      // the id of the multipart upload; "" before the first part
	parts    []*part     // in order; those in work belong to their goroutines
	sends    chan []byte // free slots for parts on their way, each with its buffer, which may be nil
	slots    int         // how many there are, free or not
	copies   chan struct{}
	work     sync.WaitGroup
	closing  bool  // the request that gives it its name may have been sent
	finished error // why nothing can be done any more

	mu     sync.Mutex
	failed error // the first failure of a part; +checklocks:mu
}

// part is one part of the upload. Its goroutine fills in what the storage answers.
type part struct {
	size int64
	done minio.CompletePart
}

func newOutput(ctx context.Context, s *Stock, name string, sum minio.ChecksumType) *output {
	o := &output{stock: s, name: name, token: rand.Text(), sum: sum, sends: make(chan []byte, sending), slots: sending, copies: make(chan struct{}, copying)}
	o.ctx, o.cancel = context.WithCancelCause(ctx)
	for range sending {
		o.sends <- nil
	}
	return o
}

// partSize is how large the next part of written bytes is.
func (o *output) partSize() int64 { return o.stock.sizeOf(len(o.parts)) }

// sizeOf is how large the part is that so many come before.
func (s *Stock) sizeOf(before int) int64 {
	size := s.partSize
	for range before / growth {
		size += size / 2
	}
	return size
}

// beside is how many parts of that size may be on their way while another is written.
func beside(size int64) int {
	return int(min(max(memory/size-1, 0), sending))
}

// fail keeps the first failure, and ends what else is on its way.
func (o *output) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed == nil {
		o.failed = err
		o.cancel(err)
	}
}

// err tells why nothing more can be written.
func (o *output) err() error {
	if o.finished != nil {
		return o.finished
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed == nil && o.ctx.Err() != nil {
		return context.Cause(o.ctx)
	}
	return o.failed
}

// Write implements io.Writer. An error may be that of bytes written before.
func (o *output) Write(p []byte) (int, error) {
	n := 0
	for {
		if err := o.err(); err != nil {
			return n, err
		}
		if len(p) == 0 {
			return n, nil
		}
		size := o.partSize()
		if int64(len(o.pending)) >= size {
			if err := o.send(); err != nil {
				return n, err
			}
		}
		k := min(int64(len(p)), size-int64(len(o.pending)))
		o.hold(p[:k], size)
		p, n = p[k:], n+int(k)
	}
}

// hold adds bytes to those pending, whose buffer never becomes larger than a part. After the first part it
// grows to the full size at once from an eighth on, so that the old one is little beside the new.
func (o *output) hold(p []byte, size int64) {
	if need := int64(len(o.pending) + len(p)); need > int64(cap(o.pending)) {
		room := min(max(need, 2*int64(cap(o.pending)), 64<<10), max(size, need))
		if len(o.parts) > 0 && room > size/8 {
			room = max(size, need)
		}
		grown := make([]byte, len(o.pending), room)
		copy(grown, o.pending)
		o.pending = grown
	}
	o.pending = append(o.pending, p...)
	o.size += int64(len(p))
}

// begin starts the multipart upload, unless it was started.
func (o *output) begin() error {
	if o.upload != "" {
		return nil
	}
	c := o.stock.client
	options := o.options()
	options.UserMetadata[algorithmHeader] = o.sum.String()
	options.UserMetadata[typeHeader] = fullObject
	err := c.do(o.ctx, c.stall, func(ctx context.Context) (err error) {
		o.upload, err = c.core.NewMultipartUpload(ctx, o.stock.bucket, o.name, options)
		return err
	})
	if err != nil {
		o.fail(c.explain(o.ctx, "write", o.stock.bucket, o.name, err))
	}
	return o.err()
}

// options are those of the object.
func (o *output) options() minio.PutObjectOptions {
	return minio.PutObjectOptions{
		ContentType: contentType, ServerSideEncryption: o.stock.client.sse, DisableContentSha256: true,
		UserMetadata: map[string]string{tokenKey: o.token},
	}
}

// add makes a part of the upload, the work of which is done in the background.
func (o *output) add(size int64, free func(), work func(number int, p *part) error) error {
	if len(o.parts) == maxParts {
		free()
		o.fail(realmport.Errorf(realmport.Unsupported, "the archive %s would have more than %d parts", place(o.stock.bucket, o.name), maxParts))
		return o.err()
	}
	p := &part{size: size}
	o.parts = append(o.parts, p)
	number := len(o.parts)
	o.work.Go(func() {
		defer free()
		if err := work(number, p); err != nil {
			o.fail(err)
		}
	})
	return nil
}

// send sends what is pending as the next part. It waits until there is memory for the one after it.
func (o *output) send() error {
	if err := o.begin(); err != nil {
		return err
	}
	spare, err := o.slot()
	if err != nil {
		return err
	}
	size := o.stock.sizeOf(len(o.parts) + 1)
	for most := max(beside(size), 1); o.slots > most; o.slots-- {
		if spare, err = o.slot(); err != nil {
			return err
		}
	}
	body := o.pending
	o.pending = nil
	err = o.add(int64(len(body)), func() { o.sends <- body }, func(number int, p *part) error {
		return o.sendPart(number, body, p)
	})
	if err != nil {
		return err
	}
	if beside(size) == 0 {
		if spare, err = o.slot(); err != nil {
			return err
		}
		o.sends <- nil
	}
	if int64(cap(spare)) >= size { // or one more would be made beside it
		o.pending = spare[:0]
	}
	return nil
}

// slot waits until a part has been sent, and returns the buffer it had.
func (o *output) slot() ([]byte, error) {
	select {
	case spare := <-o.sends:
		return spare, nil
	case <-o.ctx.Done():
		return nil, o.err()
	}
}

func (o *output) sendPart(number int, body []byte, p *part) error {
	c := o.stock.client
	sum := o.sum.ChecksumBytes(body).Encoded()
	options := minio.PutObjectPartOptions{
		Sha256Hex: c.digest(body), DisableContentSha256: true,
		CustomHeader: http.Header{o.sum.KeyCapitalized(): {sum}},
	}
	err := c.do(o.ctx, c.sendLimit(len(body)), func(ctx context.Context) error {
		got, err := c.core.PutObjectPart(ctx, o.stock.bucket, o.name, o.upload, number, bytes.NewReader(body), int64(len(body)), options)
		if err != nil {
			return err
		}
		p.done = minio.CompletePart{PartNumber: number, ETag: got.ETag, ChecksumCRC32C: got.ChecksumCRC32C, ChecksumCRC32: got.ChecksumCRC32}
		return sameSum(p.done.Checksum(o.sum), sum)
	})
	return c.explain(o.ctx, "write", o.stock.bucket, o.name, err)
}

// sendLimit is how long sending so many bytes may take.
func (c *Client) sendLimit(n int) time.Duration {
	return c.stall + time.Duration(n/slowest)*time.Second
}
