package zulip_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/zulip"
)

// serverSettings is a file in the manner of a server's.
const serverSettings = `from typing import Any

# The host.
EXTERNAL_HOST = "chat.example.com"
ZULIP_ADMINISTRATOR = 'Zulip Support <zulip-admin@example.com>'
EXTERNAL_URI_SCHEME = "https://"

# ALLOWED_HOSTS = ["*"]
ALLOWED_HOSTS: list[str] = [
    "chat-old.example.com",  # until 2027
    'chat2.example.com',
]
REALM_HOSTS = {
    "acme": "chat.acme.example.org",
    "ops": "ops."
           "example.net",
}
ROOT_SUBDOMAIN_ALIASES = ("www", "home")
ROOT_DOMAIN_LANDING_PAGE = False; USING_TORNADO = True
AUTHENTICATION_BACKENDS: tuple[str, ...] = (
    "zproject.backends.EmailAuthBackend",
)
SOCIAL_AUTH_SAML_SP_ENTITY_ID = "https://" + EXTERNAL_HOST
LOCAL_UPLOADS_DIR = "/home/zulip/uploads"
RATE_LIMITING_RULES = {
    "api_by_user": [(60, 200), (3_600, 4000)],
    "api_by_ip": [(60, 100)],
}
S3_AUTH_UPLOADS_BUCKET = "uploads.example.com"
S3_AVATAR_BUCKET = "avatars.example.com"
S3_EXPORT_BUCKET = ""
S3_ENDPOINT_URL = None
S3_REGION = None  # type: str | None
S3_ADDRESSING_STYLE: Literal["auto", "virtual", "path"] = "auto"
if True:
    EMAIL_HOST = f"smtp.{EXTERNAL_HOST}"
`

func TestReadSettings(t *testing.T) {
	t.Parallel()
	// The last line uses EXTERNAL_HOST in a block, where it might be assigned too.
	content, _, _ := strings.Cut(serverSettings, "if True")
	for name, content := range map[string]string{
		"plain":             content,
		"Windows line ends": strings.ReplaceAll(content, "\n", "\r\n"),
		"byte order mark":   "\ufeff" + content,
		"no newline at end": strings.TrimSuffix(content, "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := zulip.ReadSettings(file(t, "settings.py", content))
			if err != nil {
				t.Fatal(err)
			}
			want := []zulip.Setting{
				{Name: "EXTERNAL_HOST", Line: 4, Value: "chat.example.com"},
				{Name: "EXTERNAL_URI_SCHEME", Line: 6, Value: "https://"},
				{Name: "ZULIP_ADMINISTRATOR", Line: 5, Value: "Zulip Support <zulip-admin@example.com>"},
				{Name: "REALM_HOSTS", Line: 13, Value: map[string]string{"acme": "chat.acme.example.org", "ops": "ops.example.net"}},
				{Name: "ROOT_SUBDOMAIN_ALIASES", Line: 18, Value: []string{"www", "home"}},
				{Name: "ROOT_DOMAIN_LANDING_PAGE", Line: 19, Value: false},
				{Name: "ALLOWED_HOSTS", Line: 9, Value: []string{"chat-old.example.com", "chat2.example.com"}},
				{Name: "LOCAL_UPLOADS_DIR", Line: 24, Value: "/home/zulip/uploads"},
				{Name: "RATE_LIMITING_RULES", Line: 25, Value: "60:200,3600:4000"},
				{Name: "S3_AUTH_UPLOADS_BUCKET", Line: 29, Value: "uploads.example.com"},
				{Name: "S3_AVATAR_BUCKET", Line: 30, Value: "avatars.example.com"},
				{Name: "S3_EXPORT_BUCKET", Line: 31, Value: ""},
				{Name: "S3_ADDRESSING_STYLE", Line: 34, Value: "auto"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadSettingsOneByOne(t *testing.T) {
	t.Parallel()
	const unread = "cannot be read without running Python"
	for _, tt := range []struct {
		name, content string
		want          any    // of the only setting; nil if there is none, or none that can be told
		problem       string // its beginning
	}{
		{"nothing", "", nil, ""},
		{"a comment only", "# EXTERNAL_HOST = 'x'", nil, ""},
		{"in a text", "\"\"\"\nEXTERNAL_HOST = 'x'\n\"\"\"\n", nil, ""},
		{"an annotation only", "EXTERNAL_HOST: str\n", nil, ""},
		{"None", "LOCAL_UPLOADS_DIR = None\n", nil, ""},
		{"the last counts", "EXTERNAL_HOST = f()\nEXTERNAL_HOST = 'a'\nEXTERNAL_HOST = 'b'\n", "b", ""},
		{"annotated", "EXTERNAL_HOST: str = 'a'\n", "a", ""},
		{"brackets around it", "EXTERNAL_HOST = (\n  'a'\n  \"b\"  # more\n  '''c'''\n)\n", "abc", ""},
		{"continued", "EXTERNAL_HOST = \\\n    'a'\n", "a", ""},
		{"escapes", `EXTERNAL_HOST = 'a\x62\u0063\U00000064\145\'\"\\\q\` + "\n" + `é\é'` + "\n", `abcde'"\\qé\é`, ""},
		{"raw", `EXTERNAL_HOST = r'a\x62'` + "\n", `a\x62`, ""},
		{"another name of the same ending", "MY_EXTERNAL_HOST = 'a'\nEXTERNAL_HOST_2 = 'b'\n", nil, ""},
		{"read in a value", "EXTERNAL_HOST = 'a'\nX = ['https://' + EXTERNAL_HOST]\n", "a", ""},
		{"read in an f-string", "EXTERNAL_HOST = 'a'\nX = f'https://{EXTERNAL_HOST}'\n", "a", ""},
		{"an empty list", "ALLOWED_HOSTS = []\n", []string{}, ""},
		{"a tuple of one", "ALLOWED_HOSTS = ('a',)\n", []string{"a"}, ""},
		{"an empty dictionary", "REALM_HOSTS = {}\n", map[string]string{}, ""},
		{"a key twice", "REALM_HOSTS = {'a': 'b', 'a': 'c'}\n", map[string]string{"a": "c"}, ""},
		{"rates of others only", "RATE_LIMITING_RULES = {'api_by_ip': []}\n", "", ""},
		{"True", "ROOT_DOMAIN_LANDING_PAGE=True", true, ""},
		{"a name before a string", "X = 'a'if'b'in'c'else'd'\nEXTERNAL_HOST = 'a'\n", "a", ""},

		{"not text", "EXTERNAL_HOST = 5\n", nil, "is not text"},
		{"no bucket's name", "S3_AVATAR_BUCKET = False\n", nil, "is not text"},
		{"a storage by code", "S3_ENDPOINT_URL = get_secret('url')\n", nil, unread + `: "get_secret" in its value`},
		{"not a list", "ALLOWED_HOSTS = 'a'\n", nil, "is not a list of texts"},
		{"a list of numbers", "ALLOWED_HOSTS = [1]\n", nil, "is not a list of texts"},
		{"not a dictionary", "REALM_HOSTS = []\n", nil, "is not a dictionary of texts"},
		{"a dictionary of numbers", "REALM_HOSTS = {'a': 1}\n", nil, "is not a dictionary of texts"},
		{"not a boolean", "ROOT_DOMAIN_LANDING_PAGE = 1\n", nil, "is not True or False"},
		{"rates of text", "RATE_LIMITING_RULES = {'api_by_user': '60:200'}\n", nil, "has no list of (seconds, requests)"},
		{"rates of three", "RATE_LIMITING_RULES = {'api_by_user': [(1, 2, 3)]}\n", nil, "has no list of (seconds, requests)"},
		{"rates of texts", "RATE_LIMITING_RULES = {'api_by_user': [('1', 2)]}\n", nil, "has no list of (seconds, requests)"},
		{"rates without pairs", "RATE_LIMITING_RULES = {'api_by_user': [1]}\n", nil, "has no list of (seconds, requests)"},
		{"rates as a list", "RATE_LIMITING_RULES = [(1, 2)]\n", nil, "has no list of (seconds, requests)"},

		{"a call", "EXTERNAL_HOST = os.environ['HOST']\n", nil, unread + `: "os" in its value`},
		{"a sum", "EXTERNAL_HOST = 'a' + 'b'\n", nil, unread + `: "+" in its value`},
		{"a method", "EXTERNAL_HOST = 'a'.upper()\n", nil, unread},
		{"a condition", "EXTERNAL_HOST = 'a' if X else 'b'\n", nil, unread},
		{"an f-string", "EXTERNAL_HOST = f'a'\n", nil, unread + ": a string in its value is not plain text"},
		{"bytes", "EXTERNAL_HOST = b'a'\n", nil, unread},
		{"a name of a character", `EXTERNAL_HOST = '\N{DIGIT ONE}'` + "\n", nil, unread},
		{"half a character", `EXTERNAL_HOST = '\ud800'` + "\n", nil, unread},
		{"a list with a name", "ALLOWED_HOSTS = ['a', X]\n", nil, unread},
		{"a comprehension", "ALLOWED_HOSTS = ['a' for x in y]\n", nil, unread},
		{"a set", "ALLOWED_HOSTS = {'a', 'b'}\n", nil, unread},
		{"keys of numbers", "REALM_HOSTS = {1: 'b'}\n", nil, unread},
		{"unpacking", "REALM_HOSTS = {**X}\n", nil, unread},
		{"no comma", "ALLOWED_HOSTS = ['a' 1]\n", nil, unread},
		{"commas only", "ALLOWED_HOSTS = [,]\n", nil, unread},
		{"an octal number of old", "RATE_LIMITING_RULES = {'api_by_user': [(010, 1)]}\n", nil, unread},
		{"a huge number", "EXTERNAL_HOST = 99999999999999999999\n", nil, unread},
		{"no value", "EXTERNAL_HOST =\n", nil, unread + ": its value ends too early"},
		{"a sign only", "EXTERNAL_HOST = -\n", nil, unread},
		{"several values", "EXTERNAL_HOST = 'a', 'b'\n", nil, unread},

		{"added to", "ALLOWED_HOSTS = ['a']\nALLOWED_HOSTS += ['b']\n", nil, unread + ": it is used in another statement"},
		{"appended to", "ALLOWED_HOSTS = ['a']\nALLOWED_HOSTS.append('b')\n", nil, unread + ": it is used in another statement"},
		{"an item of it", "REALM_HOSTS = {}\nREALM_HOSTS['a'] = 'b'\n", nil, unread + ": it is assigned together with something else, or only a part"},
		{"deleted", "EXTERNAL_HOST = 'a'\ndel EXTERNAL_HOST\n", nil, unread},
		{"imported", "EXTERNAL_HOST = 'a'\nfrom x import EXTERNAL_HOST\n", nil, unread},
		{"everything imported", "EXTERNAL_HOST = 'a'\nfrom x import *\n", nil, unread + ": this line may change any setting"},
		{"set by name", "EXTERNAL_HOST = 'a'\nglobals()['EXTERNAL_' + 'HOST'] = 'b'\n", nil, unread + ": this line may change any setting"},
		{"set in an f-string", "EXTERNAL_HOST = 'a'\nX = f'{exec(Y)}'\n", nil, unread + ": this line may change any setting"},
		{"another alphabet", "EXTERNAL_HOST = 'a'\nＥXTERNAL_HOST = 'b'\n", nil, unread + ": this line may change any setting"},
		{"several at once", "EXTERNAL_HOST, X = 'a', 'b'\n", nil, unread},
		{"a chain", "X = EXTERNAL_HOST = 'a'\n", nil, unread},
		{"by the way", "EXTERNAL_HOST = 'a'\nX = (EXTERNAL_HOST := 'b')\n", nil, unread + ": it is used in the value of another setting"},
		{"by the way in an f-string", "EXTERNAL_HOST = 'a'\nX = f\"{(EXTERNAL_HOST:='b')}\"\n", nil, unread},
		{"another name for it", "ALLOWED_HOSTS = ['a']\nX = ALLOWED_HOSTS\n", nil, unread + ": it is used in the value of another setting"},
		{"in an annotation", "ALLOWED_HOSTS = ['a']\nX: ALLOWED_HOSTS.append('b') = 1\n", nil, unread + ": it is used in an annotation"},
		{"on a condition", "EXTERNAL_HOST = 'a'\nif X:\n    EXTERNAL_HOST = 'b'\n", nil, unread + ": it is in a block"},
		{"on a condition, in a line", "EXTERNAL_HOST = 'a'\nif X: Y = 1; EXTERNAL_HOST = 'b'\n", nil, unread + ": it is in a block"},
		{"in a function that is called later", "def f():\n  global EXTERNAL_HOST\n  EXTERNAL_HOST = 'b'\nEXTERNAL_HOST = 'a'\nf()\n", nil, unread},
		{"imported on a condition", "if X:\n\tfrom x import *\nEXTERNAL_HOST = 'a'\n", nil, unread},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all, err := zulip.ReadSettings(file(t, "settings.py", tt.content))
			if err != nil {
				t.Fatal(err)
			}
			var got zulip.Setting
			for _, s := range all {
				if strings.Contains(tt.content, s.Name) {
					got = s
				}
			}
			if diff := cmp.Diff(tt.want, got.Value); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(got.Problem, tt.problem) || (tt.problem == "") != (got.Problem == "") {
				t.Errorf("problem: got %q, want %q", got.Problem, tt.problem)
			}
		})
	}
}

func TestReadSettingsRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, says string }{
		{"an open string", "X = 'a\n", "line 1: a string is not closed"},
		{"an open long string", "\nX = '''a\n", "line 2: a string is not closed"},
		{"an open bracket", "X = [\n", "line 2: a bracket is not closed before the end"},
		{"a bracket too many", "\n\nX = ]\n", "line 3: brackets do not match"},
		{"a deep one", "X = " + strings.Repeat("[", 65) + strings.Repeat("]", 65), "nested too deep"},
		{"no Python", "[secrets]\nx = $y\n", `line 2: unexpected character '$'`},
		{"not UTF-8", "X = '\xff'\n", "not UTF-8"},
		{"another coding", "#!/usr/bin/python\n# -*- coding: latin-1 -*-\n", "not UTF-8"},
		{"a zero", "X = '\x00'\n", "zero byte"},
		{"quotes in an f-string", `X = f"{y["a"]}"` + "\nEXTERNAL_HOST = 'a'\n", "line 1: an f-string has braces that do not match"},
		{"huge", strings.Repeat("#\n", 1<<20), "has more than 1024 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := zulip.ReadSettings(file(t, "settings.py", tt.content))
			checkError(t, err, realmport.Invalid, tt.says, "settings")
		})
	}
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		_, err := zulip.ReadSettings(filepath.Join(t.TempDir(), "none.py"))
		checkError(t, err, realmport.NotFound, "cannot read the server's settings", "none.py")
	})
	t.Run("a folder", func(t *testing.T) {
		t.Parallel()
		_, err := zulip.ReadSettings(t.TempDir())
		checkError(t, err, realmport.Invalid, "is a directory")
	})
	t.Run("a device", func(t *testing.T) {
		t.Parallel()
		_, err := zulip.ReadSettings("/dev/null")
		checkError(t, err, realmport.Invalid, "is not a file")
	})
}

func TestReadVersion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		more map[string]string
		want zulip.Version
	}{
		{"as a server has it", nil, zulip.Version{Zulip: "11.0-dev+git", FeatureLevel: 372}},
		{"from Git", map[string]string{"zulip-git-version": "11.0-dev-1-gabc\n11.0-beta1\n"}, zulip.Version{Zulip: "11.0-dev-1-gabc", MergeBase: "11.0-beta1", FeatureLevel: 372}},
		{"no level", map[string]string{"version.py": "ZULIP_VERSION = '1'\n"}, zulip.Version{Zulip: "1"}},
		{"an odd level", map[string]string{"version.py": "ZULIP_VERSION = '1'\nAPI_FEATURE_LEVEL = -5\n"}, zulip.Version{Zulip: "1"}},
		{"a level of text", map[string]string{"version.py": "ZULIP_VERSION = '1'\nAPI_FEATURE_LEVEL = '5'\n"}, zulip.Version{Zulip: "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := zulip.ReadVersion(deployment(t, "", tt.more))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
