package sqlite_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/sqlite"
)

// names lists what is in a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestColumns(t *testing.T) {
	t.Parallel()
	l := create(t, filepath.Join(t.TempDir(), "store.db"))
	want := []realmport.Column{
		{Name: "id", Kind: realmport.Int, Readable: true},
		{Name: "user_profile_id", Kind: realmport.Int, Readable: true, References: "zerver_userprofile"},
		{Name: "message_id", Kind: realmport.Int, Readable: true, References: "zerver_message"},
		{Name: "flags", Kind: realmport.Int, Readable: true},
	}
	if diff := cmp.Diff(want, l.Columns("zerver_usermessage")); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if got := l.Columns("zerver_none"); got != nil {
		t.Errorf("got columns %v of a table that is not there", got)
	}
}

func TestCommitMakesTheFileWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	l := create(t, path)
	addRealm(t, l)
	for _, name := range names(t, dir) {
		if name == "store.db" {
			t.Error("the database has its name before it is committed")
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got mode %v, %v, want one for its owner only", name, info.Mode(), err)
		}
	}
	commit(t, l)
	if diff := cmp.Diff([]string{"store.db"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
	for range 2 {
		if err := l.Abort(); err != nil {
			t.Errorf("abort after commit: %v", err)
		}
	}
	if err := l.Commit(t.Context()); err == nil {
		t.Error("a second commit succeeds")
	}
	if err := l.Insert(t.Context(), "zerver_client", []string{"name"}, []any{"x"}); err == nil {
		t.Error("an insert after the commit succeeds")
	}
	if err := l.AddColumn(t.Context(), "zerver_client", "x", realmport.Text); err == nil {
		t.Error("a new column after the commit succeeds")
	}
	var mode, check string
	db := raw(t, path)
	if err := db.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("got journal mode %q, %v, want wal", mode, err)
	}
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("got integrity %q, %v, want ok", check, err)
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := create(t, filepath.Join(dir, "store.db"))
	addRealm(t, l)
	for range 2 {
		if err := l.Abort(); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("files are left: %q", got)
	}
	if err := l.Commit(t.Context()); err == nil {
		t.Error("a commit after the abort succeeds")
	}
}

func TestCreateFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	touch := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, tt := range map[string]struct {
		path string
		code realmport.Code
	}{
		"no path":      {"", realmport.Invalid},
		"NUL":          {"a\x00b", realmport.Invalid},
		"there":        {touch("there.db"), realmport.Conflict},
		"a folder":     {dir, realmport.Conflict},
		"old log":      {strings.TrimSuffix(touch("log.db-wal"), "-wal"), realmport.Conflict},
		"old journal":  {strings.TrimSuffix(touch("old.db-journal"), "-journal"), realmport.Conflict},
		"no folder":    {filepath.Join(dir, "none", "store.db"), realmport.NotAllowed},
		"below a file": {filepath.Join(touch("file"), "store.db"), realmport.NotAllowed},
	} {
		if l, err := sqlite.Create(t.Context(), tt.path); realmport.ErrorCode(err) != tt.code {
			t.Errorf("%s: got %v, %v, want an error with code %s", name, l, err, tt.code)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sqlite.Create(ctx, filepath.Join(dir, "new.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("context ended: got %v", err)
	}
	if diff := cmp.Diff([]string{"file", "log.db-wal", "old.db-journal", "there.db"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestCommitNeverReplaces lets a file come while a database is filled.
func TestCommitNeverReplaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	l := create(t, path)
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(t.Context()); realmport.ErrorCode(err) != realmport.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
		t.Errorf("the file is now %q, %v", text, err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("files are left: %q", got)
	}
}

func TestInsertChecksValues(t *testing.T) {
	t.Parallel()
	l := create(t, filepath.Join(t.TempDir(), "store.db"))
	for _, c := range []struct {
		column string
		kind   realmport.Kind
	}{{"added", realmport.Int}, {"flag", realmport.Bool}, {"at", realmport.Time}, {"key", realmport.UUID}, {"data", realmport.JSON}, {"note", realmport.Text}} {
		if err := l.AddColumn(t.Context(), "zerver_client", c.column, c.kind); err != nil {
			t.Fatal(err)
		}
	}
	const secret = "hunter2-hunter2-hunter2-hunter2-hunter2"
	for _, tt := range []struct {
		column string
		value  any
		ok     bool
	}{
		{"name", strings.Repeat("é", 30), true},
		{"name", strings.Repeat("é", 31), false},
		{"name", secret, false},
		{"name", nil, false},
		{"name", int64(1), false},
		{"note", "a\x00b", false},
		{"note", "\xff", false},
		{"note", json.RawMessage(`"a"`), false},
		{"added", int64(math.MinInt64), true},
		{"added", "1", false},
		{"added", 1, false},
		{"added", 1.5, false},
		{"added", true, false},
		{"flag", true, true},
		{"flag", int64(1), false},
		{"at", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), true},
		{"at", time.Date(294_245, 12, 31, 0, 0, 0, 0, time.UTC), true},
		{"at", time.Date(294_246, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{"at", time.Date(-4713, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{"at", "2024-01-01", false},
		{"key", "123E4567-E89B-12D3-a456-426614174000", true},
		{"key", "123e4567e89b12d3a456426614174000", false},
		{"key", "123e4567-e89b-12d3-a456-42661417400g", false},
		{"key", "123e4567-e89b-12d3-a456_426614174000", false},
		{"data", json.RawMessage(`{"a": 1.50}`), true},
		{"data", json.RawMessage(`{"a": }`), false},
		{"data", json.RawMessage("\"\xff\""), false},
		{"data", json.RawMessage(nil), false},
		{"data", "{}", false},
	} {
		columns, values := []string{tt.column}, []any{tt.value}
		if tt.column != "name" {
			columns, values = append(columns, "name"), append(values, "a name")
		}
		err := l.Insert(t.Context(), "zerver_client", columns, values)
		if tt.ok {
			if err != nil {
				t.Errorf("%s %v: %v", tt.column, tt.value, err)
			}
			continue
		}
		if realmport.ErrorCode(err) != realmport.Invalid || !strings.Contains(err.Error(), "zerver_client."+tt.column) {
			t.Errorf("%s %v: got error %v, want an invalid zerver_client.%[1]s", tt.column, tt.value, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error quotes the value: %v", err)
		}
	}
	err := insert(l, "zerver_usermessage", row{"user_profile_id": int64(1 << 31), "message_id": int64(1)})
	if realmport.ErrorCode(err) != realmport.Invalid || !strings.Contains(fmt.Sprint(err), "2147483648") {
		t.Errorf("an integer too large: got %v", err)
	}
}

func TestInsertChecksColumns(t *testing.T) {
	t.Parallel()
	l := create(t, filepath.Join(t.TempDir(), "store.db"))
	for name, tt := range map[string]struct {
		table   string
		columns []string
		values  []any
	}{
		"table":      {"zerver_none", []string{"name"}, []any{"x"}},
		"column":     {"zerver_client", []string{"name", "none"}, []any{"x", "y"}},
		"hostile":    {"zerver_client", []string{`name") --`}, []any{"x"}},
		"twice":      {"zerver_client", []string{"name", "name"}, []any{"x", "y"}},
		"missing":    {"zerver_client", []string{"id"}, []any{int64(1)}},
		"no columns": {"zerver_client", nil, nil},
		"few values": {"zerver_client", []string{"id", "name"}, []any{int64(1)}},
		"many":       {"zerver_client", []string{"name"}, []any{"x", "y"}},
	} {
		if err := l.Insert(t.Context(), tt.table, tt.columns, tt.values); realmport.ErrorCode(err) != realmport.Invalid {
			t.Errorf("%s: got error %v, want one with code invalid", name, err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped by the user")
	cancel(cause)
	if err := l.Insert(ctx, "zerver_client", []string{"name"}, []any{"x"}); !errors.Is(err, cause) {
		t.Errorf("context ended: got %v, want its cause", err)
	}
}

func TestCommitChecksRows(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		table string
		rows  []row
		want  []string // in the message
	}{
		"reference": {
			"zerver_message",
			[]row{{"id": int64(7), "realm_id": int64(1), "sender_id": int64(99), "recipient_id": int64(1), "sending_client_id": int64(1)}},
			[]string{"row 7 of zerver_message", "sender_id", "row 99 of zerver_userprofile"},
		},
		"references": {
			"zerver_alertword", []row{{"id": int64(1), "realm_id": int64(5), "user_profile_id": int64(6)}}, []string{"1 more"},
		},
		"same id":   {"zerver_client", []row{{"id": int64(5), "name": "a"}, {"id": int64(5), "name": "b"}}, []string{"zerver_client", "id 5"}},
		"same name": {"zerver_client", []row{{"id": int64(5), "name": "a"}, {"id": int64(9), "name": "a"}}, []string{"rows 5 and 9 of zerver_client", "name"}},
		"same by expression": {
			"zerver_stream", []row{
				{"id": int64(3), "realm_id": int64(1), "name": "Hall"},
				{"id": int64(4), "realm_id": int64(1), "name": "HALL"},
			}, []string{"rows 3 and 4 of zerver_stream", "realm_id, upper(name)"},
		},
		"same in part": {
			"zerver_realmemoji", []row{
				{"id": int64(1), "realm_id": int64(1), "name": "e", "deactivated": true},
				{"id": int64(2), "realm_id": int64(1), "name": "e", "deactivated": false},
				{"id": int64(3), "realm_id": int64(1), "name": "e", "deactivated": false},
			}, []string{"rows 2 and 3 of zerver_realmemoji"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			l := create(t, filepath.Join(dir, "store.db"))
			addRealm(t, l)
			var first error
			for _, r := range tt.rows {
				first = errors.Join(first, insert(l, tt.table, r))
			}
			err := l.Commit(t.Context())
			if realmport.ErrorCode(err) != realmport.Invalid {
				t.Errorf("got error %v (inserting: %v), want one with code invalid", err, first)
			}
			for _, part := range tt.want {
				if err != nil && !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if got := names(t, dir); len(got) != 0 {
				t.Errorf("files are left: %q", got)
			}
		})
	}
}

func TestCommitStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := create(t, filepath.Join(dir, "store.db"))
	addRealm(t, l)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped by the user")
	cancel(cause)
	if err := l.Commit(ctx); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("files are left: %q", got)
	}
}

func TestAddColumn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	l := create(t, path)
	addRealm(t, l)
	for name, tt := range map[string]struct {
		table, column string
		kind          realmport.Kind
		code          realmport.Code
	}{
		"table":       {"zerver_none", "new", realmport.Text, realmport.Invalid},
		"there":       {"zerver_client", "name", realmport.Text, realmport.Conflict},
		"empty":       {"zerver_client", "", realmport.Text, realmport.Invalid},
		"upper case":  {"zerver_client", "New", realmport.Text, realmport.Invalid},
		"hostile":     {"zerver_client", `x" text; DROP TABLE zerver_realm; --`, realmport.Text, realmport.Invalid},
		"line":        {"zerver_client", "x\n", realmport.Text, realmport.Invalid},
		"long":        {"zerver_client", strings.Repeat("x", 64), realmport.Text, realmport.Invalid},
		"of ids":      {"zerver_client", "new", realmport.IDs, realmport.Invalid},
		"of no kind":  {"zerver_client", "new", 0, realmport.Invalid},
		"full-text":   {"zerver_client", "new", realmport.TSVector, realmport.Invalid},
		"of any kind": {"zerver_client", "select", realmport.JSON, ""},
	} {
		if err := l.AddColumn(t.Context(), tt.table, tt.column, tt.kind); realmport.ErrorCode(err) != tt.code {
			t.Errorf("%s: got error %v, want code %q", name, err, tt.code)
		}
	}
	// Between rows, too.
	mustInsert(t, l, "zerver_client", row{"id": int64(2), "name": "b", "select": json.RawMessage("1.50")})
	if err := l.AddColumn(t.Context(), "zerver_client", "later", realmport.Bool); err != nil {
		t.Fatal(err)
	}
	mustInsert(t, l, "zerver_client", row{"id": int64(3), "name": "c", "later": true})
	commit(t, l)
	snap := snapshot(t, path, 1)
	schema, err := snap.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []realmport.Column{
		{Name: "id", Kind: realmport.Int, Readable: true},
		{Name: "name", Kind: realmport.Text, Readable: true},
		{Name: "select", Kind: realmport.JSON, Nullable: true, Readable: true},
		{Name: "later", Kind: realmport.Bool, Nullable: true, Readable: true},
	}
	if diff := cmp.Diff(want, schema.Tables["zerver_client"].Columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	var got []string
	q := realmport.Query{Table: "zerver_client", Columns: []string{"name", "select", "later"}, OrderBy: "id"}
	err = snap.Read(t.Context(), q, func(r realmport.Row) error {
		got = append(got, string(r[0])+" "+string(r[1])+" "+string(r[2]))
		return nil
	})
	if diff := cmp.Diff([]string{"website  ", "b 1.50 ", "c  \x01"}, got); diff != "" || err != nil {
		t.Errorf("rows: %v (-want +got):\n%s", err, diff)
	}
}

// TestIDsAreGiven checks that ids go on after those that were loaded, and that an export's never comes again.
func TestIDsAreGiven(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	l := create(t, path)
	addRealm(t, l)
	mustInsert(t, l, "zerver_realmexport", row{"id": int64(40), "realm_id": int64(1)})
	commit(t, l)
	db, err := sqlite.OpenDB(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	export := func() (id int64) {
		t.Helper()
		if err := db.QueryRow("INSERT INTO zerver_realmexport (realm_id, type, status, date_requested) VALUES (1, 1, 1, 0) RETURNING id").Scan(&id); err != nil {
			t.Fatal(err)
		}
		return id
	}
	if got := export(); got != 41 {
		t.Errorf("got id %d, want 41", got)
	}
	execute(t, db, "DELETE FROM zerver_realmexport")
	if got := export(); got != 42 {
		t.Errorf("after all were deleted: got id %d, want 42", got)
	}
	var client int64
	if err := db.QueryRow("INSERT INTO zerver_client (name) VALUES ('new') RETURNING id").Scan(&client); err != nil || client != 2 {
		t.Errorf("got client %d, %v, want 2", client, err)
	}
}

func TestErrorsAreNoSecret(t *testing.T) {
	t.Parallel()
	l := create(t, filepath.Join(t.TempDir(), "store.db"))
	addRealm(t, l)
	const secret = "abcdefghijklmnopqrstuvwxyz012345"
	for id := range int64(2) {
		mustInsert(t, l, "zerver_userprofile", row{
			"id": 10 + id, "realm_id": int64(1), "api_key": secret, "email": string('a' + rune(id)), "delivery_email": string('a' + rune(id)),
		})
	}
	err := l.Commit(t.Context())
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), secret) {
			t.Errorf("the error holds the key: %v", e)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "api_key") {
		t.Errorf("got %v, want an error about api_key", err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
