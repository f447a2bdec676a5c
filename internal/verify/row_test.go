package verify

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// jsonText draws a JSON value, and a text of it with odd spaces.
func jsonText(t *rapid.T, depth int) string {
	space := rapid.SampledFrom([]string{"", " ", "\n\t", "\r\n  "}).Draw(t, "space")
	kinds := 5
	if depth > 0 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return space + rapid.SampledFrom([]string{"true", "false", "null"}).Draw(t, "literal") + space
	case 1:
		return space + strconv.FormatInt(rapid.Int64().Draw(t, "integer"), 10) + space
	case 2:
		return space + rapid.SampledFrom([]string{"0", "-0", "1.5", "1e3", "-2E-7", "9223372036854775808", "99999999999999999999999"}).Draw(t, "number") + space
	case 3:
		return space + rapid.SampledFrom([]string{`"\\"`, `"\""`, `"\\\""`, `"]}"`, `"\u0022\\"`, `"{["`}).Draw(t, "tricky") + space
	case 4:
		b, _ := json.Marshal(rapid.String().Draw(t, "string"))
		return space + string(b) + space
	case 5:
		var b bytes.Buffer
		b.WriteString(space + "[")
		for i := range rapid.IntRange(0, 3).Draw(t, "elements") {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(jsonText(t, depth-1))
		}
		return b.String() + "]" + space
	default:
		return space + objectText(t, depth-1, []string{"x", "y\\n"}) + space
	}
}

func objectText(t *rapid.T, depth int, keys []string) string {
	var b bytes.Buffer
	b.WriteString("{")
	for i, key := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(` "` + key + `" :` + jsonText(t, depth))
	}
	return b.String() + "}"
}

// A row taken apart says the same as the standard library's decoder.
func TestRowProperty(t *testing.T) {
	t.Parallel()
	table := &table{name: "t"}
	keys := []string{"id", "a", "b", "c", "other"}
	for _, key := range keys[:4] {
		table.put(field{key: key})
	}
	rapid.Check(t, func(t *rapid.T) {
		text := objectText(t, 3, rapid.Permutation(keys).Draw(t, "keys"))
		want := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		var r row
		if err := r.scan(jsontext.Value(text), table); err != nil {
			t.Fatal(err)
		}
		for i, key := range keys[:4] {
			v, ok := r.field(i)
			if !ok || string(v.raw) != string(want[key]) {
				t.Fatalf("%s in %s: got %q, want %q", key, text, v.raw, want[key])
			}
			n, err := strconv.ParseInt(string(want[key]), 10, 64)
			if whole := err == nil; whole != v.whole && n < math.MaxInt64-10 && n > math.MinInt64+10 || v.whole && n != v.n {
				t.Fatalf("%s in %s: got integer %v %d, want %v %d", key, text, v.whole, v.n, whole, n)
			}
		}
	})
}

func TestPairsProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var p pairs
		for range 2 {
			seen := map[[2]int64]bool{}
			list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [2]int64 {
				return [2]int64{rapid.Int64Range(0, 40).Draw(t, "message"), rapid.Int64Range(0, 40).Draw(t, "user")}
			}), 0, 300).Draw(t, "pairs")
			for _, pair := range list {
				if got := p.add(pair[0], pair[1]); got == seen[pair] {
					t.Fatalf("add %v: got new %v", pair, got)
				}
				seen[pair] = true
			}
			p.clear()
		}
	})
}

func TestPairsGrow(t *testing.T) {
	t.Parallel()
	var p pairs
	for i := range int64(3 * firstPairs) {
		if !p.add(i, i%7) {
			t.Fatalf("pair %d: got old, want new", i)
		}
	}
	for i := range int64(3 * firstPairs) {
		if p.add(i, i%7) {
			t.Fatalf("pair %d: got new, want old", i)
		}
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	long := string(bytes.Repeat([]byte("ä"), 200))
	if got := quoted(long); len(got) > maxQuoted || got != `"`+long[:maxQuoted/2]+`"...` {
		t.Errorf("got %s", got)
	}
	if got := printable("a\x1b[0m"); got != `"a\x1b[0m"` {
		t.Errorf("got %s", got)
	}
}
