package config

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const wholeFile = `# A configuration.
listen: 127.0.0.1:9000
realm_hosts:
  acme: chat.acme.example.org
  ops: ops.example.net:8443
root_subdomain_aliases: [www, home]
allowed_hosts:
  - .example.org
  - "*"
trusted_proxies: 10.0.0.0/8, 192.0.2.1
administrator: "Admin <admin@example.org>"
zulip_feature_level: 400
workers: 4
max_body: 1 MiB
rate_limit: 60:200
policy:
  max_messages: 1_000_000
  max_upload_bytes: 3TiB
  count_failed: true
  resend_window: 90s
log: {level: debug, format: json}
`

func TestFile(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"plain":             wholeFile,
		"Windows line ends": strings.ReplaceAll(wholeFile, "\n", "\r\n"),
		"a document":        "---\n" + wholeFile + "...\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := map[string]string{
				"listen": "127.0.0.1:9000", "realm_hosts": "acme=chat.acme.example.org,ops=ops.example.net:8443",
				"root_subdomain_aliases": "www,home", "allowed_hosts": ".example.org,*", "trusted_proxies": "10.0.0.0/8,192.0.2.1/32",
				"administrator": "admin@example.org", "zulip_feature_level": "400", "workers": "4", "max_body": "1MiB",
				"rate_limit": "60:200", "policy.max_messages": "1000000", "policy.max_upload_bytes": "3TiB", "policy.count_failed": "true",
				"policy.resend_window": "1m30s", "log.level": "debug", "log.format": "json",
			}
			got := map[string]string{}
			for _, v := range load(t, Sources{File: []byte(content), FileName: "file.yaml"}).Values() {
				if v.Where != "" {
					got[v.Key] = v.Text
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEmptyLists(t *testing.T) {
	t.Parallel()
	c := load(t, Sources{File: []byte("root_subdomain_aliases: []\ntrusted_proxies: ''\nrealm_hosts: {}\n")})
	if len(c.RootSubdomainAliases) != 0 || len(c.TrustedProxies) != 0 || len(c.RealmHosts) != 0 {
		t.Errorf("got %v, %v, %v, want none", c.RootSubdomainAliases, c.TrustedProxies, c.RealmHosts)
	}
}

func TestFileProblems(t *testing.T) {
	t.Parallel()
	const (
		oneValue = ": must be one value, written out, without tags, anchors and commas in it"
		aList    = ": must be a list of values, written out, without tags, anchors and commas in it"
		aMapping = ": must be a mapping of names to values, written out, without tags, anchors and commas in it"
		notYAML  = ": is not YAML: look for missing quotes, colons and wrong indentation"
	)
	for _, tt := range []struct{ name, content, want string }{
		{"no YAML", "data: /x\nlisten: a: b", "f.yaml:2" + notYAML},
		{"a tab", "policy:\n\tattempts: 1", "f.yaml:2" + notYAML},
		{"no secret of it", "source: 'postgres://u:hush@h/zulip\n", "f.yaml:2" + notYAML},
		{"no such anchor", "listen: *hush\n", "f.yaml" + notYAML},
		{"bytes", "listen: \xff\xfe\n", "f.yaml" + notYAML},
		{"a list", "- listen\n", "f.yaml:1: must be a mapping of keys to values"},
		{"a text", "\n\nhello\n", "f.yaml:3: must be a mapping of keys to values"},
		{"two documents", "listen: h:1\n---\ndata: /x\n", "f.yaml:2: a second document begins: a configuration is a single one"},
		{"unknown", "lisen: h:1\n", "f.yaml:1: lisen: is not a setting: did you mean listen?"},
		{"unknown, like nothing", "frobnicate: hush\n", "f.yaml:1: frobnicate: is not a setting"},
		{"unknown in a section", "policy:\n  max_message: 1\n", "f.yaml:2: policy.max_message: is not a setting: did you mean max_messages in policy?"},
		{"outside of its section", "max_messages: 1\n", "f.yaml:1: max_messages: is not a setting: did you mean max_messages in policy?"},
		{"in the wrong section", "policy: {level: debug}\n", "f.yaml:1: policy.level: is not a setting: did you mean level in log?"},
		{"in a wrong section", "policy: {workers: 1}\n", "f.yaml:1: policy.workers: is not a setting: did you mean workers?"},
		{"with a dot", "policy.attempts: 1\n", "f.yaml:1: policy.attempts: is not a setting: did you mean attempts in policy?"},
		{"upper case", "Listen: h:1\n", "f.yaml:1: Listen: is not a setting: did you mean listen?"},
		{"a long key", strings.Repeat("k", 2000) + ": 1\n", "f.yaml: is not YAML: look for missing quotes, colons and wrong indentation"},
		{"a hostile key", "\"\\e[2J\": 1\n", `f.yaml:1: "\x1b[2J": is not a setting`},
		{"a secret key", "'postgres://u:hush@h/zulip': 1\n", "f.yaml:1: ***: is not a setting"},
		{"a key that is a list", "? [a]\n: 1\n", "f.yaml:1: has a key that is not a text"},
		{"twice", "listen: h:1\ndata: /x\nlisten: h:2\n", "f.yaml:3: listen: is given twice, first in line 1"},
		{"twice in a section", "log:\n  level: info\n  level: warn\n", "f.yaml:3: log.level: is given twice, first in line 2"},
		{"a section twice", "log: {level: info}\nlog: {format: json}\n", "f.yaml:2: log: is given twice, first in line 1"},
		{"a section with one value", "policy: strict\n", "f.yaml:1: policy: must be a mapping of keys to values"},
		{"a mapping for a value", "listen: {host: h}\n", "f.yaml:1: listen" + oneValue},
		{"a list for a value", "listen: [h:1]\n", "f.yaml:1: listen" + oneValue},
		{"a secret in a list", "source: [hush]\n", "f.yaml:1: source" + oneValue},
		{"a mapping for a list", "allowed_hosts: {a: b}\n", "f.yaml:1: allowed_hosts" + aList},
		{"a list in a list", "allowed_hosts: [[a]]\n", "f.yaml:1: allowed_hosts" + aList},
		{"nothing in a list", "allowed_hosts: [a, '']\n", "f.yaml:1: allowed_hosts" + aList},
		{"null in a list", "allowed_hosts: [a, ~]\n", "f.yaml:1: allowed_hosts" + aList},
		{"a comma in a list", "allowed_hosts: ['a,b']\n", "f.yaml:1: allowed_hosts" + aList},
		{"a list for a mapping", "realm_hosts: [a]\n", "f.yaml:1: realm_hosts" + aMapping},
		{"a mapping in a mapping", "realm_hosts: {a: {b: c}}\n", "f.yaml:1: realm_hosts" + aMapping},
		{"a sign in a mapping", "realm_hosts: {'a=b': c}\n", "f.yaml:1: realm_hosts" + aMapping},
		{"a tag", "workers: !!int 5\n", "f.yaml:1: workers" + oneValue},
		{"an unknown tag", "workers: !x 5\n", "f.yaml:1: workers" + oneValue},
		{"an anchor", "workers: &a 5\ncompression: *a\n", "the configuration has 2 problems:\n  f.yaml:1: workers" + oneValue + "\n  f.yaml:2: compression" + oneValue},
		{"an alias of all", "log: &a\n  level: info\npolicy: *a\n", "f.yaml:3: policy: must be a mapping of keys to values"},
		{"merged", "log:\n  <<: {level: info}\n", "f.yaml:2: log.<<: is not a setting"},
		{"a value with its line", "data: /x\nworkers: many\n", `f.yaml:2: workers: "many" must be a whole number from 1 to 256`},
		{"a value in the wrong unit", "policy:\n  attempts: 3s\n", `f.yaml:2: policy.attempts: "3s" must be a whole number from 1 to 100`},
		{"huge", strings.Repeat("# x\n", 1<<19), "f.yaml: is larger than 1024 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(Sources{File: []byte(tt.content), FileName: "f.yaml"})
			if got := text(err); !strings.HasPrefix(got, tt.want) || strings.Contains(got, "hush") {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		wholeFile, "", "---\n", "a: &a [*a]\n", "log: {level: info, level: x}\n", "? {}\n: 1", "!!binary x: y", "%YAML 1.1\n---\nlisten: h:1\n---\n",
		"source: 'hush\nlisten: [", "realm_hosts: {a: h, b: h}", "source_file: /dev/zero\navatar_salt: |\n  x\n",
		"s3: {endpoint: 'HTTP://[::1]:9000/', archives_bucket: a.b, sse: 'aws:kms', kms_key: k, profile: p}\nlimits: {lock_timeout: 1500ms}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		// Files that others name would make the result depend on the machine.
		flags := map[string]string{"zulip.settings": "", "zulip.secrets": "", "zulip.deployment": "", "source": "", "avatar_salt": "", "jobs.database": "", "replica": "", "download.key": "", "s3.access_key": "", "s3.secret_key": ""}
		c, err := Load(Sources{File: content, FileName: "f.yaml", Flags: flags})
		if err != nil {
			if message := err.Error(); c != nil || !utf8.ValidString(message) || strings.ContainsFunc(strings.ReplaceAll(message, "\n", " "), func(r rune) bool { return r < ' ' }) {
				t.Errorf("got %q, want a readable message and nothing else", message)
			}
			return
		}
		// What is shown of each setting says the same again.
		again := map[string]string{}
		for _, v := range c.Values() {
			if v.Text != "" && v.Text != hidden {
				again[v.Key] = v.Text
			}
		}
		second, err := Load(Sources{Flags: again})
		if err != nil {
			t.Fatalf("shown as %v: %v", again, err)
		}
		if diff := compare(c, second); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}
