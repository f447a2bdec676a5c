package config

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// zulipServer makes the files of a Zulip server, and returns the flags that name them.
func zulipServer(t *testing.T, settings string) (flags map[string]string, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range map[string]string{
		"settings.py":        settings,
		"zulip-secrets.conf": "[secrets]\navatar_salt = 0123abcd\npostgres_password = hush\n",
		"version.py":         "ZULIP_VERSION = \"11.4\"\nAPI_FEATURE_LEVEL = 421\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{
		"source": "postgres:///zulip", "zulip.settings": dir + "/settings.py", "zulip.secrets": dir + "/zulip-secrets.conf", "zulip.deployment": dir,
	}, dir
}

const settingsPy = `EXTERNAL_HOST = "Chat.example.com"
EXTERNAL_URI_SCHEME = "http://"
ZULIP_ADMINISTRATOR = "Support <support@example.com>"
REALM_HOSTS = {"acme": "chat.acme.example.org", "ops": "ops.example.net"}
ROOT_SUBDOMAIN_ALIASES = []
ROOT_DOMAIN_LANDING_PAGE = True
ALLOWED_HOSTS = [".example.org", "10.0.0.1"]
LOCAL_UPLOADS_DIR = "/home/zulip/uploads"
RATE_LIMITING_RULES = {"api_by_user": [(60, 100), (3600, 1000)]}
`

func TestZulipServer(t *testing.T) {
	t.Parallel()
	flags, dir := zulipServer(t, settingsPy)
	c := load(t, Sources{Flags: flags})
	want := map[string]Value{}
	for key, v := range map[string][2]string{
		"external_host": {"chat.example.com", "settings.py:1"}, "scheme": {"http", "settings.py:2"}, "administrator": {"support@example.com", "settings.py:3"},
		"realm_hosts": {"acme=chat.acme.example.org,ops=ops.example.net", "settings.py:4"}, "root_subdomain_aliases": {"", "settings.py:5"},
		"root_domain_landing_page": {"true", "settings.py:6"}, "allowed_hosts": {".example.org,10.0.0.1", "settings.py:7"},
		"uploads": {"/home/zulip/uploads", "settings.py:8"}, "archives": {"/home/zulip/uploads/avatars", ""}, "rate_limit": {"60:100,3600:1000", "settings.py:9"},
		"avatar_salt": {hidden, "zulip-secrets.conf"}, "zulip_version": {"11.4", "."}, "zulip_feature_level": {"421", "."}, "zulip_merge_base": {"", ""},
	} {
		where := v[1]
		if where != "" {
			where = filepath.Join(dir, where)
		}
		want[key] = Value{key, v[0], where}
	}
	for key := range want {
		if diff := cmp.Diff(want[key], valueOf(c, key)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if string(c.AvatarSalt) != "0123abcd" || len(c.Warnings) > 0 {
		t.Errorf("got salt %q, warnings %q", string(c.AvatarSalt), c.Warnings)
	}
}

// TestZulipServerYields checks that what somebody gave goes before what a server's files say, and makes up for what they do not.
func TestZulipServerYields(t *testing.T) {
	t.Parallel()
	flags, _ := zulipServer(t, strings.ReplaceAll(settingsPy, `"Chat.example.com"`, "socket.gethostname()"))
	given := map[string]string{
		"external_host": "own.example.com", "scheme": "https", "administrator": "own@example.com", "realm_hosts": "", "root_subdomain_aliases": "own",
		"root_domain_landing_page": "false", "allowed_hosts": "*", "uploads": "/own", "rate_limit": "1:1", "avatar_salt": "own",
		"zulip_version": "10.0", "zulip_merge_base": "10.0", "zulip_feature_level": "304",
	}
	maps.Copy(flags, given)
	c := load(t, Sources{Flags: flags})
	for key, text := range given {
		if key == "avatar_salt" {
			text = hidden
		}
		if got := valueOf(c, key); got.Text != text || !strings.HasPrefix(got.Where, "--") {
			t.Errorf("%s: got %+v, want %q", key, got, text)
		}
	}
}

func TestZulipServerProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, settings, want string }{
		{
			"code", "EXTERNAL_HOST = os.environ['HOST']\nLOCAL_UPLOADS_DIR = '/u'\n",
			`DIR/settings.py:1: external_host: EXTERNAL_HOST cannot be read without running Python: "os" in its value is more than text, numbers, ` +
				"lists and dictionaries of them; set external_host yourself",
		},
		{
			"another kind", "EXTERNAL_HOST = 'h'\nLOCAL_UPLOADS_DIR = 5\n",
			"DIR/settings.py:2: uploads: LOCAL_UPLOADS_DIR is not text; set uploads yourself",
		},
		{
			"no host", "LOCAL_UPLOADS_DIR = '/u'\nEXTERNAL_HOST = ''\n",
			"external_host: is needed with a source: set it to the server's EXTERNAL_HOST, or set zulip.settings",
		},
		{
			"no host that is one", "LOCAL_UPLOADS_DIR = '/u'\nEXTERNAL_HOST = 'https://h'\n",
			`DIR/settings.py:2: external_host: "https://h" must be a host, with a port if it is not the usual one, as in chat.example.com or localhost:8420`,
		},
		{
			"uploads elsewhere", "EXTERNAL_HOST = 'h'\nLOCAL_UPLOADS_DIR = None\n",
			"archives: is needed with a source that has no uploads: set it, or s3.archives_bucket, or uploads, or zulip.settings",
		},
		{
			"hosts with commas", "EXTERNAL_HOST = 'h'\nLOCAL_UPLOADS_DIR = '/u'\nALLOWED_HOSTS = ['a,b']\n",
			"DIR/settings.py:3: allowed_hosts: ALLOWED_HOSTS has a value that is not a host; set allowed_hosts yourself",
		},
		{"no Python", "EXTERNAL_HOST = 'h\n", "--zulip-settings: zulip.settings: DIR/settings.py is not a settings file of a Zulip server: line 1: a string is not closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			flags, dir := zulipServer(t, tt.settings)
			_, err := Load(Sources{Flags: flags})
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(text(err), dir, "DIR")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("no files", func(t *testing.T) {
		t.Parallel()
		_, err := Load(Sources{Flags: map[string]string{
			"source": "postgres:///zulip", "zulip.settings": "/none/s", "zulip.secrets": "/none/c", "zulip.deployment": "/none/d",
			"zulip.migration_status": "/none/m",
		}})
		for _, want := range []string{
			"4 problems", "--zulip-migration-status: zulip.migration_status: cannot read the migration status", "--zulip-settings: zulip.settings: cannot read the server's settings", "--zulip-secrets: zulip.secrets: cannot read the server's secrets",
			"--zulip-deployment: zulip.deployment: /none/d is not a deployment",
		} {
			if !strings.Contains(text(err), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	})
}

func TestVersionOfServer(t *testing.T) {
	t.Parallel()
	for level, want := range map[string]int{"506": 506, "304": 304, "372": 372, "'x'": 372} {
		flags, dir := zulipServer(t, settingsPy)
		if err := os.WriteFile(filepath.Join(dir, "version.py"), []byte("ZULIP_VERSION = '12.1'\nAPI_FEATURE_LEVEL = "+level+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := load(t, Sources{Flags: flags}).ZulipFeatureLevel; got != want {
			t.Errorf("of %s: got %d, want %d", level, got, want)
		}
	}
	t.Run("too old", func(t *testing.T) {
		t.Parallel()
		flags, dir := zulipServer(t, settingsPy)
		if err := os.WriteFile(filepath.Join(dir, "version.py"), []byte("ZULIP_VERSION = '9.4'\nAPI_FEATURE_LEVEL = 277\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(Sources{Flags: flags})
		if want := dir + `: zulip_feature_level: "277" must be a whole number from 304 to 2147483647`; text(err) != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
	t.Run("migration status", func(t *testing.T) {
		t.Parallel()
		flags, _ := zulipServer(t, settingsPy)
		delete(flags, "zulip.deployment")
		flags["zulip.migration_status"] = write(t, "status.json", `{"migrations_by_app": {"zerver": []}, "zulip_version": "11.2"}`)
		if c := load(t, Sources{Flags: flags}); c.ZulipVersion != "11.2" || len(c.Warnings) > 0 {
			t.Errorf("got %q, %q", c.ZulipVersion, c.Warnings)
		}
	})
}
