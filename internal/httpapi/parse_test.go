package httpapi

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
)

func TestParseInteger(t *testing.T) {
	t.Parallel()
	const badJSON, noInteger = "n is not valid JSON", "n is not an integer"
	for raw, want := range map[string]any{
		"1": integer{1, "1"}, " 1 ": integer{1, "1"}, "1\n": integer{1, "1"}, "-0": integer{0, "0"}, "-5": integer{-5, "-5"},
		"99999999999999999999999":  integer{math.MaxInt64, "99999999999999999999999"},
		"-99999999999999999999999": integer{math.MinInt64, "-99999999999999999999999"},
		`"1"`:                      noInteger, "1.0": noInteger, "1e0": noInteger, "2.5": noInteger, "true": noInteger, "null": noInteger, "[1]": noInteger, "{}": noInteger,
		"NaN": noInteger, "Infinity": noInteger, "-Infinity": noInteger, "[NaN]": noInteger, `"a\"[[["`: noInteger,
		"abc": badJSON, "public": badJSON, "": badJSON, "01": badJSON, "+1": badJSON, "1 2": badJSON, "1,": badJSON, "0x1": badJSON, "'1'": badJSON,
		"\uFFFD": badJSON, "-": badJSON, "--1": badJSON, "\u00a01": badJSON, "nan": badJSON,
		strings.Repeat("[", 500):                            badJSON,
		strings.Repeat("[", 500) + strings.Repeat("]", 500): badJSON,
		strings.Repeat("[", 100) + strings.Repeat("]", 100): noInteger,
		strings.Repeat("1", 4301):                           badJSON,
		strings.Repeat("1", 4300):                           integer{math.MaxInt64, strings.Repeat("1", 4300)},
	} {
		got, err := parseInteger("n", raw)
		if err != nil {
			if realmport.ErrorCode(err) != realmport.Invalid || err.Error() != want {
				t.Errorf("%.40q: got %q, want %v", raw, err, want)
			}
		} else if got != want {
			t.Errorf("%.40q: got %v, want %v", raw, got, want)
		}
	}
}

func TestParseBool(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]any{
		"true": true, " false": false, "True": "b is not valid JSON", "": "b is not valid JSON", "1": "b is not a boolean",
		"null": "b is not a boolean", `"true"`: "b is not a boolean",
	} {
		got, err := parseBool("b", raw)
		if err != nil && err.Error() != want || err == nil && got != want {
			t.Errorf("%q: got %t, %v, want %v", raw, got, err, want)
		}
	}
}

func TestParseStrings(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]any{
		`["a", "b"]`: []string{"a", "b"}, "[]": []string{}, "null": []string(nil), "abc": "l is not valid JSON", "{}": "l is not a list",
		"1": "l is not a list", `["a", 1]`: "l[1] is not a string", "[null]": "l[0] is not a string",
	} {
		got, err := parseStrings("l", raw)
		if err != nil {
			if err.Error() != want {
				t.Errorf("%q: got %v, want %v", raw, err, want)
			}
		} else if diff := cmp.Diff(want, any(got)); diff != "" {
			t.Errorf("%q: %s", raw, diff)
		}
	}
}

func TestParseQuery(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]map[string]string{
		"":                nil,
		"a=1&a=2":         {"a": "2"},
		"a":               {"a": ""},
		"&&a=b=c&":        {"a": "b=c"},
		"a=+%2B%zz%4":     {"a": " +%zz%4"},
		"%61=%C3%A9%ff":   {"a": "é\uFFFD"},
		"=x;y=1":          {"": "x;y=1"},
		"a\xff=%e2%82%ac": {"a\uFFFD": "€"},
	} {
		got, err := parseQuery(raw)
		if err != nil {
			t.Errorf("%q: %v", raw, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", raw, diff)
		}
	}
	if _, err := parseQuery("a" + strings.Repeat("&a", maxFields-1)); err != nil {
		t.Errorf("%d fields: %v", maxFields, err)
	}
	if _, err := parseQuery("a" + strings.Repeat("&a", maxFields)); err == nil {
		t.Errorf("more than %d fields: got no error", maxFields)
	}
}

func part(disposition, text string) string {
	return "--b\r\nContent-Disposition: " + disposition + "\r\n\r\n" + text + "\r\n"
}

func TestParseForm(t *testing.T) {
	t.Parallel()
	const multi = "multipart/form-data; boundary=b"
	for name, c := range map[string]struct {
		contentType, body string
		want              map[string]string
		bad               bool
	}{
		"charset":         {"application/x-www-form-urlencoded; charset=UTF-8", "a=1", map[string]string{"a": "1"}, false},
		"upper case":      {"Application/X-WWW-Form-URLEncoded", "a=1", map[string]string{"a": "1"}, false},
		"JSON":            {"application/json", `{"a":1}`, nil, false},
		"text":            {"text/plain", "a=1", nil, false},
		"none":            {"", "a=1", nil, false},
		"nonsense":        {"/;;", "a=1", nil, false},
		"fields":          {multi, part(`form-data; name="a"`, "1") + part(`form-data; name="a"`, "2") + "--b--\r\n", map[string]string{"a": "2"}, false},
		"file":            {multi, part(`form-data; name="a"; filename="f"`, "1") + part(`form-data; name="b"; filename=""`, "1") + "--b--", map[string]string{}, false},
		"without a name":  {multi, part(`form-data`, "1") + part(`attachment; name="x"`, "1") + "--b--", map[string]string{}, false},
		"empty":           {multi, "", nil, false},
		"no boundary":     {"multipart/form-data", "x", nil, true},
		"cut short":       {multi, part(`form-data; name="a"`, "1"), nil, true},
		"cut in a file":   {multi, "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\nxx", nil, true},
		"not multipart":   {multi, "a=1", nil, true},
		"bad header":      {multi, "--b\r\n\x00\r\n\r\nx\r\n--b--", nil, true},
		"too many fields": {multi, strings.Repeat(part(`form-data; name="a"`, "1"), maxFields+1) + "--b--", nil, true},
		"bytes":           {multi, part(`form-data; name="a"`, "\xff") + "--b--", map[string]string{"a": "\uFFFD"}, false},
	} {
		got, err := parseForm(c.contentType, []byte(c.body))
		if (err != nil) != c.bad {
			t.Errorf("%s: got error %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" && !c.bad {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestBasicCredentials(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"Basic YTpi":             "a|b",
		"bAsIc\tYTpi":            "a|b",
		"Basic YT*p-i":           "a|b", // what is not of the alphabet is skipped
		"Basic IGEgOiBiIA":       "!",   // no padding
		"Basic IGEgOiBiIA==":     "a|b",
		"Basic IGEgOiBiIA==YTpi": "a|b", // what follows the padding is not read
		"Basic =YTpi":            "a|b",
		"Basic YTo=":             "a|",
		"Basic Og==":             "|",
		"Basic ":                 "!",
		"":                       "!",
		"Basic":                  "!",
		"Basic Zm9v":             "!",
		"Basic YTpiOmM=":         "!",
		"Basic Y":                "!",
		"Basic /////w==":         "!",
		"Basic a b":              "!",
		"Bearer x":               "?",
		"YTpi Basic":             "?",
	} {
		email, key, err := basicCredentials(header)
		got := email + "|" + key
		if errors.Is(err, errBadHeader) {
			got = "!"
		} else if errors.Is(err, errNotBasic) {
			got = "?"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}

func testHosts() *Hosts {
	return &Hosts{
		Scheme: "https", ExternalHost: "Example.com", RootAliases: []string{"www"}, Allowed: []string{"alias.test", ".below.test"},
		RealmHosts: map[string]string{"own": "chat.own.test"},
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	withPort := &Hosts{Scheme: "http", ExternalHost: "zulip.test:9991", DefaultRealm: "demo"}
	for _, c := range []struct {
		hosts *Hosts
		host  string
		want  string // "!" for none
	}{
		{testHosts(), "acme.example.com", "acme"},
		{testHosts(), "ACME.Example.COM:443", "acme"},
		{testHosts(), "a.b.example.com", "a.b"},
		{testHosts(), "example.com", ""},
		{testHosts(), "www.example.com:80", ""},
		{testHosts(), "chat.own.test", "own"},
		{testHosts(), "Chat.own.test:8443", "own"},
		{testHosts(), "own.example.com", "own"},
		{testHosts(), "localhost:1234", ""},
		{testHosts(), "127.0.0.1", ""},
		{testHosts(), "alias.test", ""},
		{testHosts(), "x.below.test", ""},
		{testHosts(), "below.test", ""},
		{testHosts(), "evil.test", "!"},
		{testHosts(), "evilexample.com", "!"},
		{testHosts(), "acme.example.com.evil.test", "!"},
		{testHosts(), "", "!"},
		{testHosts(), "a_b.example.com", "!"},
		{testHosts(), "acme.example.com:x", "!"},
		{testHosts(), "acme.example.com/x", "!"},
		{testHosts(), "acme.example.com:1:2", "!"},
		{testHosts(), "[::1]:80", "!"},
		{testHosts(), strings.Repeat("a", 400) + ".example.com", "!"},
		{withPort, "acme.zulip.test:9991", "acme"},
		{withPort, "acme.zulip.test", "demo"}, // the port is part of the name
		{withPort, "zulip.test:9991", "demo"},
		{withPort, "localhost:9991", "demo"},
	} {
		got, ok := c.hosts.Resolve(c.host)
		if !ok {
			got = "!"
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.host, got, c.want)
		}
	}
	for stringID, want := range map[string]string{
		"": "https://Example.com", "acme": "https://acme.Example.com", "own": "https://chat.own.test",
	} {
		if got := testHosts().URL(stringID); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for stringID, want := range map[string]string{"demo": "http://zulip.test:9991", "acme": "http://acme.zulip.test:9991"} {
		if got := withPort.URL(stringID); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
