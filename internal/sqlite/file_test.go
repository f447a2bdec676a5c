package sqlite

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzAddress checks that a path never becomes a parameter, nor another path.
func FuzzAddress(f *testing.F) {
	for _, path := range []string{"/a.db", "/a b?mode=memory&_pragma=x#y%41", "//server/x", "/\xff\n;'\"", "C:/x"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := address(path, settings{"_txlock": "immediate"})
		before, query, _ := strings.Cut(got, "?")
		// SQLite itself ends the path at these, and the driver the name at the first question mark.
		if strings.ContainsAny(strings.TrimPrefix(before, "file:"), "#? \n") {
			t.Errorf("%q became %q", path, got)
		}
		values, err := url.ParseQuery(query)
		if err != nil || len(values) != 5 || values.Get("mode") != "rw" {
			t.Errorf("%q has the parameters %v, %v", path, values, err)
		}
		u, err := url.Parse(before)
		if err != nil || u.Host != "" || strings.TrimPrefix(u.Path, "/") != strings.TrimPrefix(path, "/") {
			t.Errorf("%q became %q, which is %v, %v", path, got, u, err)
		}
	})
}
