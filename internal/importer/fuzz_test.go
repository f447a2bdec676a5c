package importer

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/catalog"
	"github.com/realmport/realmport/internal/encode"
	"github.com/realmport/realmport/internal/sqlite"
)

// strict is a store that takes rows of the real shape, keeps none, and says what a store would not take. It is for
// fuzzing, where making a real one would take longer than all the rest.
type strict struct {
	tables map[string][]realmport.Column
	rows   int
	broken error
	insert func() // told of each row; may be nil
}

func newStrict(tb testing.TB) *strict {
	tb.Helper()
	loader, err := sqlite.Create(tb.Context(), filepath.Join(tb.TempDir(), "store.db"))
	if err != nil {
		tb.Fatal(err)
	}
	s := &strict{tables: map[string][]realmport.Column{"django_migrations": loader.Columns("django_migrations")}}
	for _, t := range catalog.Tables() {
		s.tables[t.Name] = loader.Columns(t.Name)
		for _, l := range t.Links {
			s.tables[l.Table] = loader.Columns(l.Table)
		}
	}
	if err := loader.Abort(); err != nil {
		tb.Fatal(err)
	}
	return s
}

func (s *strict) Columns(table string) []realmport.Column { return s.tables[table] }
func (s *strict) Commit(context.Context) error            { return nil }
func (s *strict) Abort() error                            { return nil }

func (s *strict) Insert(_ context.Context, table string, columns []string, values []any) error {
	s.rows++
	if s.insert != nil {
		s.insert()
	}
	for i, name := range columns {
		c := (&realmport.Table{Columns: s.tables[table]}).Column(name)
		if c == nil || len(values) != len(columns) || !fits(c, values[i]) {
			s.broken = errors.New(table + "." + name + " was given what it cannot hold")
		}
	}
	return nil
}

// fits tells whether a value is one that the contract of stores allows in a column.
func fits(c *realmport.Column, v any) bool {
	switch v := v.(type) {
	case nil:
		return c.Nullable
	case bool:
		return c.Kind == realmport.Bool
	case int64:
		return c.Kind == realmport.Int
	case time.Time:
		return c.Kind == realmport.Time
	case json.RawMessage:
		return c.Kind == realmport.JSON && json.Valid(v)
	case string:
		return (c.Kind == realmport.Text || c.Kind == realmport.UUID) && utf8.ValidString(v) && !strings.Contains(v, "\x00")
	}
	return false
}

// FuzzImportTables reads any text as realm.json.
func FuzzImportTables(f *testing.F) {
	for _, seed := range []string{
		`{"zerver_realm":[{"id":2,"string_id":"x","name":"y","date_created":1.5}],"zerver_client":[{"id":1,"name":"website"}]}`,
		`{"zerver_userprofile":[{"id":5,"email":"\u00e9","groups":[1,2],"new":{"a":[null,1e5]},"date_joined":1700000000.123456}]}`,
		`{"zerver_realmauditlog":[{"id":1,"extra_data":{"1":[{}]},"event_time":-5}],"x":5,"zerver_userprofile_crossrealm":[{"email":"a","id":1}]}`,
		`{"zerver_namedusergroup":[{"id":1,"usergroup_ptr":1,"name":"role:nobody","is_system_group":true}],"zerver_stream":[{"id":1}]}`,
		`{"zerver_stream":[[]],"zerver_recipient":[{"id":1,"type":1,"type_id":2},{"id":`,
	} {
		f.Add([]byte(seed))
	}
	store := newStrict(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		s := &strict{tables: store.tables}
		r := newRun(Options{Store: s, Meter: &realmport.Meter{}, Secret: []byte("s"), Now: time.Unix(1700000000, 0), Log: slog.New(slog.DiscardHandler)})
		var err error
		if r.stage, err = openStage(filepath.Join(t.TempDir(), "uploads")); err != nil {
			t.Fatal(err)
		}
		err = r.readLists(t.Context(), string(catalog.RealmFile), catalog.RealmFile, bytes.NewReader(text))
		if err == nil {
			err = r.insertWaiting(t.Context())
		}
		if err == nil {
			err = r.addLacking(t.Context())
		}
		checkFuzzed(t, s, place{file: "realm.json"}.at(err))
		if err := r.stage.remove(); err != nil {
			t.Error(err)
		}
	})
}

// checkFuzzed checks that the store got only what it can take, and that an error is one for users.
func checkFuzzed(t *testing.T, s *strict, err error) {
	t.Helper()
	if s.broken != nil {
		t.Error(s.broken)
	}
	var known *realmport.Error
	if err != nil && (!errors.As(err, &known) || known.Code == realmport.Internal) {
		t.Errorf("got the error %v", err)
	}
}

// FuzzImportArchive reads any bytes as the tar of an archive.
func FuzzImportArchive(f *testing.F) {
	seed := func(members ...string) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for i := 0; i < len(members); i += 2 {
			h := tar.Header{Name: "a/" + members[i], Typeflag: tar.TypeReg, Size: int64(len(members[i+1])), Mode: 0o600}
			if err := w.WriteHeader(&h); err != nil {
				f.Fatal(err)
			}
			if _, err := w.Write([]byte(members[i+1])); err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	seed("realm.json", `{"zerver_userprofile":[]}`, "attachment.json", `{"zerver_attachment":[]}`, "messages-000001.json", `{}`)
	seed("migration_status.json", `{"migrations_by_app":{"zerver":["[X] 0700_x"]},"zulip_version":"11"}`, "missing.json", `[{}]`)
	seed("uploads/1/x", "content", "uploads/records.json", `[{"path":"1/x","s3_path":"1/x"}]`)
	store := newStrict(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		var b bytes.Buffer
		zw := gzip.NewWriter(&b)
		if _, err := zw.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := zw.Close(); err != nil {
			t.Fatal(err)
		}
		dir, s := t.TempDir(), &strict{tables: store.tables}
		_, err := Run(t.Context(), Options{
			Archive: &b, Store: s, Uploads: filepath.Join(dir, "uploads"), Secret: []byte("s"), Now: time.Unix(1700000000, 0),
		})
		checkFuzzed(t, s, err)
		if entries, _ := os.ReadDir(dir); err != nil && len(entries) > 0 {
			t.Errorf("the import left %s", entries[0].Name())
		}
	})
}

// TestTimesComeBack reads what an export writes of any time that it can write.
func TestTimesComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(-1<<53, 1<<53).Draw(t, "microseconds") // up to the year 2255
		text := string(encode.AppendFloat(nil, float64(us)/1e6))
		got, err := seconds(text)
		if err != nil {
			t.Fatal(err)
		}
		if again := string(encode.AppendFloat(nil, float64(got.UnixMicro())/1e6)); again != text {
			t.Fatalf("%d: %s came back as %s", us, text, again)
		}
		if abs := max(us, -us); abs < 1<<52 && got.UnixMicro() != us {
			t.Fatalf("%s: got %d microseconds, want %d", text, got.UnixMicro(), us)
		}
	})
}

// TestKeysAreOfLettersAndDigits holds keys of any user against what a server takes for one.
func TestKeysAreOfLettersAndDigits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := APIKey(rapid.SliceOf(rapid.Byte()).Draw(t, "secret"), rapid.Int64().Draw(t, "user"))
		if len(key) != 32 || strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Fatalf("got the key %q", key)
		}
	})
}
