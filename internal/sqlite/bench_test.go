package sqlite_test

import (
	"testing"

	"github.com/realmport/realmport"
)

// BenchmarkRead reads messages as an export does: the ids by organization, then whole rows by id.
func BenchmarkRead(b *testing.B) {
	const n = 100_000
	path := filled(b, n)
	source := open(b, path, 1)
	snap, err := source.Snapshot(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer snap.Close()
	schema, err := snap.Schema(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	all := func(table string) (names []string) {
		for _, c := range schema.Tables[table].Columns {
			if c.Kind != realmport.TSVector {
				names = append(names, c.Name)
			}
		}
		return names
	}
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	ofRealm := []realmport.Cond{realmport.Equal{Column: "realm_id", Value: int64(1)}}
	for name, q := range map[string]realmport.Query{
		"select":       {Table: "zerver_message", Columns: []string{"id", "sender_id", "recipient_id", "sending_client_id", "date_sent"}, Where: ofRealm},
		"messages":     {Table: "zerver_message", Columns: all("zerver_message"), Where: []realmport.Cond{realmport.In{Column: "id", IDs: ids}}, OrderBy: "id"},
		"usermessages": {Table: "zerver_usermessage", Columns: all("zerver_usermessage"), Where: []realmport.Cond{realmport.In{Column: "message_id", IDs: ids}}},
	} {
		b.Run(name, func(b *testing.B) {
			rows := 0
			b.ReportAllocs()
			for b.Loop() {
				err := snap.Read(b.Context(), q, func(realmport.Row) error { rows++; return nil })
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkLoad fills a database.
func BenchmarkLoad(b *testing.B) {
	const n = 20_000
	for b.Loop() {
		filled(b, n)
	}
	b.ReportMetric(float64(2*n*b.N)/b.Elapsed().Seconds(), "rows/s")
}
