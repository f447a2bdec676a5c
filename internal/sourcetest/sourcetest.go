package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realmport/realmport"
)

// Run runs the tests.
func Run(t *testing.T, create Create) {
	for name, test := range map[string]func(*testing.T, Create){
		"schema":                  testSchema,
		"queries":                 testQueries,
		"values":                  testValues,
		"unknown names":           testUnknownNames,
		"concurrent reads":        testConcurrentReads,
		"isolation":               testIsolation,
		"reader's error":          testReadersError,
		"context ends in a read":  testContextEnds,
		"context ended before":    testContextEnded,
		"close":                   testClose,
		"snapshots are their own": testTwoSnapshots,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, create)
		})
	}
}

// snapshot opens a snapshot of the source, which is closed with the test.
func snapshot(t *testing.T, db *Database) realmport.Snapshot {
	t.Helper()
	snap, err := db.Source.Snapshot(t.Context())
	if err != nil {
		t.Fatalf("snapshot: %v", err)
	}
	t.Cleanup(func() {
		if err := snap.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return snap
}

func setup(t *testing.T, create Create) (*Database, realmport.Snapshot) {
	t.Helper()
	db := create(t, Tables())
	return db, snapshot(t, db)
}

var kinds = map[Type]realmport.Kind{
	SmallInt: realmport.Int, Integer: realmport.Int, BigInt: realmport.Int, Bool: realmport.Bool,
	Text: realmport.Text, Time: realmport.Time, UUID: realmport.UUID, JSON: realmport.JSON,
}

func testSchema(t *testing.T, create Create) {
	_, snap := setup(t, create)
	schema, err := snap.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if schema.Version == "" {
		t.Error("got no version")
	}
	want := map[string]*realmport.Table{}
	for _, table := range Tables() {
		tab := &realmport.Table{Name: table.Name}
		for _, c := range table.Columns {
			tab.Columns = append(tab.Columns, realmport.Column{
				Name: c.Name, Kind: kinds[c.Type], Nullable: c.Nullable, References: c.References, Readable: true,
			})
		}
		want[table.Name] = tab
	}
	if diff := cmp.Diff(want, schema.Tables, cmpopts.IgnoreFields(realmport.Table{}, "Estimate")); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	again, err := snap.Schema(t.Context())
	if err != nil || again != schema {
		t.Errorf("second call: got %p, %v, want the schema %p again", again, err, schema)
	}
}

func testQueries(t *testing.T, create Create) {
	_, snap := setup(t, create)
	const huge = math.MaxInt64
	tests := map[string]struct {
		table  string // zerver_message unless given
		where  []realmport.Cond
		by     string // id unless given
		limit  int
		narrow *realmport.Through
		want   []int64
	}{
		"all":               {want: []int64{1, 2, 3, 4, 5, 6, 7, 8}},
		"empty table":       {table: "zerver_empty"},
		"equal int":         {where: conds(equal("id", int64(3))), want: []int64{3}},
		"equal int, absent": {where: conds(equal("id", int64(33)))},
		"equal int, huge":   {where: conds(equal("id", int64(huge)))},
		"equal text":        {where: conds(equal("subject", "zebra")), want: []int64{1}},
		"equal empty text":  {where: conds(equal("subject", "")), want: []int64{2}},
		"equal odd text":    {table: "zerver_realm", where: conds(equal("string_id", "o'brien\"\\")), want: []int64{2}},
		"equal hostile text": {
			table: "zerver_realm", where: conds(equal("string_id", "'; DROP TABLE zerver_realm; --")),
		},
		"equal true":        {table: "zerver_realm", where: conds(equal("deactivated", true)), want: []int64{2}},
		"equal false":       {table: "zerver_realm", where: conds(equal("deactivated", false)), want: []int64{1}},
		"equal small int":   {table: "zerver_realm", where: conds(equal("plan", int64(-3))), want: []int64{1}},
		"in":                {where: conds(in("id", 8, 2, 2, 99)), want: []int64{2, 8}},
		"in nothing":        {where: conds(in("id"))},
		"in, huge and tiny": {where: conds(in("id", 4, huge, -1, math.MinInt64)), want: []int64{4}},
		"in small ints":     {table: "zerver_realm", where: conds(in("plan", -3, 1<<20)), want: []int64{1}},
		"null":              {where: conds(realmport.Null{Column: "subject"}), want: []int64{6}},
		"null nowhere":      {where: conds(realmport.Null{Column: "id"})},
		"between":           {where: conds(between("id", 3, 5)), want: []int64{3, 4, 5}},
		"between all":       {where: conds(between("id", math.MinInt64, huge)), want: []int64{1, 2, 3, 4, 5, 6, 7, 8}},
		"between nothing":   {where: conds(between("id", 5, 3))},
		"between beyond":    {where: conds(between("id", 1<<40, 1<<41))},
		"and":               {where: conds(equal("realm_id", int64(2)), between("id", 4, 8)), want: []int64{4}},
		"or": {
			where: conds(realmport.Or{in("id", 1, 2), equal("subject", "apple"), realmport.Null{Column: "subject"}, between("id", 8, 9)}),
			want:  []int64{1, 2, 5, 6, 8},
		},
		"or of nothing":    {where: conds(realmport.Or{})},
		"or of one":        {where: conds(realmport.Or{in("id", 1)}), want: []int64{1}},
		"or and":           {where: conds(realmport.Or{in("id", 1, 5)}, equal("realm_id", int64(1))), want: []int64{5}},
		"or in or":         {where: conds(realmport.Or{realmport.Or{in("id", 1)}, in("id")}), want: []int64{1}},
		"limit":            {limit: 2, want: []int64{1, 2}},
		"limit above":      {limit: 200, where: conds(in("id", 3)), want: []int64{3}},
		"text is bytewise": {by: "subject", where: conds(in("id", 1, 2, 3, 4, 5, 7, 8)), want: []int64{2, 4, 7, 5, 1, 3, 8}},
		"text and limit":   {by: "subject", where: conds(in("id", 1, 2, 3, 4, 5, 7, 8)), limit: 2, want: []int64{2, 4}},
		"order by time":    {by: "date_sent", where: conds(in("id", 1, 2, 3)), want: []int64{3, 1, 2}},
		"through": {
			table: "zerver_usermessage", narrow: through(equal("realm_id", int64(2))),
			want: []int64{1<<40 + 1, 1<<40 + 2, 1<<40 + 3},
		},
		"through, more conditions": {
			table: "zerver_usermessage", narrow: through(in("id", 1, 2), equal("subject", "zebra")),
			where: conds(realmport.Or{equal("flags", int64(0)), in("id", 1)}), want: []int64{1<<40 + 1},
		},
		"through all, limited":       {table: "zerver_usermessage", narrow: through(), limit: 1, want: []int64{1<<40 + 1}},
		"through nothing":            {table: "zerver_usermessage", narrow: through(in("id", 3))},
		"through, order by text":     {by: "subject", narrow: byRealm, where: conds(between("id", 1, 4)), want: []int64{2, 4, 1, 3}},
		"through, any order":         {by: "-", narrow: byRealm, where: conds(in("id", 4)), want: []int64{4}},
		"any order":                  {by: "-", where: conds(in("id", 4)), want: []int64{4}},
		"64-bit ids":                 {table: "zerver_usermessage", where: conds(in("id", 1<<40+3)), want: []int64{1<<40 + 3}},
		"between of 64 bits":         {table: "zerver_usermessage", where: conds(between("id", 1<<40+2, 1<<40+3)), want: []int64{1<<40 + 2, 1<<40 + 3}},
		"equal to the greatest int8": {table: "zerver_usermessage", where: conds(equal("flags", int64(huge))), want: []int64{1<<40 + 4}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := realmport.Query{Table: tt.table, Columns: []string{"id"}, Where: tt.where, Through: tt.narrow, OrderBy: tt.by, Limit: tt.limit}
			if q.Table == "" {
				q.Table = "zerver_message"
			}
			switch q.OrderBy {
			case "":
				q.OrderBy = "id"
			case "-":
				q.OrderBy = ""
			}
			// A source may run a query in another way when it comes again.
			for range 3 {
				var got []int64
				err := snap.Read(context.Background(), q, func(row realmport.Row) error {
					got = append(got, number(row[0]))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Fatalf("ids (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func testValues(t *testing.T, create Create) {
	_, snap := setup(t, create)
	for _, table := range Tables() {
		q := realmport.Query{Table: table.Name, OrderBy: "id"}
		for _, c := range table.Columns {
			q.Columns = append(q.Columns, c.Name)
		}
		if diff := cmp.Diff(table.Rows, read(t, snap, q, table), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("rows of %s (-want +got):\n%s", table.Name, diff)
		}
	}
	links := []realmport.Link{
		{Table: "zerver_attachment_messages", Owner: "attachment_id", Target: "message_id", By: "message_id"},
		{Table: "zerver_attachment_messages", Owner: "attachment_id", Target: "message_id", By: "id"},
	}
	var got []string
	err := snap.Read(t.Context(), realmport.Query{Table: "zerver_attachment", Links: links, OrderBy: "id"}, func(row realmport.Row) error {
		if row[0] == nil || row[1] == nil {
			t.Errorf("got nil, want an empty list")
		}
		got = append(got, fmt.Sprint(numbers(row[0]), numbers(row[1])))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"[3 5 8] [8 3 5]", "[] []"}, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

func testUnknownNames(t *testing.T, create Create) {
	_, snap := setup(t, create)
	for name, q := range map[string]realmport.Query{
		"table":           {Table: "zerver_none", Columns: []string{"id"}},
		"column":          {Table: "zerver_realm", Columns: []string{"none"}},
		"condition":       {Table: "zerver_realm", Columns: []string{"id"}, Where: conds(in("none", 1))},
		"in an or":        {Table: "zerver_realm", Columns: []string{"id"}, Where: conds(realmport.Or{in("none", 1)})},
		"order":           {Table: "zerver_realm", Columns: []string{"id"}, OrderBy: "none"},
		"through":         {Table: "zerver_realm", Columns: []string{"id"}, Through: &realmport.Through{Column: "none", Table: "zerver_message", Key: "id"}},
		"through's table": {Table: "zerver_realm", Columns: []string{"id"}, Through: &realmport.Through{Column: "id", Table: "zerver_none", Key: "id"}},
		"through's key":   {Table: "zerver_realm", Columns: []string{"id"}, Through: &realmport.Through{Column: "id", Table: "zerver_message", Key: "none"}},
	} {
		err := snap.Read(t.Context(), q, func(realmport.Row) error { return nil })
		if realmport.ErrorCode(err) != realmport.Unsupported {
			t.Errorf("%s: got error %v, want one with code %s", name, err, realmport.Unsupported)
		}
	}
	// The snapshot is as good as before.
	if got := ids(t, snap, "zerver_realm"); len(got) != 2 {
		t.Errorf("afterwards: got realms %v, want 2", got)
	}
}

func testConcurrentReads(t *testing.T, create Create) {
	_, snap := setup(t, create)
	want := ids(t, snap, "zerver_message")
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if diff := cmp.Diff(want, ids(t, snap, "zerver_message")); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
	wait.Wait()
}

func testIsolation(t *testing.T, create Create) {
	db, snap := setup(t, create)
	db.Insert(t, "zerver_empty", []any{int64(5)})
	db.Delete(t, "zerver_usermessage", 1<<40+1)
	var wait sync.WaitGroup
	for range 5 { // also on connections that are made only now
		wait.Go(func() {
			if got := ids(t, snap, "zerver_empty"); len(got) != 0 {
				t.Errorf("got rows %v that came after the snapshot", got)
			}
			if got := ids(t, snap, "zerver_usermessage"); len(got) != 4 {
				t.Errorf("got rows %v, want also the one that was deleted after the snapshot", got)
			}
		})
	}
	wait.Wait()
}

func testTwoSnapshots(t *testing.T, create Create) {
	db, old := setup(t, create)
	db.Insert(t, "zerver_empty", []any{int64(5)})
	fresh := snapshot(t, db)
	if got := ids(t, fresh, "zerver_empty"); len(got) != 1 {
		t.Errorf("later snapshot: got rows %v, want one", got)
	}
	if err := fresh.Close(); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, old, "zerver_empty"); len(got) != 0 {
		t.Errorf("earlier snapshot: got rows %v, want none", got)
	}
}

func testReadersError(t *testing.T, create Create) {
	_, snap := setup(t, create)
	want := errors.New("enough")
	ctx, cancel := context.WithCancel(t.Context())
	for range 5 {
		rows := 0
		err := snap.Read(ctx, realmport.Query{Table: "zerver_message", Columns: []string{"id"}}, func(realmport.Row) error {
			rows++
			return want
		})
		if err != want || rows != 1 { //nolint:errorlint // as it is
			t.Errorf("got error %v after %d rows, want %v after 1", err, rows, want)
		}
	}
	cancel() // of a read that is over
	// The snapshot is as good as before, on all connections.
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			if got := ids(t, snap, "zerver_message"); len(got) != 8 {
				t.Errorf("afterwards: got messages %v, want 8", got)
			}
		})
	}
	wait.Wait()
}

func testContextEnds(t *testing.T, create Create) {
	db := create(t, Tables())
	snap := snapshot(t, db)
	cause := errors.New("stopped by the user")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	// No source can be in time for the rows that it has already: it must notice at the next read at the latest.
	var err error
	for range 2 {
		err = snap.Read(ctx, realmport.Query{Table: "zerver_message", Columns: []string{"id"}}, func(realmport.Row) error {
			cancel(cause)
			return nil
		})
	}
	if !errors.Is(err, cause) {
		t.Errorf("got error %v, want the cause %v", err, cause)
	}
}

func testContextEnded(t *testing.T, create Create) {
	db, snap := setup(t, create)
	cause := errors.New("stopped by the user")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := db.Source.Snapshot(ctx); !errors.Is(err, cause) {
		t.Errorf("snapshot: got error %v, want the cause %v", err, cause)
	}
	if _, err := snap.Schema(ctx); !errors.Is(err, cause) {
		t.Errorf("schema: got error %v, want the cause %v", err, cause)
	}
	err := snap.Read(ctx, realmport.Query{Table: "zerver_message", Columns: []string{"id"}}, func(realmport.Row) error { return nil })
	if !errors.Is(err, cause) {
		t.Errorf("read: got error %v, want the cause %v", err, cause)
	}
	if got := ids(t, snap, "zerver_message"); len(got) != 8 {
		t.Errorf("afterwards: got messages %v, want 8", got)
	}
}

func testClose(t *testing.T, create Create) {
	_, snap := setup(t, create)
	_ = ids(t, snap, "zerver_realm")
	for range 2 {
		if err := snap.Close(); err != nil {
			t.Fatal(err)
		}
	}
	rows := 0
	err := snap.Read(t.Context(), realmport.Query{Table: "zerver_realm", Columns: []string{"id"}}, func(realmport.Row) error {
		rows++
		return nil
	})
	if err == nil || rows > 0 {
		t.Errorf("read after close: got error %v and %d rows, want an error and none", err, rows)
	}
}
