package encode_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/realmport/realmport/internal/encode"
)

func TestString(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"empty":              {"", `""`},
		"plain":              {"abc", `"abc"`},
		"quote":              {`a"b`, `"a\"b"`},
		"backslash":          {`a\b`, `"a\\b"`},
		"short escapes":      {"\b\t\n\f\r", `"\b\t\n\f\r"`},
		"other controls":     {"\x01\x0b\x0e\x1f", `"\u0001\u000b\u000e\u001f"`},
		"not escaped":        {"/<>&'\x7f", "\"/<>&'\x7f\""},
		"line separators":    {"\u2028\u2029", "\"\u2028\u2029\""},
		"not ASCII":          {"ä€😀", `"ä€😀"`},
		"BOM":                {"\uFEFFa", "\"\uFEFFa\""},
		"NUL":                {"a\x00b", "\"a\uFFFDb\""},
		"invalid byte":       {"a\xffb", "\"a\uFFFDb\""},
		"broken sequence":    {"\xe2\x82", "\"\uFFFD\uFFFD\""},
		"surrogate":          {"\xed\xa0\x80", "\"\uFFFD\uFFFD\uFFFD\""},
		"replacement itself": {"\uFFFD", "\"\uFFFD\""},
		"invalid and quote":  {"\xff\"\n", "\"\uFFFD\\\"\\n\""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := []byte(tt.in)
			if got := encode.AppendString([]byte("x"), in); string(got) != "x"+tt.want {
				t.Errorf("got  %s\nwant x%s", got, tt.want)
			}
			if string(in) != tt.in {
				t.Errorf("the input has become %q", in)
			}
		})
	}
}

// TestStringEveryByte checks each byte at each place of a longer text against the rule.
func TestStringEveryByte(t *testing.T) {
	t.Parallel()
	for c := range 128 {
		want := string(rune(c))
		switch c {
		case 0:
			want = "\uFFFD"
		case '"', '\\':
			want = `\` + want
		default:
			if c < ' ' {
				b, err := json.Marshal(want) // the same as the reference for these
				if err != nil {
					t.Fatal(err)
				}
				want = strings.Trim(string(b), `"`)
			}
		}
		for before := range 9 {
			a, b := strings.Repeat("a", before), strings.Repeat("ü", 9-before)
			got := string(encode.AppendString(nil, []byte(a+string(rune(c))+b)))
			if got != `"`+a+want+b+`"` {
				t.Errorf("byte %#x after %d: got %s, want %s", c, before, got, want)
			}
		}
	}
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", `"\`, "\x00\x1f\x7f", "ä\u2028😀", "\xff\xfe", "\xed\xa0\x80"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out := encode.AppendString(nil, in)
		if !utf8.Valid(out) {
			t.Fatalf("%q is not UTF-8", out)
		}
		var got string
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("decode %q: %v", out, err)
		}
		// Converting through runes replaces each invalid byte.
		want := strings.ReplaceAll(string([]rune(string(in))), "\x00", "\uFFFD")
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
