package sqlite_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/realmport/realmport"
)

// drawn is a value to insert and the form in which it must come back.
type drawn struct {
	in   any
	want []byte
}

// draws are generators by a column's name.
func draws() map[string]*rapid.Generator[drawn] {
	text := func(s string) drawn { return drawn{s, []byte(s)} }
	clean := func(s string) bool { return !strings.ContainsRune(s, 0) }
	return map[string]*rapid.Generator[drawn]{
		"edit_history": rapid.Map(rapid.String().Filter(clean), text),
		"subject":      rapid.Map(rapid.StringN(0, 60, -1).Filter(clean), text),
		"type": rapid.Map(rapid.Int16(), func(n int16) drawn {
			return drawn{int64(n), binary.BigEndian.AppendUint16(nil, uint16(n))}
		}),
		"rendered_content_version": rapid.Map(rapid.Int32(), func(n int32) drawn {
			return drawn{int64(n), binary.BigEndian.AppendUint32(nil, uint32(n))}
		}),
		"id": rapid.Map(rapid.Int64(), func(n int64) drawn {
			return drawn{n, binary.BigEndian.AppendUint64(nil, uint64(n))}
		}),
		"has_link": rapid.Map(rapid.Bool(), func(v bool) drawn {
			if v {
				return drawn{v, []byte{1}}
			}
			return drawn{v, []byte{0}}
		}),
		"date_sent": rapid.Map(rapid.Int64Range(-210_000_000_000_000_000, 9_200_000_000_000_000_000), func(micros int64) drawn {
			return drawn{time.UnixMicro(micros), binary.BigEndian.AppendUint64(nil, uint64(micros-946_684_800_000_000))}
		}),
		"key": rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) drawn {
			s := hex.EncodeToString(b)
			return drawn{strings.Join([]string{s[:8], s[8:12], strings.ToUpper(s[12:16]), s[16:20], s[20:]}, "-"), b}
		}),
		"data": rapid.Map(rapid.OneOf(
			rapid.Map(rapid.String(), func(s string) any { return s }), rapid.Map(rapid.Float64(), func(f float64) any { return f }),
			rapid.Map(rapid.MapOf(rapid.String(), rapid.Int()), func(m map[string]int) any { return m }), rapid.Just[any](nil),
		), func(v any) drawn {
			b, _ := json.Marshal(v)
			return drawn{json.RawMessage(b), b}
		}),
	}
}

// TestValuesComeBack inserts any values and reads them.
func TestValuesComeBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	l := create(t, path)
	addRealm(t, l)
	for name, kind := range map[string]realmport.Kind{"key": realmport.UUID, "data": realmport.JSON} {
		if err := l.AddColumn(t.Context(), "zerver_message", name, kind); err != nil {
			t.Fatal(err)
		}
	}
	columns := slices.DeleteFunc(l.Columns("zerver_message"), func(c realmport.Column) bool { return draws()[c.Name] == nil })
	names := make([]string, len(columns))
	want := map[string][]string{}
	rapid.Check(t, func(t *rapid.T) {
		r := row{"realm_id": int64(1), "sender_id": int64(1), "recipient_id": int64(1), "sending_client_id": int64(1)}
		forms := make([]string, len(columns))
		for i, c := range columns {
			names[i] = c.Name
			if c.Nullable && rapid.Bool().Draw(t, c.Name+" is null") {
				r[c.Name], forms[i] = nil, "NULL"
				continue
			}
			d := draws()[c.Name].Draw(t, c.Name)
			r[c.Name], forms[i] = d.in, string(d.want)
		}
		if want[forms[0]] != nil { // the id is taken
			return
		}
		if err := insert(l, "zerver_message", r); err != nil {
			t.Fatal(err)
		}
		want[forms[0]] = forms
	})
	commit(t, l)
	got := map[string][]string{}
	err := snapshot(t, path, 1).Read(t.Context(), realmport.Query{Table: "zerver_message", Columns: names}, func(r realmport.Row) error {
		forms := make([]string, len(r))
		for i, v := range r {
			if forms[i] = string(v); v == nil {
				forms[i] = "NULL"
			}
		}
		got[forms[0]] = forms
		return nil
	})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("rows: %v (-want +got):\n%s", err, diff)
	}
}
