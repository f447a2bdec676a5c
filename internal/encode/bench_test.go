package encode_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/encode"
)

// int4 and int8 are values of kind Int.
func int4(n int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func int8(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func mustCompile(tb testing.TB, fields ...encode.Field) *encode.Encoder {
	tb.Helper()
	e, err := encode.Compile(fields)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func BenchmarkAppendRow(b *testing.B) {
	tables := map[string]struct {
		fields []encode.Field
		row    realmport.Row
	}{
		"usermessage": {
			[]encode.Field{
				{Key: "id", Kind: realmport.Int},
				{Key: "user_profile", Kind: realmport.Int},
				{Key: "message", Kind: realmport.Int},
				{Key: "flags_mask", Kind: realmport.Int},
			},
			realmport.Row{int8(8123456), int4(1042), int4(734512), int8(1)},
		},
		"message": {
			[]encode.Field{
				{Key: "id", Kind: realmport.Int},
				{Key: "sender", Kind: realmport.Int},
				{Key: "recipient", Kind: realmport.Int},
				{Key: "realm", Kind: realmport.Int},
				{Key: "type", Kind: realmport.Int},
				{Key: "subject", Kind: realmport.Text},
				{Key: "content", Kind: realmport.Text},
				{Key: "rendered_content", Kind: realmport.Text},
				{Key: "rendered_content_version", Kind: realmport.Int},
				{Key: "date_sent", Kind: realmport.Time},
				{Key: "sending_client", Kind: realmport.Int},
				{Key: "last_edit_time", Kind: realmport.Time},
				{Key: "edit_history", Kind: realmport.Text},
				{Key: "has_attachment", Kind: realmport.Bool},
				{Key: "has_image", Kind: realmport.Bool},
				{Key: "has_link", Kind: realmport.Bool},
			},
			realmport.Row{
				int4(734512), int4(1042), int4(87), int4(2),
				{0, 1},
				[]byte("release planning"),
				[]byte("Let's move the *release* to Friday, see https://example.com/x?a=1&b=2.\n\n```\nmake \"all\"\n```"),
				[]byte("<p>Let's move the <em>release</em> to Friday, see <a href=\"https://example.com/x?a=1&amp;b=2\">" +
					strings.Repeat("https://example.com/", 4) + "</a>.</p>\n<div class=\"codehilite\"><pre><code>make \"all\"\n</code></pre></div>"),
				int4(1), encode.TimeValue(1709294400_123456), int4(3), nil, nil,
				{0},
				{0},
				{1},
			},
		},
	}
	for name, tt := range tables {
		b.Run(name, func(b *testing.B) {
			e := mustCompile(b, tt.fields...)
			buf, err := e.AppendRow(nil, tt.row)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = e.AppendRow(buf[:0], tt.row)
			}
		})
	}
}

func BenchmarkAppendString(b *testing.B) {
	for name, s := range map[string]string{
		"ascii":    strings.Repeat("The quick brown fox jumps over it. ", 30),
		"html":     strings.Repeat(`<a href="https://example.com/">link</a>`+"\n", 25),
		"cyrillic": strings.Repeat("Съешь же ещё этих мягких булок. ", 30),
		"short":    "general",
	} {
		b.Run(name, func(b *testing.B) {
			buf := encode.AppendString(nil, []byte(s))
			b.SetBytes(int64(len(buf)))
			for in := []byte(s); b.Loop(); {
				buf = encode.AppendString(buf[:0], in)
			}
		})
	}
}
