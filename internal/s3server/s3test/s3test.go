// Package s3test gives tests buckets of their own on an S3 server: the one that the environment variable REALMPORT_TEST_S3 names,
// or one that is started for the test process.
//
// Tests that find no server are skipped, unless REALMPORT_TEST_REQUIRE is "all": then they fail.
package s3test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/s3server"
)

// ServerEnv names the environment variable with the server to use, http://ACCESSKEY:SECRETKEY@HOST:PORT/REGION.
const ServerEnv = "REALMPORT_TEST_S3"

// shared is the server of the process, started by the first test that asks. Its watchdog ends it with the process.
//
// It is the package's only state: tests share it as they share the process.
var shared = sync.OnceValues(func() (s3.Config, error) {
	if address := os.Getenv(ServerEnv); address != "" {
		return parse(address)
	}
	s, err := s3server.Start(context.Background())
	if err != nil {
		return s3.Config{}, err
	}
	return s3.Config{Endpoint: s.Endpoint, Region: s.Region, AccessKey: s.AccessKey, SecretKey: s.SecretKey}, nil
})

func parse(address string) (s3.Config, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User == nil {
		return s3.Config{}, errors.New(ServerEnv + " is not of the form http://ACCESSKEY:SECRETKEY@HOST:PORT/REGION")
	}
	secret, _ := u.User.Password()
	return s3.Config{
		Endpoint: u.Scheme + "://" + u.Host, Region: strings.Trim(u.Path, "/"), AccessKey: u.User.Username(), SecretKey: secret,
	}, nil
}

// Server returns how to reach the server. Without one the test ends as pgtest.Require says.
func Server(tb testing.TB) s3.Config {
	tb.Helper()
	config, err := shared()
	if errors.Is(err, s3server.ErrNoProgram) {
		pgtest.Require(tb, "an S3 server", err.Error())
	}
	if err != nil {
		tb.Fatal(err)
	}
	return config
}

// Bucket returns how to reach the server, and the name of a new, empty bucket, which is removed at the end of the test.
func Bucket(tb testing.TB) (config s3.Config, bucket string) {
	tb.Helper()
	config = Server(tb)
	bucket = "test-" + strings.ToLower(rand.Text())
	client := dial(tb, config)
	if err := client.MakeBucket(tb.Context(), bucket, minio.MakeBucketOptions{Region: config.Region}); err != nil {
		tb.Fatalf("make bucket: %v", err)
	}
	tb.Cleanup(func() {
		if err := remove(context.Background(), client, bucket); err != nil {
			tb.Errorf("remove bucket: %v", err)
		}
	})
	return config, bucket
}

// KeepVersions makes a bucket keep the versions of its objects.
func KeepVersions(tb testing.TB, config s3.Config, bucket string) {
	tb.Helper()
	if err := dial(tb, config).EnableVersioning(tb.Context(), bucket); err != nil {
		tb.Fatalf("enable versioning: %v", err)
	}
}

// dial returns a client of its own, which does not go through what is being tested.
func dial(tb testing.TB, config s3.Config) *minio.Client {
	tb.Helper()
	address := strings.TrimPrefix(strings.TrimPrefix(config.Endpoint, "http://"), "https://")
	client, err := minio.New(address, &minio.Options{
		Creds:  credentials.NewStaticV4(config.AccessKey, config.SecretKey, ""),
		Secure: strings.HasPrefix(config.Endpoint, "https://"), Region: config.Region,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

// remove removes a bucket with all that is in it.
func remove(ctx context.Context, client *minio.Client, bucket string) error {
	core := minio.Core{Client: client}
	for upload := range client.ListIncompleteUploads(ctx, bucket, "", true) {
		if upload.Err == nil {
			upload.Err = core.AbortMultipartUpload(ctx, bucket, upload.Key, upload.UploadID)
		}
		if upload.Err != nil {
			return upload.Err
		}
	}
	for object := range client.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err == nil {
			object.Err = client.RemoveObject(ctx, bucket, object.Key, minio.RemoveObjectOptions{})
		}
		if object.Err != nil {
			return object.Err
		}
	}
	return client.RemoveBucket(ctx, bucket)
}

// Object is an object to put into a bucket.
type Object struct {
	Key         string
	Body        []byte
	ContentType string
	Metadata    map[string]string // the user's own, without x-amz-meta-
}

// Put puts objects into a bucket.
func Put(tb testing.TB, config s3.Config, bucket string, objects ...Object) {
	tb.Helper()
	client := dial(tb, config)
	for _, o := range objects {
		_, err := client.PutObject(tb.Context(), bucket, o.Key, bytes.NewReader(o.Body), int64(len(o.Body)),
			minio.PutObjectOptions{ContentType: o.ContentType, UserMetadata: o.Metadata})
		if err != nil {
			tb.Fatalf("put object %q: %v", o.Key, err)
		}
	}
}

// Keys lists all that is in a bucket: keys of objects, as often as there are versions of them, and those of unfinished uploads followed by " (unfinished)".
func Keys(tb testing.TB, config s3.Config, bucket string) []string {
	tb.Helper()
	client := dial(tb, config)
	var keys []string
	for object := range client.ListObjectsIter(tb.Context(), bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if object.Err != nil {
			tb.Fatalf("list bucket: %v", object.Err)
		}
		keys = append(keys, object.Key)
	}
	for upload := range client.ListIncompleteUploads(tb.Context(), bucket, "", true) {
		if upload.Err != nil {
			tb.Fatalf("list uploads: %v", upload.Err)
		}
		keys = append(keys, fmt.Sprintf("%s (unfinished)", upload.Key))
	}
	return keys
}
