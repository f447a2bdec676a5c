package zulip

import (
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestLiterals checks that what Python would write for a value is read as that value.
func TestLiterals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := anyValue(t, 3)
		found, err := literals([]byte("X = 1\nNAME = "+python(value)+" # done\nY = NAME_2\n"), "NAME")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]literal{{line: 2, value: value}}, found["NAME"], cmp.AllowUnexported(literal{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", python(value), diff)
		}
	})
}

func anyValue(t *rapid.T, depth int) any {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.String().Draw(t, "text")
	case 1:
		return rapid.Int64().Draw(t, "number")
	case 2:
		return rapid.Bool().Draw(t, "boolean")
	case 3:
		return nil
	case 4:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			list = append(list, anyValue(t, depth-1))
		}
		return list
	default:
		m := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			m[rapid.String().Draw(t, "key")] = anyValue(t, depth-1)
		}
		return m
	}
}

// python writes a value as Python would.
func python(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.QuoteToASCII(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case []any:
		s := "["
		for _, e := range v {
			s += python(e) + ",\n"
		}
		return s + "]"
	case map[string]any:
		s := "{\n"
		for k, e := range v {
			s += python(k) + ": " + python(e) + ","
		}
		return s + "}"
	default:
		return "None"
	}
}

func FuzzLiterals(f *testing.F) {
	for _, seed := range []string{
		"NAME = 'a'\n", "NAME: str = (\"a\"\n 'b')\n", "NAME = {'a': [1, -2, (3,)], \"b\": None}; X = 1\n",
		"if X:\n\tNAME = 1\n", "from x import *\n", "NAME = r'''\\'''\n", `NAME = f"{x!r:>{y}}"`, "NAME = '\\N{BULLET}\\777\\x1'\\\n", "X[NAME:=1] = NAME = 2",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := literals(text, "NAME")
		if err != nil {
			if found != nil || !utf8.ValidString(err.Error()) || len(err.Error()) > 200 {
				t.Errorf("got %v with %q, want nothing with a short message", found, err)
			}
			return
		}
		line := 0
		for _, l := range found["NAME"] {
			if l.why != "" && (l.value != nil || !utf8.ValidString(l.why) || len(l.why) > 300) {
				t.Errorf("got %+v, want a short reason without a value", l)
			}
			if l.line < 1 || l.line > 1+len(text) {
				t.Errorf("got line %d", l.line)
			}
			line = max(line, l.line)
		}
		// What stands before changes nothing in what an assignment at the end says.
		again, err := literals(append(append([]byte{}, text...), "\nNAME = 'z'\n"...), "NAME")
		if err != nil {
			return // the text ended in a bracket or a string that is open
		}
		events := again["NAME"]
		if last := events[len(events)-1]; last.why == "" && last.value != "z" {
			t.Errorf("got %+v, want z or nothing known", last)
		}
	})
}
