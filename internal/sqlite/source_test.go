package sqlite_test

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/sourcetest"
	"github.com/realmport/realmport/internal/sqlite"
)

// typeNames are the types of the conformance tests' columns.
var typeNames = map[sourcetest.Type]string{
	sourcetest.SmallInt: "smallint", sourcetest.Integer: "integer", sourcetest.BigInt: "bigint", sourcetest.Bool: "boolean",
	sourcetest.Text: "text", sourcetest.Time: "timestamptz", sourcetest.UUID: "uuid text", sourcetest.JSON: "jsonb text",
}

// raw opens a database by SQLite's own means.
func raw(t *testing.T, path string, params ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_busy_timeout=10000&"+strings.Join(params, "&"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func execute(t *testing.T, db *sql.DB, text string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// stored is a value in the form in which a database keeps it.
func stored(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UnixMicro()
	case [16]byte:
		s := hex.EncodeToString(v[:])
		return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
	case json.RawMessage:
		return string(v)
	default:
		return v
	}
}

func open(t testing.TB, path string, connections int) *sqlite.Source {
	t.Helper()
	source, err := sqlite.Open(path, sqlite.Options{Connections: connections})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func snapshot(t *testing.T, path string, connections int) realmport.Snapshot {
	t.Helper()
	snap, err := open(t, path, connections).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { snap.Close() })
	return snap
}

func createTables(t *testing.T, tables []sourcetest.Table, mode string, connections int) *sourcetest.Database {
	t.Helper()
	path := filepath.Join(t.TempDir(), "conformance.db")
	db := raw(t, path, "_journal_mode="+mode)
	insert := func(t *testing.T, table string, row []any) {
		t.Helper()
		args := make([]any, len(row))
		for i, v := range row {
			args[i] = stored(v)
		}
		execute(t, db, fmt.Sprintf("INSERT INTO %s VALUES (?%s)", table, strings.Repeat(", ?", len(row)-1)), args...)
	}
	for _, table := range tables {
		var columns []string
		for _, c := range table.Columns {
			column := c.Name + " " + typeNames[c.Type]
			if c.Name == "id" {
				column = "id INTEGER PRIMARY KEY"
			} else if !c.Nullable {
				column += " NOT NULL"
			}
			if c.References != "" {
				column += " REFERENCES " + c.References
			}
			columns = append(columns, column)
		}
		execute(t, db, fmt.Sprintf("CREATE TABLE %s (%s)", table.Name, strings.Join(columns, ", ")))
		for _, row := range table.Rows {
			insert(t, table.Name, row)
		}
	}
	return &sourcetest.Database{
		Source: open(t, path, connections),
		Insert: insert,
		Delete: func(t *testing.T, table string, id int64) {
			t.Helper()
			execute(t, db, "DELETE FROM "+table+" WHERE id = ?", id)
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, connections := range []int{1, 3} {
		t.Run(fmt.Sprint(connections, " connections"), func(t *testing.T) {
			t.Parallel()
			sourcetest.Run(t, func(t *testing.T, tables []sourcetest.Table) *sourcetest.Database {
				t.Helper()
				return createTables(t, tables, "WAL", connections)
			})
		})
	}
}
