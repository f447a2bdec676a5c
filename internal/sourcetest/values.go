package sourcetest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"github.com/realmport/realmport"
)

// y2k is where times are counted from.
var y2k = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

// ids reads the ids of all rows of a table. It may be called from any goroutine.
func ids(t *testing.T, snap realmport.Snapshot, table string) []int64 {
	t.Helper()
	var list []int64
	q := realmport.Query{Table: table, Columns: []string{"id"}, OrderBy: "id"}
	err := snap.Read(context.Background(), q, func(row realmport.Row) error {
		list = append(list, number(row[0]))
		return nil
	})
	if err != nil {
		t.Errorf("read ids of %s: %v", table, err)
	}
	return list
}

// read returns the rows of a query of all columns of a table, in the form of the fixture's.
func read(t *testing.T, snap realmport.Snapshot, q realmport.Query, table Table) [][]any {
	t.Helper()
	var rows [][]any
	err := snap.Read(t.Context(), q, func(row realmport.Row) error {
		var values []any
		for i, c := range table.Columns {
			values = append(values, value(c.Type, row[i]))
		}
		rows = append(rows, values)
		return nil
	})
	if err != nil {
		t.Fatalf("read %s: %v", table.Name, err)
	}
	return rows
}

// value reads a value in the form that its kind has in a row.
func value(typ Type, v []byte) any {
	if v == nil {
		return nil
	}
	switch typ {
	case SmallInt, Integer, BigInt:
		return number(v)
	case Bool:
		return len(v) == 1 && v[0] == 1
	case Time:
		return y2k.Add(time.Duration(number(v)) * time.Microsecond)
	case UUID:
		return [16]byte(v)
	case JSON:
		return json.RawMessage(v)
	default:
		return string(v)
	}
}

// number reads an integer of 2, 4 or 8 bytes.
func number(v []byte) int64 {
	switch len(v) {
	case 2:
		return int64(int16(binary.BigEndian.Uint16(v)))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(v)))
	default:
		return int64(binary.BigEndian.Uint64(v))
	}
}

// numbers reads a list of ids.
func numbers(v []byte) []int64 {
	var list []int64
	for ; len(v) > 0; v = v[8:] {
		list = append(list, number(v[:8]))
	}
	return list
}

func conds(c ...realmport.Cond) []realmport.Cond { return c }

func equal(column string, v any) realmport.Cond { return realmport.Equal{Column: column, Value: v} }

func in(column string, ids ...int64) realmport.Cond { return realmport.In{Column: column, IDs: ids} }

func between(column string, from, to int64) realmport.Cond {
	return realmport.Between{Column: column, From: from, To: to}
}

// through finds usermessages by way of their messages.
func through(where ...realmport.Cond) *realmport.Through {
	return &realmport.Through{Column: "message_id", Table: "zerver_message", Key: "id", Where: where}
}

// byRealm finds messages by way of their realm.
var byRealm = &realmport.Through{Column: "realm_id", Table: "zerver_realm", Key: "id"}
