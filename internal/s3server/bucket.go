package s3server

import (
	"context"
	"fmt"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// MakeBucket makes an empty bucket.
func (s *Server) MakeBucket(ctx context.Context, name string) error {
	client, err := minio.New(strings.TrimPrefix(s.Endpoint, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Region: s.Region,
	})
	if err == nil {
		err = client.MakeBucket(ctx, name, minio.MakeBucketOptions{Region: s.Region})
	}
	if err != nil {
		return fmt.Errorf("make bucket %s: %w", name, err)
	}
	return nil
}
