package postgres

import (
	"strings"
	"testing"
	"time"
)

func TestParseToken(t *testing.T) {
	t.Parallel()
	good := token{id: "00000003-0000001B-1", server: digest("a"), instant: digest("b"), taken: time.UnixMicro(1_700_000_000_123_456)}
	if got, ok := parseToken(good.String()); !ok || got != good {
		t.Errorf("got %+v, %t, want %+v", got, ok, good)
	}
	for name, text := range map[string]string{
		"empty":           "",
		"another form":    strings.Replace(good.String(), "pg1", "pg2", 1),
		"no id":           strings.Replace(good.String(), good.id, "", 1),
		"a quote":         strings.Replace(good.String(), good.id, "0'", 1),
		"a space":         strings.Replace(good.String(), good.id, "0 1", 1),
		"a long id":       strings.Replace(good.String(), good.id, strings.Repeat("0", 65), 1),
		"a short digest":  strings.Replace(good.String(), good.server, good.server[1:], 1),
		"capitals":        strings.Replace(good.String(), good.instant, strings.ToUpper(good.instant), 1),
		"no time":         strings.TrimRight(good.String(), "0123456789"),
		"another zero":    strings.Replace(good.String(), ".1700", ".01700", 1),
		"a plus":          strings.Replace(good.String(), ".1700", ".+1700", 1),
		"too far":         good.String() + "00000000",
		"more":            good.String() + ".x",
		"space after":     good.String() + " ",
		"line before":     "\n" + good.String(),
		"characters wide": strings.Replace(good.String(), good.id, "０", 1),
	} {
		if _, ok := parseToken(text); ok {
			t.Errorf("%s: %q was taken", name, text)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(token{id: "00000003-0000001B-1", server: digest("a"), instant: digest("b"), taken: time.UnixMicro(1)}.String())
	f.Add("pg1.'; DROP TABLE x --.a.b.1")
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseToken(text)
		if !ok {
			return
		}
		if got.String() != text {
			t.Errorf("got %q again, want %q", got, text)
		}
		if strings.ContainsAny(got.id, `'"\;$ `+"\x00\n") || got.id == "" {
			t.Errorf("id %q may not go into SQL", got.id)
		}
	})
}
