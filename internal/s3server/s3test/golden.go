package s3test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// Golden loads the objects of the golden set community_s3 into two buckets of the test's own, and returns how to reach the server, the
// names of the buckets, and the folder of the set. Without the set's folder the test is skipped, unless REALMPORT_GOLDEN says that it
// should be there.
func Golden(tb testing.TB) (config s3.Config, uploads, avatars, folder string) {
	tb.Helper()
	folder = pgtest.GoldenFolder(tb, "community_s3")
	list, bodies, err := readGolden(filepath.Join(folder, "s3-objects.tar.gz"))
	if err != nil {
		tb.Fatalf("read golden objects: %v", err)
	}
	config, uploads = Bucket(tb)
	_, avatars = Bucket(tb)
	for _, o := range list {
		body, ok := bodies[o.Bucket+"/"+o.Key]
		bucket, known := map[string]string{"zulip-uploads": uploads, "zulip-avatars": avatars}[o.Bucket]
		if !ok || !known {
			tb.Fatalf("golden object %q of bucket %q: no body or no such bucket", o.Key, o.Bucket)
		}
		Put(tb, config, bucket, Object{Key: o.Key, Body: body, ContentType: o.ContentType, Metadata: o.Metadata})
	}
	return config, uploads, avatars, folder
}

// goldenObject is an object as the set's list describes it.
type goldenObject struct {
	Bucket      string            `json:"bucket"`
	Key         string            `json:"key"`
	ContentType string            `json:"content_type"`
	Metadata    map[string]string `json:"metadata"`
}

// readGolden reads the list of objects, and their bodies by bucket and key.
func readGolden(path string) (list []goldenObject, bodies map[string][]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		return nil, nil, err
	}
	bodies = map[string][]byte{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			return nil, nil, err
		}
		bodies[strings.TrimPrefix(h.Name, "s3src/")] = b
	}
	if err := json.Unmarshal(bodies["objects.json"], &list); err != nil {
		return nil, nil, fmt.Errorf("read objects.json: %w", err)
	}
	return list, bodies, nil
}
