package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realmport/realmport"
)

// compare shows how configurations differ.
func compare(want, got *Config) string {
	return cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{}), cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{}))
}

// defaults are those of the embedded store.
func defaults() *Config {
	return &Config{
		Listen: "127.0.0.1:8420", Data: "realmport-data",
		Uploads: "realmport-data/uploads", Archives: "realmport-data/uploads/avatars", Work: "realmport-data/tmp",
		ExternalHost: "localhost:8420", Scheme: "http", RootSubdomainAliases: []string{"www"},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		Administrator:  "zulip-admin@example.com", ZulipFeatureLevel: 372, Profile: Realmport,
		Policy: Policy{
			MaxMessages: 10_000_000, MaxUploadBytes: 1 << 40, ExportsPerWeek: 5, Who: Administrators,
			ResendWindow: time.Minute, Redelivery: Keep, Attempts: 3,
		},
		RateLimit: Rates{{time.Minute, 200}}, Jobs: Jobs{Schema: "realmport"},
		S3:      S3{Addressing: "auto", Parallel: 32},
		Parts:   Parts{MinMessages: 100_000, MinUploadBytes: 1 << 30, Width: 32, Tries: 3},
		Limits:  Limits{ExportsPerRealm: 1, SnapshotAge: 24 * time.Hour, LockTimeout: time.Minute},
		Workers: max(1, min(runtime.GOMAXPROCS(0)-1, 8)), Compression: 2, ConcurrentExports: 1, MaxBody: 25 << 20,
		Heartbeat: 2 * time.Second, Stale: time.Minute, Shutdown: 30 * time.Second,
		Log: Log{Level: slog.LevelInfo, Format: "text"},
	}
}

func load(t *testing.T, from Sources) *Config {
	t.Helper()
	c, err := Load(from)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file string
		change     func(*Config)
	}{
		{"nothing", "", func(*Config) {}},
		{"an empty file", "# nothing\n---\n", func(*Config) {}},
		{"keys without values", "listen:\npolicy:\ndownload:\n  ttl: ~\n", func(*Config) {}},
		{"the reference's profile", "profile: zulip\n", func(c *Config) {
			c.Profile = Reference
			c.Policy = Policy{
				MaxMessages: 250_000, MaxUploadBytes: 20 << 30, ExportsPerWeek: 5, CountFailed: true, Who: Administrators,
				Redelivery: Fail, Attempts: 1,
			}
		}},
		{"a profile with keys", "profile: zulip\npolicy: {max_messages: 7, redelivery: keep, attempts: 2}\n", func(c *Config) {
			c.Profile = Reference
			c.Policy = Policy{
				MaxMessages: 7, MaxUploadBytes: 20 << 30, ExportsPerWeek: 5, CountFailed: true, Who: Administrators,
				Redelivery: Keep, Attempts: 2,
			}
		}},
		{"another folder", "data: /var/lib/realmport/", func(c *Config) {
			c.Data, c.Work = "/var/lib/realmport", "/var/lib/realmport/tmp"
			c.Uploads, c.Archives = "/var/lib/realmport/uploads", "/var/lib/realmport/uploads/avatars"
		}},
		{"other uploads", "uploads: /srv/uploads", func(c *Config) { c.Uploads, c.Archives = "/srv/uploads", "/srv/uploads/avatars" }},
		{"any port", "listen: 127.0.0.1:0", func(c *Config) { c.Listen, c.ExternalHost = "127.0.0.1:0", "" }},
		{"a server's database", "{source: postgres:///zulip, external_host: chat.example.com, uploads: /u}", func(c *Config) {
			c.Source, c.ExternalHost, c.Scheme, c.ConcurrentExports = "postgres:///zulip", "chat.example.com", "https", 2
			c.Workers = min(runtime.GOMAXPROCS(0), 8)
			c.Uploads, c.Archives = "/u", "/u/avatars"
			c.Warnings = []string{
				"no avatar_salt or zulip.secrets: avatars are left out of archives",
				"no zulip.deployment or zulip.migration_status: servers that import an archive cannot check that its migrations are the same",
				"no zulip_version: Zulip will refuse to import the archives",
			}
		}},
		{"no uploads", "{source: postgres:///zulip, external_host: h, archives: /a, avatar_salt: s, zulip_version: '11.0', zulip: {deployment: }}", func(c *Config) {
			c.Source, c.ExternalHost, c.Scheme, c.ConcurrentExports = "postgres:///zulip", "h", "https", 2
			c.Workers = min(runtime.GOMAXPROCS(0), 8)
			c.Uploads, c.Archives, c.AvatarSalt, c.ZulipVersion = "", "/a", "s", "11.0"
			c.Warnings = []string{
				"no uploads: uploaded files, avatars, custom emoji and icons are left out of archives",
				"no zulip.deployment or zulip.migration_status: servers that import an archive cannot check that its migrations are the same",
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := defaults()
			tt.change(want)
			if diff := compare(want, load(t, Sources{File: []byte(tt.file)})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// write makes a file of the test that only its user may read, and returns its name.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTable checks the names of settings and that their defaults are what a file may say.
func TestTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	keys := regexp.MustCompile(`^([a-z][a-z0-9]*\.)?[a-z]+(_[a-z]+)*$`)
	for _, s := range table() {
		for _, name := range []string{s.Key, s.Env, "--" + s.Flag} {
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
		}
		if !keys.MatchString(s.Key) || s.Form == "" || !strings.HasSuffix(s.Help, ".") {
			t.Errorf("%+v: want a key of small letters, a form, and sentences of help", s.Setting)
		}
		for _, text := range []string{s.Default, s.Reference} {
			if text == "" {
				continue
			}
			var c Config
			if rule := s.set(&c, text); rule != "" {
				t.Errorf("default of %s: %q %s", s.Key, text, rule)
			} else if got := s.get(&c); got != text && s.Key != "data" {
				t.Errorf("default of %s: got %q, want %q", s.Key, got, text)
			}
		}
	}
	if len(Describe()) != len(table()) {
		t.Errorf("got %d descriptions, want %d", len(Describe()), len(table()))
	}
}

// TestSecretsAreHidden checks that no way of writing out a configuration shows its secrets.
func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	c := load(t, Sources{Flags: map[string]string{
		"source": "postgres://u:hushhush@h/zulip", "avatar_salt": "hushhush", "jobs.database": "password=hushhush", "external_host": "h", "uploads": "/u",
		"s3.access_key": "hushhush", "s3.secret_key": "hushhush", "download.key": strings.Repeat("hush", 8),
	}})
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("config", "config", c)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "config", *c, "source", c.Source)
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %v %s %s", c, c, c, c.Source, c.Source, c.Values(), asJSON, log.String())
	if strings.Contains(all, "hush") {
		t.Errorf("got a secret in %s", all)
	}
	if !strings.Contains(log.String(), "config.external_host=h") {
		t.Errorf("got %s, want the host that was given", log.String())
	}
}

func TestProblemsAreErrors(t *testing.T) {
	t.Parallel()
	_, err := Load(Sources{Flags: map[string]string{"listen": "x"}})
	var problems Problems
	want := Problems{{Key: "listen", Value: "x", Rule: "must be an address and a port, as in 127.0.0.1:8420 or [::1]:8420", Where: "--listen"}}
	if !errors.As(err, &problems) || realmport.ErrorCode(err) != realmport.Invalid {
		t.Fatalf("got %#v, want Invalid with problems", err)
	}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
