package encode_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/encode"
)

var uuidValue = []byte{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0xFF}

func TestValues(t *testing.T) {
	t.Parallel()
	micros := encode.TimeValue
	tests := map[string]struct {
		kind  realmport.Kind
		iso   bool
		value []byte
		want  string
	}{
		"null":                   {kind: realmport.Text, value: nil, want: `null`},
		"empty text":             {kind: realmport.Text, value: []byte{}, want: `""`},
		"text":                   {kind: realmport.Text, value: []byte("Grüße"), want: `"Grüße"`},
		"int2":                   {kind: realmport.Int, value: []byte{0x7f, 0xff}, want: `32767`},
		"int2 lowest":            {kind: realmport.Int, value: []byte{0x80, 0}, want: `-32768`},
		"int4":                   {kind: realmport.Int, value: int4(math.MaxInt32), want: `2147483647`},
		"int4 lowest":            {kind: realmport.Int, value: int4(math.MinInt32), want: `-2147483648`},
		"int8":                   {kind: realmport.Int, value: int8(math.MaxInt64), want: `9223372036854775807`},
		"int8 lowest":            {kind: realmport.Int, value: int8(math.MinInt64), want: `-9223372036854775808`},
		"zero":                   {kind: realmport.Int, value: int4(0), want: `0`},
		"true":                   {kind: realmport.Bool, value: []byte{1}, want: `true`},
		"false":                  {kind: realmport.Bool, value: []byte{0}, want: `false`},
		"time":                   {kind: realmport.Time, value: micros(1709294400_123456), want: `1709294400.123456`},
		"time ending in zero":    {kind: realmport.Time, value: micros(1709294404_123460), want: `1709294404.12346`},
		"time in whole seconds":  {kind: realmport.Time, value: micros(1577836800_000000), want: `1577836800.0`},
		"time of the epoch":      {kind: realmport.Time, value: micros(0), want: `0.0`},
		"time before 1970":       {kind: realmport.Time, value: micros(-1), want: `-0.000001`},
		"time of the year 9999":  {kind: realmport.Time, value: micros(253402300799_999999), want: `253402300800.0`},
		"ISO time":               {kind: realmport.Time, iso: true, value: micros(1709294400_000000), want: `"2024-03-01T12:00:00+00:00"`},
		"ISO time with fraction": {kind: realmport.Time, iso: true, value: micros(1709294400_500000), want: `"2024-03-01T12:00:00.500000+00:00"`},
		"ISO null":               {kind: realmport.Time, iso: true, value: nil, want: `null`},
		"uuid":                   {kind: realmport.UUID, value: uuidValue, want: `"123e4567-e89b-12d3-a456-4266141740ff"`},
		"json":                   {kind: realmport.JSON, value: []byte(`{"b":1,"a":[2.50,null]}`), want: `{"b":1,"a":[2.50,null]}`},
		"json on several lines":  {kind: realmport.JSON, value: []byte("{\r\n\"a\":\n\"\\n\"}"), want: `{  "a": "\n"}`},
		"json null":              {kind: realmport.JSON, value: []byte(`null`), want: `null`},
		"no ids":                 {kind: realmport.IDs, value: []byte{}, want: `[]`},
		"one id":                 {kind: realmport.IDs, value: int8(7), want: `[7]`},
		"ids":                    {kind: realmport.IDs, value: append(int8(7), int8(math.MaxInt64)...), want: `[7,9223372036854775807]`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := mustCompile(t, encode.Field{Key: "k", Kind: tt.kind, ISO: tt.iso})
			got, err := e.AppendRow([]byte("x"), realmport.Row{tt.value})
			if err != nil {
				t.Fatal(err)
			}
			if want := `x{"k":` + tt.want + `}`; string(got) != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestRow(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fields []encode.Field
		row    realmport.Row
		want   string
	}{
		"no fields": {want: `{}`},
		"order of the fields": {
			fields: []encode.Field{{Key: "b", Kind: realmport.Int}, {Key: "a", Kind: realmport.Bool}},
			row:    realmport.Row{int4(1), {1}},
			want:   `{"b":1,"a":true}`,
		},
		"hostile keys": {
			fields: []encode.Field{{Key: "a\"b\n", Kind: realmport.Int}, {Key: "\xff", Kind: realmport.Int}},
			row:    realmport.Row{nil, nil},
			want:   `{"a\"b\n":null,"` + "\uFFFD" + `":null}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := mustCompile(t, tt.fields...).AppendRow(nil, tt.row)
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestWrongValues(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind  realmport.Kind
		value []byte
		want  string
	}{
		"integer":         {realmport.Int, make([]byte, 3), "victim: integer of 3 bytes"},
		"empty integer":   {realmport.Int, []byte{}, "victim: integer of 0 bytes"},
		"long boolean":    {realmport.Bool, make([]byte, 2), "victim: boolean of bytes 0000"},
		"other boolean":   {realmport.Bool, []byte{2}, "victim: boolean of bytes 02"},
		"time":            {realmport.Time, make([]byte, 4), "victim: timestamp of 4 bytes"},
		"infinity":        {realmport.Time, int8(math.MaxInt64), "victim: timestamp is infinite"},
		"minus infinity":  {realmport.Time, int8(math.MinInt64), "victim: timestamp is infinite"},
		"time overflows":  {realmport.Time, int8(math.MaxInt64 - 1), "victim: timestamp is after the year 294246"},
		"uuid":            {realmport.UUID, make([]byte, 15), "victim: uuid of 15 bytes"},
		"json":            {realmport.JSON, []byte(`{"a":1},"b":{}`), "victim: not a JSON text"},
		"empty json":      {realmport.JSON, []byte{}, "victim: not a JSON text"},
		"json not UTF-8":  {realmport.JSON, []byte("\"\xff\""), "victim: not a JSON text"},
		"json of a float": {realmport.JSON, []byte(`NaN`), "victim: not a JSON text"},
		"ids":             {realmport.IDs, make([]byte, 12), "victim: id list of 12 bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := mustCompile(t, encode.Field{Key: "fine", Kind: realmport.Int}, encode.Field{Key: "victim", Kind: tt.kind})
			before := []byte(`[{"earlier":"row"}`)
			got, err := e.AppendRow(before, realmport.Row{int4(5), tt.value})
			if err == nil || err.Error() != tt.want {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
			if want := `[{"earlier":"row"}`; string(got) != want {
				t.Errorf("destination is %s, want it as it was: %s", got, want)
			}
		})
	}
}

func TestCompileUnknownKind(t *testing.T) {
	t.Parallel()
	for _, kind := range []realmport.Kind{0, realmport.TSVector, 99} {
		if _, err := encode.Compile([]encode.Field{{Key: "index", Kind: kind}}); err == nil || !strings.Contains(err.Error(), `"index"`) {
			t.Errorf("kind %d: got error %v, want one that names the key", kind, err)
		}
	}
}

func TestTimesAreTheReferenceFloats(t *testing.T) {
	t.Parallel()
	e := mustCompile(t, encode.Field{Key: "t", Kind: realmport.Time})
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(math.MinInt64+946684800_000001, math.MaxInt64-1).Draw(t, "microseconds")
		value := encode.TimeValue(us)
		if got, err := encode.MicrosUnix(value); err != nil || got != us {
			t.Fatalf("MicrosUnix(TimeValue(%d)) = %d, %v", us, got, err)
		}
		row, err := e.AppendRow(nil, realmport.Row{value})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSuffix(strings.TrimPrefix(string(row), `{"t":`), "}")
		got, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		if want := float64(us) / 1e6; math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%d: got %s, want %v", us, text, want)
		}
		if strings.Count(text, ".") != 1 || strings.ContainsAny(text, "eE") {
			t.Errorf("%d: got %s, want a decimal point and no exponent", us, text)
		}
	})
}

// kinds are those that a row may have.
var kinds = []realmport.Kind{
	realmport.Text, realmport.Int, realmport.Bool, realmport.Time, realmport.UUID, realmport.JSON, realmport.IDs,
}

// drawValue makes a value of the kind and what reading it from JSON must give.
func drawValue(t *rapid.T, kind realmport.Kind) (value []byte, want any) {
	switch kind {
	case realmport.Text:
		s := strings.ReplaceAll(rapid.String().Draw(t, "text"), "\x00", "\uFFFD")
		return []byte(s), s
	case realmport.Int:
		switch n := rapid.Int64().Draw(t, "int"); rapid.SampledFrom([]int{2, 4, 8}).Draw(t, "width") {
		case 2:
			return binary.BigEndian.AppendUint16(nil, uint16(n)), json.Number(strconv.Itoa(int(int16(n))))
		case 4:
			return int4(int32(n)), json.Number(strconv.Itoa(int(int32(n))))
		default:
			return int8(n), json.Number(strconv.FormatInt(n, 10))
		}
	case realmport.Bool:
		b := rapid.Bool().Draw(t, "bool")
		if b {
			return []byte{1}, b
		}
		return []byte{0}, b
	case realmport.Time:
		s := rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds")
		return encode.TimeValue(s * 1e6), json.Number(strconv.FormatInt(s, 10) + ".0")
	case realmport.UUID:
		return uuidValue, "123e4567-e89b-12d3-a456-4266141740ff"
	case realmport.JSON:
		s := rapid.String().Draw(t, "json")
		text, err := json.MarshalIndent(map[string]any{"k": []any{s, nil, true}}, "\r", "\n")
		if err != nil {
			t.Fatal(err)
		}
		return text, map[string]any{"k": []any{s, nil, true}}
	default:
		var value []byte
		list := []any{}
		for _, id := range rapid.SliceOf(rapid.Int64()).Draw(t, "ids") {
			value, list = append(value, int8(id)...), append(list, json.Number(strconv.FormatInt(id, 10)))
		}
		if value == nil {
			value = []byte{}
		}
		return value, list
	}
}

func TestRowsDecodeToTheSameValues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var fields []encode.Field
		var row realmport.Row
		want := map[string]any{}
		for i, kind := range rapid.SliceOf(rapid.SampledFrom(kinds)).Draw(t, "kinds") {
			key := strconv.Itoa(i) + rapid.StringN(0, 5, -1).Draw(t, "key")
			key = strings.ReplaceAll(key, "\x00", "\uFFFD")
			fields = append(fields, encode.Field{Key: key, Kind: kind})
			value, decoded := drawValue(t, kind)
			if rapid.Bool().Draw(t, "null") {
				value, decoded = nil, nil
			}
			row, want[key] = append(row, value), decoded
		}
		e, err := encode.Compile(fields)
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.AppendRow(nil, row)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(string(out), "\n\r") {
			t.Errorf("row is not on one line: %q", out)
		}
		d := json.NewDecoder(strings.NewReader(string(out)))
		d.UseNumber()
		var got map[string]any
		if err := d.Decode(&got); err != nil {
			t.Fatalf("decode %s: %v", out, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("row %s (-want +got):\n%s", out, diff)
		}
	})
}

func TestRowsDoNotAllocate(t *testing.T) {
	e := mustCompile(t, encode.Field{Key: "a", Kind: realmport.Int}, encode.Field{Key: "b", Kind: realmport.Text},
		encode.Field{Key: "c", Kind: realmport.Time}, encode.Field{Key: "d", Kind: realmport.UUID})
	row := realmport.Row{int4(1), []byte("a \"text\""), encode.TimeValue(time.Now().UnixMicro()), uuidValue}
	buf := make([]byte, 0, 1000)
	if n := testing.AllocsPerRun(100, func() { buf, _ = e.AppendRow(buf[:0], row) }); n != 0 {
		t.Errorf("got %v allocations per row, want none", n)
	}
}

func FuzzRow(f *testing.F) {
	f.Add(uint8(realmport.Int), []byte{0, 0, 0, 1}, []byte("text"))
	f.Add(uint8(realmport.Time), int8(math.MaxInt64), []byte{0})
	f.Add(uint8(realmport.IDs), []byte{}, []byte("\xff\u2028"))
	f.Fuzz(func(t *testing.T, kind uint8, value, text []byte) {
		e, err := encode.Compile([]encode.Field{{Key: string(text), Kind: realmport.Kind(kind)}, {Key: "text", Kind: realmport.Text}})
		if err != nil {
			return
		}
		out, err := e.AppendRow([]byte("x"), realmport.Row{value, text})
		if err != nil {
			if string(out) != "x" {
				t.Fatalf("after error %v got %q, want x", err, out)
			}
			return
		}
		if !json.Valid(out[1:]) || strings.ContainsAny(string(out), "\n\r") {
			t.Errorf("got %q, want a JSON text on one line", out)
		}
	})
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{}`, `[1e400]`, "\n", `{"a":1}}`, `"\ud800"`, `1,2`, "[\n1\r]"} {
		f.Add([]byte(s))
	}
	e, err := encode.Compile([]encode.Field{{Key: "v", Kind: realmport.JSON}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		out, err := e.AppendRow(nil, realmport.Row{append([]byte{}, value...)})
		if err != nil {
			return
		}
		var row map[string]json.RawMessage
		if err := json.Unmarshal(out, &row); err != nil || len(row) != 1 {
			t.Fatalf("got %q (%v), want an object of one key", out, err)
		}
		var got, want any
		if err := json.Unmarshal(value, &want); err != nil {
			return // a number that is too large for this reader
		}
		if err := json.Unmarshal(row["v"], &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("value changed (-want +got):\n%s", diff)
		}
	})
}
