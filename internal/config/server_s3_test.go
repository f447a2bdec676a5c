package config

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	withBuckets = `EXTERNAL_HOST = "chat.example.com"
LOCAL_UPLOADS_DIR = None
S3_AUTH_UPLOADS_BUCKET = "zulip-uploads"
S3_AVATAR_BUCKET = "zulip-avatars"
S3_ENDPOINT_URL = "https://storage.example.com/"
S3_REGION = "eu-west-1"
S3_ADDRESSING_STYLE = "virtual"
`
	exportBucket = "S3_EXPORT_BUCKET = 'zulip-exports'\n"
	keys         = "s3_key = AKIASERVER\ns3_secret_key = hush/hush\n"
)

// TestZulipServerWithS3 checks what of a server's settings about S3 holds, beside what somebody gave.
func TestZulipServerWithS3(t *testing.T) {
	t.Parallel()
	inFolder := strings.ReplaceAll(withBuckets, "DIR = None", "DIR = '/home/zulip/uploads'")
	server := map[string]string{
		"s3.uploads_bucket": "zulip-uploads", "s3.avatars_bucket": "zulip-avatars", "s3.endpoint": "https://storage.example.com", "s3.region": "eu-west-1",
		"s3.addressing": "virtual", "s3.access_key": "AKIASERVER", "s3.secret_key": "hush/hush",
	}
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(server)
		maps.Copy(all, more)
		maps.DeleteFunc(all, func(_, v string) bool { return v == "" })
		return all
	}
	// The default is not that of the server.
	none := map[string]string{"uploads": "/home/zulip/uploads", "archives": "/home/zulip/uploads/avatars", "s3.addressing": "auto"}
	for _, tt := range []struct {
		name, settings, secrets string
		flags                   map[string]string
		want                    map[string]string
	}{
		{"files in S3", withBuckets, keys, nil, with(nil)},
		{"nothing of a folder", strings.ReplaceAll(withBuckets, "LOCAL_UPLOADS_DIR = None\n", ""), keys, nil, with(nil)},
		{"no keys", withBuckets, "", nil, with(map[string]string{"s3.access_key": "", "s3.secret_key": ""})},
		{"empty keys", withBuckets, "s3_key =\ns3_secret_key =\n", nil, with(map[string]string{"s3.access_key": "", "s3.secret_key": ""})},
		{"AWS", strings.NewReplacer(`"https://storage.example.com/"`, "None", `"eu-west-1"`, "None").Replace(withBuckets), keys, nil, with(map[string]string{"s3.endpoint": "", "s3.region": ""})},
		{"a bucket for exports", withBuckets + exportBucket, keys, nil, with(map[string]string{"s3.archives_bucket": "zulip-exports"})},
		{"a folder", inFolder + exportBucket, keys, nil, none},
		{"a folder, and buckets without names", "EXTERNAL_HOST = 'h'\nLOCAL_UPLOADS_DIR = '/home/zulip/uploads'\nS3_AUTH_UPLOADS_BUCKET = ''\n", keys, nil, none},
		{
			"a folder, but buckets that somebody gave", inFolder + exportBucket, keys,
			map[string]string{"s3.uploads_bucket": "own-u", "s3.avatars_bucket": "own-a"},
			with(map[string]string{"s3.uploads_bucket": "own-u", "s3.avatars_bucket": "own-a", "s3.archives_bucket": "zulip-exports"}),
		},
		{"a folder, but one bucket that somebody gave", inFolder, keys, map[string]string{"s3.uploads_bucket": "own-u"}, with(map[string]string{"s3.uploads_bucket": "own-u"})},
		{
			"a folder, and a bucket for archives that somebody gave", inFolder + exportBucket, keys,
			map[string]string{"s3.archives_bucket": "own"},
			with(map[string]string{"uploads": "/home/zulip/uploads", "s3.uploads_bucket": "", "s3.avatars_bucket": "", "s3.archives_bucket": "own"}),
		},
		{
			"a folder that somebody gave", withBuckets + exportBucket, keys,
			map[string]string{"uploads": "/own"},
			map[string]string{"uploads": "/own", "archives": "/own/avatars", "s3.addressing": "auto"},
		},
		{
			"no bucket, said by somebody", withBuckets + exportBucket, keys,
			map[string]string{"s3.uploads_bucket": "", "archives": "/own"},
			map[string]string{"archives": "/own", "s3.addressing": "auto"},
		},
		{"no bucket but the folder, said by somebody", inFolder, keys, map[string]string{"s3.uploads_bucket": "", "s3.avatars_bucket": ""}, none},
		{"a folder for archives that somebody gave", withBuckets + exportBucket, keys, map[string]string{"archives": "/own"}, with(map[string]string{"archives": "/own"})},
		{"a bucket for archives that somebody gave", withBuckets + exportBucket, keys, map[string]string{"s3.archives_bucket": "own"}, with(map[string]string{"s3.archives_bucket": "own"})},
		{
			"keys that somebody gave", withBuckets, keys,
			map[string]string{"s3.access_key": "own", "s3.secret_key": "own"},
			with(map[string]string{"s3.access_key": "own", "s3.secret_key": "own"}),
		},
		{
			"no keys, said by somebody", withBuckets, keys,
			map[string]string{"s3.access_key": "", "s3.secret_key": ""},
			with(map[string]string{"s3.access_key": "", "s3.secret_key": ""}),
		},
		{
			"a profile in place of keys", withBuckets, keys,
			map[string]string{"s3.profile": "own"},
			with(map[string]string{"s3.access_key": "", "s3.secret_key": "", "s3.profile": "own"}),
		},
		{
			"the rest, given by somebody", withBuckets, keys,
			map[string]string{"s3.endpoint": "", "s3.region": "own", "s3.addressing": "path"},
			with(map[string]string{"s3.endpoint": "", "s3.region": "own", "s3.addressing": "path"}),
		},
		{
			"the embedded store", withBuckets + exportBucket, keys,
			map[string]string{"source": ""},
			map[string]string{"uploads": "realmport-data/uploads", "archives": "realmport-data/uploads/avatars", "s3.addressing": "auto"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			flags, dir := zulipServer(t, tt.settings)
			addSecrets(t, dir, tt.secrets)
			maps.Copy(flags, tt.flags)
			c := load(t, Sources{Flags: flags})
			got := map[string]string{"s3.access_key": string(c.S3.AccessKey), "s3.secret_key": string(c.S3.SecretKey)}
			for _, v := range c.Values() {
				if v.Text != hidden && v.Key != "s3.parallel" && (v.Key == "uploads" || v.Key == "archives" || strings.HasPrefix(v.Key, "s3.")) {
					got[v.Key] = v.Text
				}
			}
			maps.DeleteFunc(got, func(_, v string) bool { return v == "" })
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestS3OfServerYields checks the order of flags, environment, file and server for the same setting, and what is shown of where it is from.
func TestS3OfServerYields(t *testing.T) {
	t.Parallel()
	flags, dir := zulipServer(t, withBuckets)
	addSecrets(t, dir, keys)
	from := Sources{Flags: flags, FileName: "f.yaml"}
	want := func(text, where string) {
		t.Helper()
		if diff := cmp.Diff(Value{"s3.avatars_bucket", text, where}, valueOf(load(t, from), "s3.avatars_bucket")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	want("zulip-avatars", filepath.Join(dir, "settings.py:4"))
	from.File = []byte("s3:\n  avatars_bucket: of-file\n")
	want("of-file", "f.yaml:2")
	from.Env = func(name string) string {
		return map[string]string{"REALMPORT_S3_AVATARS_BUCKET": "of-environment"}[name]
	}
	want("of-environment", "REALMPORT_S3_AVATARS_BUCKET")
	from.Flags["s3.avatars_bucket"] = "of-flag"
	want("of-flag", "--s3-avatars-bucket")
	if got := valueOf(load(t, from), "s3.secret_key"); got.Text != hidden || got.Where != filepath.Join(dir, "zulip-secrets.conf") {
		t.Errorf("got %+v, want it hidden, of the server's secrets", got)
	}
}

func TestS3OfServerProblems(t *testing.T) {
	t.Parallel()
	const unread = `cannot be read without running Python: "os" in its value is more than text, numbers, lists and dictionaries of them; set `
	for _, tt := range []struct {
		name, settings, secrets, want string
		flags                         map[string]string
	}{
		{
			"one bucket", "EXTERNAL_HOST = 'h'\nS3_AUTH_UPLOADS_BUCKET = 'upl'\n", "",
			"s3.avatars_bucket: is needed with s3.uploads_bucket: a server's files are in two buckets", nil,
		},
		{
			"code", withBuckets + "S3_AVATAR_BUCKET = os.environ['B']\n", "",
			"DIR/settings.py:8: s3.avatars_bucket: S3_AVATAR_BUCKET " + unread + "s3.avatars_bucket yourself", nil,
		},
		{"code that does not count", withBuckets + "S3_AVATAR_BUCKET = os.environ['B']\nLOCAL_UPLOADS_DIR = '/u'\n", "", "no error", nil},
		{"code that somebody replaced", withBuckets + "S3_AVATAR_BUCKET = os.environ['B']\n", "", "no error", map[string]string{"s3.avatars_bucket": "own"}},
		{
			"a folder in code", withBuckets + "LOCAL_UPLOADS_DIR = os.environ['D']\n", "",
			"DIR/settings.py:8: uploads: LOCAL_UPLOADS_DIR " + unread + "uploads yourself", nil,
		},
		{"no text", withBuckets + "S3_REGION = 5\n", "", "DIR/settings.py:8: s3.region: S3_REGION is not text; set s3.region yourself", nil},
		{
			"an odd style", withBuckets + "S3_ADDRESSING_STYLE = 'host'\n", "",
			`DIR/settings.py:8: s3.addressing: "host" must be one of auto, path, virtual`, nil,
		},
		{
			"half of the keys", withBuckets, "s3_key = hush\n",
			"--zulip-secrets: zulip.secrets: DIR/zulip-secrets.conf has s3_key but no s3_secret_key: the storage's keys belong together", nil,
		},
		{
			"the other half", withBuckets, "s3_key =\ns3_secret_key = hush\n",
			"--zulip-secrets: zulip.secrets: DIR/zulip-secrets.conf has s3_secret_key but no s3_key: the storage's keys belong together", nil,
		},
		{"half that nobody wants", withBuckets, "s3_key = hush\n", "no error", map[string]string{"s3.profile": "p"}},
		{"half of a server without S3", settingsPy, "s3_key = hush\n", "no error", nil},
		{"half, the other given", withBuckets, keys, "s3.secret_key: is needed with s3.access_key", map[string]string{"s3.access_key": "own"}},
		{
			"a login", withBuckets, keys,
			`--download-require-login: download.require_login: "true" must be false with archives in a bucket, whose links carry their own permission: ` +
				"set archives to a folder if a login is needed",
			map[string]string{"download.require_login": "true"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			flags, dir := zulipServer(t, tt.settings)
			addSecrets(t, dir, tt.secrets)
			maps.Copy(flags, tt.flags)
			_, err := Load(Sources{Flags: flags})
			got := strings.ReplaceAll(text(err), dir, "DIR")
			if diff := cmp.Diff(tt.want, got); diff != "" || strings.Contains(got, "hush") {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("secrets that are not there", func(t *testing.T) {
		t.Parallel()
		flags, dir := zulipServer(t, withBuckets)
		flags["avatar_salt"] = "own"
		if err := os.Remove(filepath.Join(dir, "zulip-secrets.conf")); err != nil {
			t.Fatal(err)
		}
		_, err := Load(Sources{Flags: flags})
		if got, want := text(err), "or give s3.access_key and s3.secret_key"; !strings.HasSuffix(got, want) {
			t.Errorf("got %s, want it to end with %s", got, want)
		}
		delete(flags, "avatar_salt")
		_, err = Load(Sources{Flags: flags})
		if got := text(err); strings.Count(got, "cannot read the server's secrets") != 1 {
			t.Errorf("got %s, want it once", got)
		}
	})
}

// addSecrets adds lines to a server's secrets.
func addSecrets(t *testing.T, dir, lines string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "zulip-secrets.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(lines); err != nil {
		t.Fatal(err)
	}
}

// TestCheckOfBuckets checks that no folder is looked for in place of a bucket.
func TestCheckOfBuckets(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string]map[string]string{
		"files and archives": outside(map[string]string{"s3.uploads_bucket": "upl", "s3.avatars_bucket": "ava"}),
		"archives":           {"s3.archives_bucket": "arc"},
	} {
		flags["data"] = t.TempDir()
		flags["s3.endpoint"] = "http://127.0.0.1:1"
		if err := load(t, Sources{Flags: flags}).Check(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
