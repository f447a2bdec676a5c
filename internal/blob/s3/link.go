package s3

import (
	"context"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
)

// maxLink is how long a link is valid at most, as the protocol has it.
const maxLink = 7 * 24 * time.Hour

// Link implements realmport.Stock. A link that is not plain is valid for a week at most, and no longer than the keys if those are
// temporary.
func (s *Stock) Link(ctx context.Context, name string, valid time.Duration) (string, error) {
	if err := s.check(name); err != nil {
		return "", err
	}
	signer := s.client.core.Client
	if s.public {
		signer = s.client.plain
	}
	u, err := presign(ctx, signer, s.bucket, name, min(max(valid, time.Second), maxLink))
	if err != nil {
		return "", s.client.explain(ctx, "link", s.bucket, name, err)
	}
	if s.public {
		u.RawQuery = ""
	}
	return u.String(), nil
}

// presign makes a link, which may have to wait for new credentials. It does not wait longer than the context lasts, for those that
// somebody else is getting neither: these are behind a lock, for the seconds that the requests for them take at most.
func presign(ctx context.Context, signer *minio.Client, bucket, name string, valid time.Duration) (*url.URL, error) {
	type signed struct {
		u   *url.URL
		err error
	}
	done := make(chan signed, 1) // taken or not
	go func() {
		u, err := signer.PresignedGetObject(ctx, bucket, name, valid, nil)
		done <- signed{u, err}
	}()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case s := <-done:
		return s.u, s.err
	}
}
