package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRules checks for each setting what it must not be, and what is said then.
func TestRules(t *testing.T) {
	t.Parallel()
	const (
		aPath    = "must be a path of printable characters"
		aHost    = "must be a host, with a port if it is not the usual one, as in chat.example.com or localhost:8420"
		aHostMap = "must be a mapping of organizations' string_ids to hosts, each a host, with a port if it is not the usual one, " +
			"as in chat.example.com or localhost:8420"
		aDSN = "must be a connection string of PostgreSQL, as in postgres://realmport@127.0.0.1/zulip or " +
			"host=/run/postgresql dbname=zulip"
		anAddress  = "must be an address and a port, as in 127.0.0.1:8420 or [::1]:8420"
		aBoolean   = "must be true or false"
		aDuration  = "must be a duration such as 30s, 5m, 12h or 7d"
		aSize      = "must be a size such as 500MB, 20GiB or 1TiB"
		aVersion   = "must be a version of printable characters"
		aSchema    = "must be a name of lower-case letters, digits and _ that does not begin with pg_"
		aNetwork   = "must be a list, of which each must be an address or a range of them, but not of all, as in 127.0.0.1 or 10.1.0.0/16"
		anAllowed  = "must be a list, of which each must be a host such as chat.example.com, a domain with all below it such as .example.com, or *"
		aSubdomain = "must be a list, of which each must be a subdomain such as www"
		aRate      = "must be limits such as 60:200 (in 60 seconds 200 requests), with commas between them, shortest time first"
		aTimeout   = aDuration + ", of at most 24d and of whole milliseconds"
		anEndpoint = "must be an address without a path, bucket or password in it, as in https://s3.example.com or http://127.0.0.1:9000"
		aBucket    = "must be a bucket's name: 3 to 63 small letters, digits, dots and hyphens, with a letter or digit at both ends"
		upToInt32  = "must be a whole number from 0 to 2147483647"
		anEmail    = "must be an e-mail address, as in admin@example.com or Admin <admin@example.com>"
	)
	rules := map[string]struct {
		rule string
		bad  []string
	}{
		"listen":                   {anAddress, []string{"", "8420", "localhost", "h:65536", "h:-1", "h:http", "h:080", "a b:1", "::1:80", "http://h:1"}},
		"data":                     {aPath, []string{"a\nb", "\x1b[2J"}},
		"source":                   {aDSN, []string{"zulip", "mysql://h/zulip", "postgres://u:%zz@h/zulip", "host", "host=a b", "host='a", "a=b\n", "/var/lib/zulip.db", "http://h/?x=y"}},
		"uploads":                  {aPath, []string{"a\x00"}},
		"archives":                 {aPath, []string{"a\x00"}},
		"work":                     {aPath, []string{"a\x00"}},
		"external_host":            {aHost, []string{"", "https://chat.example.com", "chat.example.com/", "a b", "-a.example.com", "a..b", "h:0x", "h:99999", strings.Repeat("a.", 200) + "b"}},
		"scheme":                   {"must be one of https, http", []string{"", "HTTPS", "https://", "ftp"}},
		"realm_hosts":              {aHostMap, []string{"a", "a=", "=h", "A=h", "a=h,a=h2", "a=b=c", "a=h,", "a=https://h"}},
		"root_subdomain_aliases":   {aSubdomain, []string{"a.b", "www,", ",", "-a"}},
		"root_domain_landing_page": {aBoolean, []string{"", "yes", "True", "1"}},
		"allowed_hosts":            {anAllowed, []string{"*.example.com", ".", "https://h", "a,,b"}},
		"trusted_proxies":          {aNetwork, []string{"localhost", "0.0.0.0/0", "::/0", "10.0.0.0/33", "fe80::1%eth0", "10.0.0"}},
		"administrator":            {anEmail, []string{"", "admin", "a@b c", "a@b, c@d", "<a@b", "Name a@b"}},
		"avatar_salt":              {"must be text of printable characters", []string{"a\nb", "\x00"}},
		"zulip_version":            {aVersion, []string{"11\n"}},
		"zulip_merge_base":         {aVersion, []string{"11\n"}},
		"zulip_feature_level":      {"must be a whole number from 304 to 2147483647", []string{"", "303", "2147483648", "x", "3.72e2"}},
		"workers":                  {"must be a whole number from 1 to 256", []string{"0", "257", "-1", "1_", "+1"}},
		"compression":              {"must be a whole number from 1 to 9", []string{"0", "10"}},
		"concurrent_exports":       {"must be a whole number from 1 to 64", []string{"0", "65"}},
		"max_body":                 {aSize + " of at least 1KiB", []string{"", "1023", "-5", "1 XB", "1.5MiB", "9223372036854775807KiB", "99999999999999999999"}},
		"heartbeat":                {aDuration + " of at least 1s", []string{"", "5", "999ms", "-1s", "1w", "0d"}},
		"stale":                    {aDuration + " of at least 1s", []string{"0s"}},
		"shutdown":                 {aDuration, []string{"-1s", "d", "1.5d", "999999999d", "9999999999999d"}},
		"profile":                  {"must be one of realmport, zulip", []string{"", "Zulip", "other"}},
		"s3.endpoint": {anEndpoint, []string{
			"s3.example.com", "s3://b", "https://", "https://h/bucket", "https://h?x=y", "https://h#x", "https://h:x", "https://h:", "http://::1", "http://a b",
			"http://[fe80::1%25eth0]:1", "https://h:99999", "https://h\n",
		}},
		"s3.region":                    {"must be a region's name, as in eu-central-1", []string{"eu central", "-a", "a/b", strings.Repeat("a", 64)}},
		"s3.addressing":                {"must be one of auto, path, virtual", []string{"", "host", "Path"}},
		"s3.access_key":                {"must be text of printable characters", []string{"a\nb"}},
		"s3.secret_key":                {"must be text of printable characters", []string{"a\nb"}},
		"s3.profile":                   {"must be a name of printable characters", []string{"a\nb"}},
		"s3.sse":                       {"must be one of AES256, aws:kms", []string{"aes256", "kms"}},
		"s3.kms_key":                   {"must be a key's name of printable characters", []string{"a\nb"}},
		"s3.uploads_bucket":            {aBucket, []string{"ab", "Abc", "-abc", "abc-", ".abc", "a..b", "a_b", "192.168.1.2", "a/b", "s3://abc", strings.Repeat("a", 64)}},
		"s3.avatars_bucket":            {aBucket, []string{"ab", "abc."}},
		"s3.archives_bucket":           {aBucket, []string{"ab", "ab\n"}},
		"s3.parallel":                  {"must be a whole number from 1 to 256", []string{"", "0", "257"}},
		"parts.min_messages":           {"must be a whole number of 0 or more", []string{"", "-1", "1e6"}},
		"parts.min_upload_bytes":       {aSize, []string{"", "-1", "1 bytes"}},
		"parts.width":                  {"must be a whole number from 1 to 1024", []string{"0", "1025"}},
		"parts.tries":                  {"must be a whole number from 1 to 20", []string{"0", "21"}},
		"limits.exports":               {upToInt32, []string{"-1", "2147483648"}},
		"limits.exports_per_realm":     {upToInt32, []string{"-1", "none"}},
		"limits.rows_per_second":       {"must be a whole number of 0 or more", []string{"-1", "10k"}},
		"limits.bytes_per_second":      {aSize, []string{"-1", "10MB/s"}},
		"limits.replication_lag":       {aDuration, []string{"-1s", "30"}},
		"limits.replication_lag_bytes": {aSize, []string{"-1", "1XB"}},
		"limits.statements":            {"must be a whole number from 0 to 2147483647", []string{"-1", "x"}},
		"limits.connections":           {"must be a whole number from 0 to 100", []string{"-1", "101", "80%"}},
		"limits.snapshot_age":          {aDuration, []string{"-1s", "1"}},
		"limits.statement_timeout":     {aTimeout, []string{"-1s", "25d", "1us", "1.5ms"}},
		"limits.lock_timeout":          {aTimeout, []string{"", "25d", "1ns"}},
		"limits.idle_timeout":          {aTimeout, []string{"-1ms", "577h"}},
		"policy.max_messages":          {"must be a whole number of 0 or more", []string{"-1", "1e6", "many", "9223372036854775808"}},
		"policy.max_upload_bytes":      {aSize, []string{"-1", "1 bytes", "20 Gi"}},
		"policy.exports_per_week":      {"must be a whole number from 0 to 2147483647", []string{"-1", "2147483648"}},
		"policy.count_failed":          {aBoolean, []string{"no"}},
		"policy.who":                   {"must be one of administrators, owners", []string{"members", "admins"}},
		"policy.full":                  {aBoolean, []string{"owners"}},
		"policy.resend_window":         {aDuration, []string{"-1s", "1"}},
		"policy.redelivery":            {"must be one of keep, fail", []string{"retry"}},
		"policy.attempts":              {"must be a whole number from 1 to 100", []string{"0", "101"}},
		"rate_limit":                   {aRate, []string{"", "60", "60:0", "0:60", "60:200,1:5", "60:-1", "1m:60", "60:200;1:5"}},
		"download.require_login":       {aBoolean, []string{"maybe"}},
		"download.ttl":                 {aDuration, []string{"-7d", "7 days"}},
		"download.key":                 {"must be text of at least 32 printable characters", []string{"short", "0123456789012345678901234567890\x00x"}},
		"metrics_listen":               {anAddress, []string{"", "8420", "localhost"}},
		"replica":                      {aDSN, []string{"queue", "sqlite:///x"}},
		"jobs.database":                {aDSN, []string{"queue", "sqlite:///x"}},
		"jobs.schema":                  {aSchema, []string{"", "A", "a-b", "pg_x", "1a", strings.Repeat("a", 64)}},
		"log.level":                    {"must be one of debug, info, warn, error", []string{"", "INFO", "trace"}},
		"log.format":                   {"must be one of text, json", []string{"xml"}},
	}
	for _, s := range table() {
		if s.secretOf != "" || strings.HasPrefix(s.Key, "zulip.") {
			continue // their files are tested by themselves
		}
		want, ok := rules[s.Key]
		if !ok {
			t.Errorf("no bad values of %s", s.Key)
		}
		for _, bad := range want.bad {
			t.Run(s.Key+"="+bad, func(t *testing.T) {
				t.Parallel()
				_, err := Load(Sources{Flags: map[string]string{s.Key: bad}})
				message := "--" + s.Flag + ": " + s.Key + ": "
				switch {
				case s.Secret:
					message += hidden + " " + want.rule
				case bad == "":
					message += want.rule
				default:
					message += quoted(bad) + " " + want.rule
				}
				if s.Secret && bad == "" {
					t.Fatal("no secret is no problem")
				}
				if got := text(err); got != message {
					t.Errorf("got %s\nwant %s", got, message)
				}
			})
		}
	}
}

func text(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

// TestRulesTogether checks the settings that must fit each other.
func TestRulesTogether(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		flags map[string]string
		want  string
	}{
		{
			"a source without a host",
			map[string]string{"source": "postgres:///zulip", "uploads": "/u"},
			"external_host: is needed with a source: set it to the server's EXTERNAL_HOST, or set zulip.settings",
		},
		{
			"a source without folders",
			map[string]string{"source": "postgres:///zulip", "external_host": "h"},
			"archives: is needed with a source that has no uploads: set it, or s3.archives_bucket, or uploads, or zulip.settings",
		},
		{
			"beats too slow",
			map[string]string{"heartbeat": "30s"},
			"stale: must be at least three heartbeats, which are 1m30s",
		},
		{
			"stale too soon",
			map[string]string{"stale": "5s"},
			`--stale: stale: "5s" must be at least three heartbeats, which are 6s`,
		},
		{
			"tries that fail",
			map[string]string{"profile": "zulip", "policy.attempts": "2"},
			`--policy-attempts: policy.attempts: "2" must be 1 if policy.redelivery is fail: another attempt is a job that comes twice`,
		},
		{
			"a queue elsewhere",
			map[string]string{"jobs.database": "postgres://u:hush@h/x"},
			"--jobs-database: jobs.database: *** is for a source in PostgreSQL: leave it out with the embedded store",
		},
		{
			"one host for two",
			map[string]string{"realm_hosts": "b=h,c=i,a=h"},
			`--realm-hosts: realm_hosts: "b=h,c=i,a=h" has one host for a and b: each needs its own`,
		},
		{"no folder", map[string]string{"data": ""}, "--data: data: must not be empty"},
		{
			"unknown",
			map[string]string{"polcy.max_messages": "5", "x": "hush"},
			"the configuration has 2 problems:\n  flag: polcy.max_messages: is not a setting: did you mean max_messages in policy?\n" +
				"  flag: x: is not a setting",
		},
		{
			"all at once, without what follows from others",
			map[string]string{"source": "hush", "stale": "x", "policy.attempts": "0", "log.level": "loud"},
			"the configuration has 4 problems:\n" +
				"  --source: source: *** must be a connection string of PostgreSQL, as in postgres://realmport@127.0.0.1/zulip or " +
				"host=/run/postgresql dbname=zulip\n" +
				"  --stale: stale: \"x\" must be a duration such as 30s, 5m, 12h or 7d of at least 1s\n" +
				"  --policy-attempts: policy.attempts: \"0\" must be a whole number from 1 to 100\n" +
				"  --log-level: log.level: \"loud\" must be one of debug, info, warn, error",
		},
		{"a secret elsewhere", map[string]string{"listen": "postgres://u:hush@h"}, "--listen: listen: *** must be an address and a port, as in 127.0.0.1:8420 or [::1]:8420"},
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

func TestMisspeltVariables(t *testing.T) {
	t.Parallel()
	names := []string{"HOME", "REALMPORT_LISTEN", "REALMPORT_GOLDEN", "REALMPORT_TEST_REQUIRE", "REALMPORT_CONFIG"}
	load(t, Sources{Names: names})
	_, err := Load(Sources{Names: append(names, "REALMPORT_POLICY_MAX_MESAGES", "REALMPORT_SOURCE_FIEL")})
	want := "the configuration has 2 problems:\n  REALMPORT_POLICY_MAX_MESAGES: is not a setting: did you mean REALMPORT_POLICY_MAX_MESSAGES?\n" +
		"  REALMPORT_SOURCE_FIEL: is not a setting: did you mean REALMPORT_SOURCE_FILE?"
	if diff := cmp.Diff(want, text(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
