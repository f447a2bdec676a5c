package sqlite_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/sourcetest"
	"github.com/realmport/realmport/internal/sqlite"
)

// flags reads the flags of a usermessage.
func flags(ctx context.Context, snap realmport.Snapshot, id int64, then func(int64) error) error {
	q := realmport.Query{Table: "zerver_usermessage", Columns: []string{"flags"}, Where: []realmport.Cond{realmport.Equal{Column: "id", Value: id}}}
	return snap.Read(ctx, q, func(r realmport.Row) error { return then(int64(binary.BigEndian.Uint64(r[0]))) })
}

// TestOneState takes snapshots beside a writer: all connections must see the same state. Each read holds its connection while
// the next one runs.
func TestOneState(t *testing.T) {
	t.Parallel()
	path := filled(t, 2)
	db, err := sqlite.OpenDB(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	source := open(t, path, 4)
	for range 12 {
		var writer sync.WaitGroup
		writer.Go(func() {
			for range 10 {
				if _, err := db.ExecContext(t.Context(), "UPDATE zerver_usermessage SET flags = flags + 1"); err != nil {
					t.Error(err)
				}
			}
		})
		snap, err := source.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var seen []int64
		var read func(int64) error
		read = func(n int64) error {
			if seen = append(seen, n); len(seen) == 4 {
				return nil
			}
			return flags(t.Context(), snap, int64(1+len(seen)%2), read)
		}
		if err := flags(t.Context(), snap, 1, read); err != nil {
			t.Fatal(err)
		}
		if len(slices.Compact(seen)) != 1 {
			t.Fatalf("the connections of a snapshot see %v", seen)
		}
		snap.Close()
		writer.Wait()
	}
}

// TestWritersDoNotWait writes, and moves what was written into the file, while a snapshot is open.
func TestWritersDoNotWait(t *testing.T) {
	t.Parallel()
	path := filled(t, 100)
	db, err := sqlite.OpenDB(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	snap := snapshot(t, path, 2)
	rows := 0
	q := realmport.Query{Table: "zerver_message", Columns: []string{"id", "subject"}, OrderBy: "id"}
	err = snap.Read(t.Context(), q, func(r realmport.Row) error {
		if rows++; rows == 50 {
			execute(t, db, "UPDATE zerver_message SET subject = 'changed'")
			execute(t, db, "DELETE FROM zerver_usermessage")
			execute(t, db, "DELETE FROM zerver_message")
			execute(t, db, "PRAGMA wal_checkpoint(PASSIVE)")
		}
		if got := string(r[1]); got != "a topic" {
			return fmt.Errorf("row %d became %q", rows, got)
		}
		return nil
	})
	if err != nil || rows != 100 {
		t.Errorf("got %d rows, %v, want 100", rows, err)
	}
}

// TestLockedDatabase takes a snapshot while another process has the lock, which takes one connection then.
func TestLockedDatabase(t *testing.T) {
	t.Parallel()
	path := filled(t, 1)
	db := raw(t, path, "_txlock=immediate")
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec("UPDATE zerver_usermessage SET flags = 8"); err != nil {
		t.Fatal(err)
	}
	snap := snapshot(t, path, 3)
	if err := flags(t.Context(), snap, 1, func(n int64) error {
		if n != 1 {
			t.Errorf("got flags %d that are not committed", n)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestContextEndsWhileLocked(t *testing.T) {
	t.Parallel()
	path := filled(t, 1)
	tx, err := raw(t, path, "_txlock=immediate").BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped by the user")
	var wait sync.WaitGroup
	wait.Go(func() { cancel(cause) })
	if _, err := open(t, path, 3).Snapshot(ctx); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
	wait.Wait()
}

// TestRollbackJournal reads a database that is not in WAL mode.
func TestRollbackJournal(t *testing.T) {
	t.Parallel()
	db := createTables(t, sourcetest.Tables(), "DELETE", 3)
	snap, err := db.Source.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	rows := 0
	err = snap.Read(t.Context(), realmport.Query{Table: "zerver_message", Columns: []string{"id"}}, func(realmport.Row) error { rows++; return nil })
	if err != nil || rows != 8 {
		t.Errorf("got %d rows, %v, want 8", rows, err)
	}
}

// TestCloseWhileReading closes a snapshot from within a read, which goes on.
func TestCloseWhileReading(t *testing.T) {
	t.Parallel()
	snap := snapshot(t, filled(t, 10), 2)
	rows := 0
	err := snap.Read(t.Context(), realmport.Query{Table: "zerver_message", Columns: []string{"id"}}, func(realmport.Row) error {
		rows++
		return snap.Close()
	})
	if err != nil || rows != 10 {
		t.Errorf("got %d rows, %v, want 10", rows, err)
	}
}

// TestWaitingReadEnds lets a read wait for the only connection, and closes the snapshot or ends the context.
func TestWaitingReadEnds(t *testing.T) {
	t.Parallel()
	path := filled(t, 1)
	for name, end := range map[string]func(snap realmport.Snapshot, cancel func()){
		"closed":  func(snap realmport.Snapshot, _ func()) { snap.Close() },
		"context": func(_ realmport.Snapshot, cancel func()) { cancel() },
	} {
		synctest.Test(t, func(t *testing.T) {
			snap := snapshot(t, path, 1)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := flags(t.Context(), snap, 1, func(int64) error {
				waiting := make(chan error)
				go func() { waiting <- flags(ctx, snap, 1, func(int64) error { return nil }) }()
				synctest.Wait()
				end(snap, cancel)
				return <-waiting
			})
			if err == nil {
				t.Errorf("%s: the second read had the connection that the first one has", name)
			}
		})
	}
}

// TestUnknownLinks asks for links by names that are not there.
func TestUnknownLinks(t *testing.T) {
	t.Parallel()
	snap := snapshot(t, filled(t, 1), 1)
	known := realmport.Link{Table: "zerver_attachment_messages", Owner: "attachment_id", Target: "message_id", By: "id"}
	for name, change := range map[string]func(*realmport.Link){
		"table":  func(l *realmport.Link) { l.Table = "none" },
		"owner":  func(l *realmport.Link) { l.Owner = "none" },
		"target": func(l *realmport.Link) { l.Target = "none" },
		"by":     func(l *realmport.Link) { l.By = `id) FROM zerver_userprofile --` },
	} {
		l := known
		change(&l)
		err := snap.Read(t.Context(), realmport.Query{Table: "zerver_attachment", Links: []realmport.Link{l}}, func(realmport.Row) error { return nil })
		if realmport.ErrorCode(err) != realmport.Unsupported {
			t.Errorf("%s: got %v, want an error with code unsupported", name, err)
		}
	}
}

// TestNoColumns counts rows.
func TestNoColumns(t *testing.T) {
	t.Parallel()
	rows := 0
	err := snapshot(t, filled(t, 3), 1).Read(t.Context(), realmport.Query{Table: "zerver_message"}, func(r realmport.Row) error {
		rows += 1 + len(r)
		return nil
	})
	if err != nil || rows != 3 {
		t.Errorf("got %d rows, %v, want 3 empty ones", rows, err)
	}
}

// TestWrongValues reads values that another program wrote.
func TestWrongValues(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(filled(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ table, column, value string }{
		{"zerver_client", "name", "x'41'"},
		{"zerver_client", "name", "CAST(x'ff' AS TEXT)"},
		{"zerver_usermessage", "flags", "1.5"},
		{"zerver_usermessage", "flags", "'text'"},
		{"zerver_usermessage", "message_id", "2147483648"},
		{"zerver_message", "has_link", "2"},
		{"zerver_message", "date_sent", "'2024-01-01'"},
		{"zerver_message", "date_sent", "-9223372036854775808"},
		{"zerver_realm", "uuid", "'no uuid'"},
		{"zerver_realm", "uuid", "x'00112233445566778899aabbccddeeff'"},
		{"zerver_userprofile", "id", "9"},
		{"zerver_realmauditlog", "extra_data", "'{'"},
		{"zerver_realmauditlog", "extra_data", "jsonb('{}')"},
	} {
		path := filepath.Join(t.TempDir(), "wrong.db")
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		db := raw(t, path)
		execute(t, db, "INSERT INTO zerver_realmauditlog VALUES (1, 0, 0, '{}', 1, 1, NULL, NULL, NULL, NULL, NULL)")
		execute(t, db, fmt.Sprintf("UPDATE %s SET %s = %s", tt.table, tt.column, tt.value))
		snap := snapshot(t, path, 1)
		err := snap.Read(t.Context(), realmport.Query{Table: tt.table, Columns: []string{tt.column}}, func(realmport.Row) error { return nil })
		if tt.column == "id" {
			if err != nil {
				t.Errorf("a right value: %v", err)
			}
			continue
		}
		if realmport.ErrorCode(err) != realmport.Unsupported || !strings.Contains(fmt.Sprint(err), tt.table) || !strings.Contains(fmt.Sprint(err), tt.column) {
			t.Errorf("%s.%s = %s: got error %v, want one that names the column", tt.table, tt.column, tt.value, err)
		}
	}
}

// TestForeignTables checks what becomes of tables and types that the shape does not have.
func TestForeignTables(t *testing.T) {
	t.Parallel()
	path := filled(t, 1)
	db := raw(t, path)
	execute(t, db, "CREATE TABLE zerver_new (id INTEGER PRIMARY KEY, ratio REAL, label CLOB)")
	execute(t, db, `INSERT INTO zerver_new VALUES (1, 1.5, 'a "b"'), (2, NULL, NULL)`)
	snap := snapshot(t, path, 1)
	schema, err := snap.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if schema.Tables["sqlite_stat1"] != nil {
		t.Error("a table of SQLite's own is in the schema")
	}
	var got []string
	q := realmport.Query{Table: "zerver_new", Columns: []string{"ratio", "label"}, OrderBy: "id"}
	err = snap.Read(t.Context(), q, func(r realmport.Row) error {
		got = append(got, string(r[0])+" "+string(r[1]))
		return nil
	})
	if diff := cmp.Diff([]string{`1.5 "a \"b\""`, "null null"}, got); err != nil || diff != "" {
		t.Errorf("rows: %v (-want +got):\n%s", err, diff)
	}
	if got := schema.Tables["zerver_message"].Estimate; got != 1 {
		t.Errorf("got an estimate of %d messages, want 1", got)
	}
}

// TestManyIDs asks for more ids than SQLite takes arguments.
func TestManyIDs(t *testing.T) {
	t.Parallel()
	snap := snapshot(t, filled(t, 100), 1)
	ids := make([]int64, 40_000)
	for i := range ids {
		ids[i] = int64(2 * i)
	}
	rows := 0
	q := realmport.Query{Table: "zerver_message", Columns: []string{"id"}, Where: []realmport.Cond{realmport.In{Column: "id", IDs: ids}}}
	if err := snap.Read(t.Context(), q, func(realmport.Row) error { rows++; return nil }); err != nil || rows != 50 {
		t.Errorf("got %d rows, %v, want 50", rows, err)
	}
}

// TestIndexesServe checks the plans of the reads that an export of a large organization makes most.
func TestIndexesServe(t *testing.T) {
	t.Parallel()
	db := raw(t, filled(t, 1000))
	for _, text := range []string{
		"SELECT id FROM zerver_message AS t WHERE t.realm_id = 1",
		"SELECT content FROM zerver_message AS t WHERE t.id IN (SELECT value FROM json_each('[1]')) ORDER BY t.id",
		"SELECT id FROM zerver_usermessage AS t WHERE t.message_id IN (SELECT value FROM json_each('[1]'))",
		"SELECT t.id FROM zerver_message AS v CROSS JOIN zerver_reaction AS t ON t.message_id = v.id AND v.realm_id = 1",
	} {
		rows, err := db.Query("EXPLAIN QUERY PLAN " + text)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(detail, "SCAN t") || strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s: %s", text, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
	}
}
