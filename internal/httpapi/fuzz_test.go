package httpapi

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzBasicCredentials(f *testing.F) {
	for _, s := range []string{"Basic YTpi", "basic Og==", "Bearer x", "Basic =Y=T=", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		email, key, err := basicCredentials(header)
		if err != nil {
			return
		}
		if !utf8.ValidString(email) || !utf8.ValidString(key) || strings.Contains(email+key, ":") {
			t.Errorf("got %q, %q", email, key)
		}
		// What is written as everybody does is read back.
		again, key2, err := basicCredentials(basic(email, key))
		if err != nil || again != email || key2 != key {
			t.Errorf("got %q, %q, %v, want %q, %q", again, key2, err, email, key)
		}
	})
}

func FuzzParams(f *testing.F) {
	f.Add("a=1&b=%20&c", "application/x-www-form-urlencoded", "1")
	f.Add(part(`form-data; name="a"`, "1")+"--b--", "multipart/form-data; boundary=b", "[1]")
	f.Fuzz(func(t *testing.T, body, contentType, value string) {
		fields, err := parseForm(contentType, []byte(body))
		if err == nil {
			for name, v := range fields {
				if !utf8.ValidString(name) || !utf8.ValidString(v) {
					t.Errorf("got %q: %q", name, v)
				}
			}
		}
		// What the standard library writes is read back, and what both can read is read alike.
		want := strings.ToValidUTF8(value, "\uFFFD")
		if got, err := parseQuery(url.Values{"v": {value}}.Encode()); err != nil || got["v"] != want {
			t.Errorf("got %q, %v, want %q", got["v"], err, want)
		}
		if n, err := parseInteger("v", value); err == nil {
			if std, err := strconv.ParseInt(strings.Trim(value, " \t\r\n"), 10, 64); err == nil && std != n.Value {
				t.Errorf("%q: got %d, want %d", value, n.Value, std)
			}
		}
		_, _ = parseStrings("v", value)
	})
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{"acme.example.com", "www.example.com:80", "[::1]:8", "chat.own.test:1", "..example.com"} {
		f.Add(s)
	}
	hosts := testHosts()
	f.Fuzz(func(t *testing.T, host string) {
		stringID, ok := hosts.Resolve(host)
		if !ok {
			if stringID != "" {
				t.Errorf("got %q of a host that is not ours", stringID)
			}
			return
		}
		if strings.ContainsAny(stringID, " /\\@?#%:\"'<>") {
			t.Errorf("got %q", stringID)
		}
		lower := strings.ToLower(host)
		for _, name := range []string{"example.com", "own.test", "alias.test", "below.test", "localhost", "127.0.0.1"} {
			if strings.Contains(lower, name) {
				return
			}
		}
		t.Errorf("%q is taken for this server", host)
	})
}
