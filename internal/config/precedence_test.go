package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// samples are three values of each setting, in the form in which they are shown again.
var samples = map[string][3]string{
	"listen":                       {"127.0.0.1:1", "[::1]:2", ":3"},
	"data":                         {"/a", "/b", "c"},
	"source":                       {"postgres:///a", "postgresql://u@h/b", "host=/run dbname='c d'"},
	"uploads":                      {"/a", "/b", "/c"},
	"archives":                     {"/a", "/b", "/c"},
	"work":                         {"/a", "/b", "/c"},
	"external_host":                {"a.example.com", "b:1", "[::1]:3"},
	"scheme":                       {"https", "http", "https"},
	"realm_hosts":                  {"a=h1", "a=h2,b=h3", "b=h4:5"},
	"root_subdomain_aliases":       {"www,home", "b", "c"},
	"root_domain_landing_page":     {"true", "false", "true"},
	"allowed_hosts":                {"*", ".example.com,h", "10.0.0.1:5"},
	"trusted_proxies":              {"10.0.0.0/8", "fd00::/8,192.0.2.1/32", "192.0.2.0/24"},
	"administrator":                {"a@example.com", "b@example.com", "c@example.com"},
	"avatar_salt":                  {"aa", "bb", "cc"},
	"zulip_version":                {"11.0", "11.1", "11.0-dev+git"},
	"zulip_merge_base":             {"11.0", "11.1", "11.0-beta1"},
	"zulip_feature_level":          {"304", "506", "421"},
	"workers":                      {"1", "2", "256"},
	"compression":                  {"1", "5", "9"},
	"concurrent_exports":           {"1", "3", "64"},
	"max_body":                     {"1KiB", "1MiB", "3TiB"},
	"heartbeat":                    {"1s", "2s", "15s"},
	"stale":                        {"1m", "2m30s", "1h"},
	"shutdown":                     {"0s", "1m30s", "2h"},
	"zulip.settings":               {"", "", ""}, // made by the test
	"zulip.secrets":                {"", "", ""},
	"zulip.deployment":             {"", "", ""},
	"zulip.migration_status":       {"", "", ""},
	"profile":                      {"realmport", "zulip", "realmport"},
	"s3.endpoint":                  {"https://a.example.com", "http://127.0.0.1:9000", "http://[::1]:9000"},
	"s3.region":                    {"eu-central-1", "us-east-1", "Garage"},
	"s3.addressing":                {"path", "virtual", "auto"},
	"s3.access_key":                {"AKIA1", "AKIA2", "AKIA3"},
	"s3.secret_key":                {"aa", "b/b+", "cc="},
	"s3.profile":                   {"a", "b", "c"},
	"s3.sse":                       {"aws:kms", "AES256", "aws:kms"},
	"s3.kms_key":                   {"arn:aws:kms:eu-central-1:1:key/a", "alias/b", "c"},
	"s3.uploads_bucket":            {"aaa", "b.b", "c-c"},
	"s3.avatars_bucket":            {"aaa", "b.b", "c-c"},
	"s3.archives_bucket":           {"aaa", "b.b", "c-c"},
	"s3.parallel":                  {"1", "64", "256"},
	"parts.min_messages":           {"0", "1", "9223372036854775807"},
	"parts.min_upload_bytes":       {"0", "1", "1TiB"},
	"parts.width":                  {"1", "2", "1024"},
	"parts.tries":                  {"1", "2", "20"},
	"limits.exports":               {"1", "0", "2147483647"},
	"limits.exports_per_realm":     {"0", "1", "2"},
	"limits.rows_per_second":       {"1", "0", "50000"},
	"limits.bytes_per_second":      {"20MiB", "0", "1GiB"},
	"limits.replication_lag":       {"30s", "0s", "1h"},
	"limits.replication_lag_bytes": {"16MiB", "0", "1GiB"},
	"limits.statements":            {"20", "0", "100"},
	"limits.connections":           {"80", "0", "100"},
	"limits.snapshot_age":          {"12h", "0s", "2d"},
	"limits.statement_timeout":     {"1h", "0s", "24d"},
	"limits.lock_timeout":          {"10s", "0s", "1.5s"},
	"limits.idle_timeout":          {"1m", "0s", "1ms"},
	"policy.max_messages":          {"0", "1", "9223372036854775807"},
	"policy.max_upload_bytes":      {"0", "1", "1KiB"},
	"policy.exports_per_week":      {"0", "1", "100"},
	"policy.count_failed":          {"true", "false", "true"},
	"policy.who":                   {"owners", "administrators", "owners"},
	"policy.full":                  {"true", "false", "true"},
	"policy.resend_window":         {"0s", "1s", "1d"},
	"policy.redelivery":            {"keep", "keep", "keep"}, // fail would need attempts
	"policy.attempts":              {"1", "2", "100"},
	"rate_limit":                   {"60:200", "1:2,60:20", "3600:1"},
	"download.require_login":       {"true", "false", "true"},
	"download.ttl":                 {"0s", "7d", "12h"},
	"download.key":                 {"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"},
	"metrics_listen":               {"127.0.0.1:1", "[::1]:2", ":3"},
	"replica":                      {"postgres:///a", "postgres:///b", "host=c"},
	"jobs.database":                {"postgres:///a", "postgres:///b", "host=c"},
	"jobs.schema":                  {"a", "b_1", "_c"},
	"log.level":                    {"debug", "warn", "error"},
	"log.format":                   {"json", "text", "json"},
}

// inYAML writes a setting as a file does.
func inYAML(key, value string) string {
	if section, name, ok := strings.Cut(key, "."); ok {
		return fmt.Sprintf("%s:\n  %s: %q\n", section, name, value)
	}
	return fmt.Sprintf("%s: %q\n", key, value)
}

// valueOf returns what is shown of a setting.
func valueOf(c *Config, key string) Value {
	for _, v := range c.Values() {
		if v.Key == key {
			return v
		}
	}
	return Value{}
}

// TestPrecedence checks for every setting that the file, the environment and flags give it, the later before the earlier.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	for _, s := range table() {
		t.Run(s.Key, func(t *testing.T) {
			t.Parallel()
			values, ok := samples[strings.TrimSuffix(s.Key, "_file")]
			if !ok {
				t.Fatalf("no samples of %s", s.Key)
			}
			key, where := s.Key, [3]string{"file.yaml:1", s.Env, "--" + s.Flag}
			if strings.Contains(key, ".") {
				where[0] = "file.yaml:2"
			}
			given := values
			for i, v := range values {
				if s.secretOf != "" {
					key, given[i] = s.secretOf, write(t, fmt.Sprint("secret", i), v+"\n")
					where[i] += ": " + given[i]
				}
				switch key {
				case "zulip.settings":
					given[i] = write(t, fmt.Sprint("settings", i, ".py"), "# nothing\n")
				case "zulip.secrets":
					given[i] = write(t, fmt.Sprint("secrets", i, ".conf"), "avatar_salt = 1\n")
				case "zulip.migration_status":
					given[i] = write(t, fmt.Sprint("status", i, ".json"), `{"migrations_by_app": {}, "zulip_version": "11.0"}`)
				case "zulip.deployment":
					given[i] = filepath.Dir(write(t, "version.py", "ZULIP_VERSION = '11.0'\n"))
				}
			}
			// What this setting cannot be without.
			flags := map[string]string{"external_host": "h", "archives": "/a", "source": "postgres:///x"}
			maps.Copy(flags, map[string]map[string]string{
				"s3.access_key":     {"s3.secret_key": "s"},
				"s3.secret_key":     {"s3.access_key": "a"},
				"s3.kms_key":        {"s3.sse": "aws:kms"},
				"s3.uploads_bucket": {"s3.avatars_bucket": "other"},
				"s3.avatars_bucket": {"s3.uploads_bucket": "other"},
			}[key])
			delete(flags, key)
			if key == "s3.archives_bucket" {
				delete(flags, "archives")
			}
			for upTo := range 3 {
				from := Sources{FileName: "file.yaml", Flags: map[string]string{}}
				for k, v := range flags {
					from.Flags[k] = v
				}
				from.File = []byte(inYAML(s.Key, given[0]))
				if upTo > 0 {
					from.Env = func(name string) string { return map[string]string{s.Env: given[1]}[name] }
					from.Names = []string{s.Env}
				}
				if upTo > 1 {
					from.Flags[s.Key] = given[2]
				}
				want := Value{key, values[upTo], where[upTo]}
				if strings.HasPrefix(key, "zulip.") {
					want.Text = given[upTo]
				}
				if s.Secret || s.secretOf != "" {
					want.Text = hidden
				}
				c := load(t, from)
				if diff := cmp.Diff(want, valueOf(c, key)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				for k, got := range map[string]Secret{"source": c.Source, "avatar_salt": c.AvatarSalt, "jobs.database": c.Jobs.Database, "replica": c.Replica, "s3.access_key": c.S3.AccessKey, "s3.secret_key": c.S3.SecretKey} {
					if k == key && string(got) != values[upTo] {
						t.Errorf("%s: got %q, want %q", k, string(got), values[upTo])
					}
				}
			}
		})
	}
}
