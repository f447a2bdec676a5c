package sqlite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/sqlite"
)

// create begins a new database, which is gone at the end of the test unless it was committed.
func create(tb testing.TB, path string) *sqlite.Loader {
	tb.Helper()
	l, err := sqlite.Create(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := l.Abort(); err != nil {
			tb.Error(err)
		}
	})
	return l
}

func commit(tb testing.TB, l *sqlite.Loader) {
	tb.Helper()
	if err := l.Commit(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// row is a row's values by column.
type row map[string]any

// empty is a value that any column of the kind holds.
func empty(kind realmport.Kind, n int) any {
	switch kind {
	case realmport.Int:
		return int64(0)
	case realmport.Bool:
		return false
	case realmport.Time:
		return time.Unix(1_700_000_000, 0)
	case realmport.UUID:
		return fmt.Sprintf("00000000-0000-4000-8000-%012x", n)
	case realmport.JSON:
		return json.RawMessage("{}")
	default:
		return ""
	}
}

// insert adds a row, with empty values in the columns that it does not name and that need one.
func insert(l *sqlite.Loader, table string, r row) error {
	var columns []string
	var values []any
	for _, c := range l.Columns(table) {
		v, ok := r[c.Name]
		if !ok && (c.Nullable || c.Name == "id") {
			continue
		}
		if !ok {
			id, _ := r["id"].(int64)
			v = empty(c.Kind, int(id))
		}
		columns, values = append(columns, c.Name), append(values, v)
	}
	return l.Insert(context.Background(), table, columns, values)
}

func mustInsert(tb testing.TB, l *sqlite.Loader, table string, r row) {
	tb.Helper()
	if err := insert(l, table, r); err != nil {
		tb.Fatal(err)
	}
}

// addRealm adds an organization with what it cannot do without: a group, a user, their recipient, a client.
func addRealm(tb testing.TB, l *sqlite.Loader) {
	tb.Helper()
	realm := row{"id": int64(1), "string_id": "demo"}
	for _, c := range l.Columns("zerver_realm") {
		if c.References == "zerver_usergroup" {
			realm[c.Name] = int64(1)
		}
	}
	mustInsert(tb, l, "zerver_realm", realm)
	mustInsert(tb, l, "zerver_usergroup", row{"id": int64(1), "realm_id": int64(1)})
	mustInsert(tb, l, "zerver_recipient", row{"id": int64(1), "type": int64(1), "type_id": int64(1)})
	mustInsert(tb, l, "zerver_userprofile", row{"id": int64(1), "realm_id": int64(1), "recipient_id": int64(1), "api_key": "k"})
	mustInsert(tb, l, "zerver_client", row{"id": int64(1), "name": "website"})
}

func message(id int64) row {
	return row{
		"id": id, "realm_id": int64(1), "sender_id": int64(1), "recipient_id": int64(1), "sending_client_id": int64(1),
		"subject": "a topic", "content": "A message of the usual length, that is about a hundred characters, or not many more than that.",
		"rendered_content": "<p>A message of the usual length, that is about a hundred characters, or not many more than that.</p>",
		"date_sent":        time.Unix(1_700_000_000+id, 123_456_000), "edit_history": nil,
	}
}

// filled makes a database with an organization and n messages, each received by its sender.
func filled(tb testing.TB, n int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "store.db")
	l := create(tb, path)
	addRealm(tb, l)
	for i := range n {
		mustInsert(tb, l, "zerver_message", message(int64(i+1)))
		mustInsert(tb, l, "zerver_usermessage", row{"id": int64(i + 1), "user_profile_id": int64(1), "message_id": int64(i + 1), "flags": int64(1)})
	}
	commit(tb, l)
	return path
}
