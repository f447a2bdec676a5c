package config

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outside are flags for a source in PostgreSQL, with more.
func outside(more map[string]string) map[string]string {
	flags := map[string]string{"source": "postgres:///zulip", "external_host": "h"}
	maps.Copy(flags, more)
	return flags
}

// TestPlaces checks where files and archives are.
func TestPlaces(t *testing.T) {
	t.Parallel()
	type places struct {
		Objects  bool
		Bucket   string
		Public   bool
		Shared   bool
		Archives string // the folder
	}
	for _, tt := range []struct {
		name  string
		flags map[string]string
		want  places
	}{
		{"the embedded store", nil, places{Archives: "realmport-data/uploads/avatars"}},
		{"its archives in a bucket", map[string]string{"s3.archives_bucket": "arc"}, places{Bucket: "arc"}},
		{"folders", outside(map[string]string{"uploads": "/u"}), places{Archives: "/u/avatars"}},
		{"a folder for archives", outside(map[string]string{"archives": "/a"}), places{Archives: "/a"}},
		{"files in a folder, archives in a bucket", outside(map[string]string{"uploads": "/u", "s3.archives_bucket": "arc"}), places{Bucket: "arc", Shared: true}},
		{"no files, archives in a bucket", outside(map[string]string{"s3.archives_bucket": "arc"}), places{Bucket: "arc", Shared: true}},
		{
			"files in buckets", outside(map[string]string{"s3.uploads_bucket": "upl", "s3.avatars_bucket": "ava"}),
			places{Objects: true, Bucket: "ava", Public: true, Shared: true},
		},
		{
			"files and archives in buckets", outside(map[string]string{"s3.uploads_bucket": "upl", "s3.avatars_bucket": "ava", "s3.archives_bucket": "arc"}),
			places{Objects: true, Bucket: "arc", Shared: true},
		},
		{
			"archives in the bucket of avatars, by name", outside(map[string]string{"s3.uploads_bucket": "upl", "s3.avatars_bucket": "ava", "s3.archives_bucket": "ava"}),
			places{Objects: true, Bucket: "ava", Public: true, Shared: true},
		},
		{
			"files in buckets, archives in a folder", outside(map[string]string{"s3.uploads_bucket": "upl", "s3.avatars_bucket": "ava", "archives": "/a"}),
			places{Objects: true, Archives: "/a"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := load(t, Sources{Flags: tt.flags})
			got := places{Objects: c.ObjectUploads(), Shared: c.Shared(), Archives: c.Archives}
			got.Bucket, got.Public = c.ArchiveBucket()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			warned := 0
			for _, w := range c.Warnings {
				if strings.HasPrefix(w, "archives are in the bucket of avatars") {
					warned++
				}
				if strings.HasPrefix(w, "no uploads") && got.Objects {
					t.Errorf("got %q, want none about files, which are in buckets", w)
				}
			}
			if want := map[bool]int{true: 1}[got.Public]; warned != want {
				t.Errorf("got %q, want %d about the bucket of avatars", c.Warnings, want)
			}
		})
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	const warning = "s3.endpoint is not https: requests are signed, but files and archives are not encrypted on their way"
	for given, want := range map[string]struct {
		endpoint string
		warned   bool
	}{
		"":                                  {"", false},
		"https://s3.example.com":            {"https://s3.example.com", false},
		"HTTPS://S3.Example.com:9000/":      {"https://s3.example.com:9000", false},
		"http://s3.example.com":             {"http://s3.example.com", true},
		"http://10.0.0.1:9000":              {"http://10.0.0.1:9000", true},
		"http://127.0.0.1.example.com":      {"http://127.0.0.1.example.com", true},
		"http://127.0.0.1:9000":             {"http://127.0.0.1:9000", false},
		"http://127.8.8.8":                  {"http://127.8.8.8", false},
		"http://[::1]:9000":                 {"http://[::1]:9000", false},
		"http://[fd00::1]":                  {"http://[fd00::1]", true},
		"http://localhost:9000":             {"http://localhost:9000", false},
		"http://s3.localhost":               {"http://s3.localhost", false},
		"http://" + strings.Repeat("a", 60): {"http://" + strings.Repeat("a", 60), true},
	} {
		c := load(t, Sources{Flags: map[string]string{"s3.archives_bucket": "arc", "s3.endpoint": given}})
		warned := len(c.Warnings) == 1 && c.Warnings[0] == warning
		if c.S3.Endpoint != want.endpoint || warned != want.warned || len(c.Warnings) > 1 {
			t.Errorf("%s: got %q, warnings %q, want %+v", given, c.S3.Endpoint, c.Warnings, want)
		}
	}
	if c := load(t, Sources{Flags: map[string]string{"s3.endpoint": "http://s3.example.com"}}); len(c.Warnings) > 0 {
		t.Errorf("got %q, want no warning of what is not used", c.Warnings)
	}
	_, err := Load(Sources{Flags: map[string]string{"s3.endpoint": "https://key:hush@s3.example.com"}})
	if got := text(err); !strings.HasPrefix(got, "--s3-endpoint: s3.endpoint: *** must be an address") {
		t.Errorf("got %s, want a problem that shows no password", got)
	}
}

// TestStorageTogether checks the settings of storages that must fit each other.
func TestStorageTogether(t *testing.T) {
	t.Parallel()
	const (
		uploads, avatars, archives = "s3.uploads_bucket", "s3.avatars_bucket", "s3.archives_bucket"
		inBucket                   = "must be false with archives in a bucket, whose links carry their own permission: set archives to a folder if a login is needed"
		forStore                   = "is for a source in PostgreSQL: leave it out with the embedded store, whose files are in uploads"
	)
	for _, tt := range []struct {
		name  string
		flags map[string]string
		want  string
	}{
		{"no avatars", outside(map[string]string{uploads: "upl"}), "s3.avatars_bucket: is needed with s3.uploads_bucket: a server's files are in two buckets"},
		{"no uploads", outside(map[string]string{avatars: "ava"}), "s3.uploads_bucket: is needed with s3.avatars_bucket: a server's files are in two buckets"},
		{
			"a folder and a bucket", outside(map[string]string{"uploads": "/u", uploads: "upl"}),
			`--s3-uploads-bucket: s3.uploads_bucket: "upl" is given together with uploads (--uploads): give one of them`,
		},
		{
			"a folder and both buckets", outside(map[string]string{"uploads": "/u", uploads: "upl", avatars: "ava"}),
			`--s3-uploads-bucket: s3.uploads_bucket: "upl" is given together with uploads (--uploads): give one of them`,
		},
		{
			"a folder and a bucket of avatars", outside(map[string]string{"uploads": "/u", avatars: "ava"}),
			`--s3-avatars-bucket: s3.avatars_bucket: "ava" is given together with uploads (--uploads): give one of them`,
		},
		{
			"a folder and a bucket for archives", outside(map[string]string{"archives": "/a", archives: "arc"}),
			`--s3-archives-bucket: s3.archives_bucket: "arc" is given together with archives (--archives): give one of them`,
		},
		{
			"so with the embedded store",
			map[string]string{"archives": "/a", archives: "arc"},
			`--s3-archives-bucket: s3.archives_bucket: "arc" is given together with archives (--archives): give one of them`,
		},
		{"files of the embedded store", map[string]string{uploads: "upl"}, `--s3-uploads-bucket: s3.uploads_bucket: "upl" ` + forStore},
		{"avatars of the embedded store", map[string]string{avatars: "ava"}, `--s3-avatars-bucket: s3.avatars_bucket: "ava" ` + forStore},
		{
			"a login for a bucket",
			map[string]string{archives: "arc", "download.require_login": "true"},
			`--download-require-login: download.require_login: "true" ` + inBucket,
		},
		{
			"a login for the bucket of avatars", outside(map[string]string{uploads: "upl", avatars: "ava", "download.require_login": "true"}),
			`--download-require-login: download.require_login: "true" ` + inBucket,
		},
		{"a login for a folder", outside(map[string]string{uploads: "upl", avatars: "ava", "archives": "/a", "download.require_login": "true"}), "no error"},
		{"a week", map[string]string{archives: "arc", "download.ttl": "7d"}, "no error"},
		{
			"more than a week",
			map[string]string{archives: "arc", "download.ttl": "169h"},
			`--download-ttl: download.ttl: "169h" must be at most 7d with archives in a bucket: no link of S3 is valid for longer`,
		},
		{"more than a week of a folder", map[string]string{"download.ttl": "8d"}, "no error"},
		{"half of the keys", map[string]string{"s3.access_key": "hush"}, "s3.secret_key: is needed with s3.access_key"},
		{"the other half", map[string]string{"s3.secret_key": "hush"}, "s3.access_key: is needed with s3.secret_key"},
		{
			"keys and a profile",
			map[string]string{"s3.access_key": "hush", "s3.secret_key": "hush", "s3.profile": "p"},
			`--s3-profile: s3.profile: "p" is given together with s3.access_key (--s3-access-key): give one of them`,
		},
		{"a key for nothing", map[string]string{"s3.kms_key": "k"}, `--s3-kms-key: s3.kms_key: "k" is for s3.sse aws:kms: set that, or leave it out`},
		{"a key for another way", map[string]string{"s3.kms_key": "k", "s3.sse": "AES256"}, `--s3-kms-key: s3.kms_key: "k" is for s3.sse aws:kms: set that, or leave it out`},
		{"a key", map[string]string{"s3.kms_key": "k", "s3.sse": "aws:kms"}, "no error"},
		{
			"without what follows from others", outside(map[string]string{uploads: "U", archives: "arc", "s3.sse": "x", "s3.kms_key": "k"}),
			"the configuration has 2 problems:\n" +
				"  --s3-sse: s3.sse: \"x\" must be one of AES256, aws:kms\n" +
				"  --s3-uploads-bucket: s3.uploads_bucket: \"U\" must be a bucket's name: 3 to 63 small letters, digits, dots and hyphens, with a letter or digit at both ends",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(Sources{Flags: tt.flags})
			if diff := cmp.Diff(tt.want, text(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
