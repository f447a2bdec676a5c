package demo

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/realmport/realmport"
)

// exports is a set of export types: those whose archive holds a row.
type exports uint8

// The sets that the selection rules make.
const (
	never      exports = 0
	publicly   exports = 1 << realmport.Public
	standardly exports = 1 << realmport.Standard
	fully      exports = 1 << realmport.Full

	always     = publicly | standardly | fully
	consented  = standardly | fully // private data of somebody who consented
	fullOnly   = fully              // private data of somebody who did not
	exceptFull = standardly
)

func (e exports) has(t realmport.ExportType) bool { return e&(1<<t) != 0 }

// fixture collects the rows of a database.
type fixture struct {
	rows  []row
	last  map[string]int64 // the largest id of each table
	tick  time.Duration
	begin time.Time // of the times; epoch if it is zero
}

// insert adds a row, with the table's next id if it has none, and returns the id.
func (f *fixture) insert(r row) int64 {
	id := r.id()
	if id == 0 {
		id = f.last[r.table] + 1
		// The caller may use its values again.
		r.values = with(r.values, values{"id": id})
	}
	f.last[r.table] = max(f.last[r.table], id)
	f.rows = append(f.rows, r)
	return id
}

// now returns a time later than the last one, with other microseconds.
func (f *fixture) now() time.Time {
	f.tick += time.Minute + time.Microsecond
	return cmp.Or(f.begin, epoch).Add(f.tick)
}

// ids returns the ids of a table's rows in the archive of a type, ascending.
func (f *fixture) ids(table string, t realmport.ExportType) []int64 {
	var ids []int64
	for _, r := range f.rows {
		if r.table == table && r.in.has(t) {
			ids = append(ids, r.id())
		}
	}
	slices.Sort(ids)
	return ids
}

// PersonalRecipient returns the id of the recipient that stands for a user.
func PersonalRecipient(user int64) int64 { return 100 + user }

// ChannelRecipient returns the id of the recipient that stands for a channel.
func ChannelRecipient(channel int64) int64 { return 200 + channel }

// GroupRecipient returns the id of the recipient that stands for a group of users.
func GroupRecipient(group int64) int64 { return 300 + group }

// groupHash returns what identifies a group of users by its members.
func groupHash(users []int64) string {
	words := make([]string, len(users))
	for i, u := range slices.Sorted(slices.Values(users)) {
		words[i] = fmt.Sprint(u)
	}
	sum := sha1.Sum([]byte(strings.Join(words, ",")))
	return hex.EncodeToString(sum[:])
}
