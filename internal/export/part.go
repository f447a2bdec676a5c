package export

import (
	"context"
	"fmt"
	"iter"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/idset"
)

func (f MessageFile) name() string { return fmt.Sprintf("messages-%06d", f.Number) }

// Sizes of parts made by a team, in message files. Small ones let more machines help with a small organization; large ones, of more than
// the 5 MiB that S3 wants of a piece, can be joined without being moved, and cost less each.
const (
	fewestFiles = 8
	mostFiles   = 64
	// mostParts is how many parts of messages there are at most, and of each folder's files: S3 joins 10,000 pieces, the first 5,000 of which
	// can be small, and the largest organizations have larger parts instead.
	mostParts = 2000
)

// teamFiles is how many message files a part for the team has: as many as make a part for each of the width, within those bounds.
func (r *run) teamFiles() int {
	files := r.sel.messages.Len()/messagesPerFile + 1
	return max(min(max(files/r.Team.Width(), fewestFiles), mostFiles), files/mostParts+1)
}

// messageTasks cuts the selected messages into parts.
func (r *run) messageTasks() iter.Seq[task[*piece]] {
	files := filesPerPart
	if r.Team != nil {
		files = r.teamFiles()
	}
	return func(yield func(task[*piece]) bool) {
		first := 1
		for ids := range r.sel.messages.Batches(messagesPerFile * files) {
			spec := Spec{Messages: &MessageSpec{First: first, IDs: idset.Pack(ids)}, Opens: r.Team != nil && first == 1}
			if !yield(func(ctx context.Context) (*piece, error) { return r.piece(ctx, spec) }) {
				return
			}
			first += files
		}
	}
}

// findReaders works out the users whose usermessages are written.
func (r *run) findReaders() {
	set := r.sel.normal
	if r.Type == realmport.Standard {
		set = idset.Intersect(r.sel.normal, r.sel.consenting)
	}
	r.maker.readers = readersOf(set.Slice())
}
