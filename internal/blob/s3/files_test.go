package s3_test

import (
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/blobtest"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	blobtest.TestFiles(t, func(t *testing.T) blobtest.FilesPlace {
		t.Helper()
		config, uploads := s3test.Bucket(t)
		_, avatars := s3test.Bucket(t)
		buckets := map[realmport.Area]string{realmport.Uploads: uploads, realmport.Avatars: avatars}
		return blobtest.FilesPlace{
			Files: s3.OpenFiles(open(t, config), s3.FilesConfig{Uploads: uploads, Avatars: avatars}),
			Put: func(t *testing.T, area realmport.Area, name string, content []byte) {
				t.Helper()
				s3test.Put(t, config, buckets[area], s3test.Object{Key: name, Body: content})
			},
		}
	})
}

func TestObject(t *testing.T) {
	t.Parallel()
	config, bucket := s3test.Bucket(t)
	s3test.Put(t, config, bucket, s3test.Object{Key: "a", Body: []byte("hello"), ContentType: "text/x; charset=odd", Metadata: map[string]string{
		"user_profile_id": "7", "Realm_ID": "2", "odd-key.": "a, b=\"c\"; %41", "empty": "",
	}})
	files := s3.OpenFiles(open(t, config), s3.FilesConfig{Uploads: bucket, Avatars: "pictures", Parallel: 5})
	f, err := files.Open(t.Context(), realmport.Uploads, "a")
	check(t, err)
	defer f.Close()
	want := &realmport.Object{
		Bucket: bucket, ContentType: "text/x; charset=odd", ETag: "5d41402abc4b2a76b9719d911017c592",
		Metadata: map[string]string{"user_profile_id": "7", "realm_id": "2", "odd-key.": "a, b=\"c\"; %41", "empty": ""},
	}
	if diff := cmp.Diff(want, f.Object); diff != "" {
		t.Errorf("object (-want +got):\n%s", diff)
	}
	traits := realmport.Traits{Objects: true, Parallel: 5, Place: "the buckets " + bucket + " and pictures"}
	if got := files.Traits(); got != traits {
		t.Errorf("got traits %+v, want %+v", got, traits)
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	config, uploads, avatars, _ := s3test.Golden(t)
	files := s3.OpenFiles(open(t, config), s3.FilesConfig{Uploads: uploads, Avatars: avatars})
	for _, key := range s3test.Keys(t, config, uploads) {
		f, err := files.Open(t.Context(), realmport.Uploads, key)
		check(t, err)
		b, err := io.ReadAll(f)
		if err != nil || int64(len(b)) != f.Size || f.Object.Metadata["realm_id"] == "" {
			t.Errorf("%s: got %d of %d bytes, %v, %+v", key, len(b), f.Size, err, f.Object)
		}
		f.Close()
	}
}
