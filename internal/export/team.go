package export

import (
	"context"
	"fmt"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/idset"
)

// Team makes the parts of one export, wherever its members are.
type Team interface {
	// Begin is called once, before the first part, with what the members need to know.
	Begin(ctx context.Context, plan Plan) error
	// Make has a part made and stored, and returns what is known of it. It is called by many at the same time.
	Make(ctx context.Context, spec Spec) (*Made, error)
	// Width is how many parts may be asked for at the same time; it is positive and does not change.
	Width() int
}

// briefTeam gives the team the plan.
func (r *run) briefTeam(ctx context.Context) error {
	if r.Team == nil {
		return nil
	}
	shared, ok := r.snap.(realmport.Shared)
	if !ok {
		return realmport.Errorf(realmport.Unsupported, "the source's snapshots cannot be read by several processes: only those of PostgreSQL can")
	}
	if r.joined, ok = r.Output.(realmport.Joined); !ok {
		return realmport.Errorf(realmport.Unsupported, "an archive that several processes make needs a place that joins parts: an S3 bucket")
	}
	return r.Team.Begin(ctx, Plan{
		Snapshot: shared.Token(), Type: r.Type, Realm: r.realm.ID, Name: r.Name, Modified: r.asOf(), Readers: idset.Pack(r.maker.readers.ids),
		Compression: r.Compression, Files: placeOf(r.Files),
	})
}

// width is how many parts are made at the same time.
func (r *run) width() int {
	if r.Team != nil {
		return r.Team.Width()
	}
	return r.Workers
}

// piece makes a part, here or by the team.
func (r *run) piece(ctx context.Context, spec Spec) (*piece, error) {
	if r.Team == nil {
		return r.maker.make(ctx, spec)
	}
	made, err := r.Team.Make(ctx, spec)
	if err != nil {
		return nil, err
	}
	if err := r.plausible(spec, made); err != nil {
		return nil, err
	}
	r.count(spec, made)
	return &piece{Made: *made}, nil
}

// largestPart bounds what is believed of a part.
const largestPart = 1 << 42

// plausible holds what is said of a part against what was asked for: the archive is made of it.
func (r *run) plausible(spec Spec, made *Made) error {
	var want Made
	var first, total int64
	if m := spec.Messages; m != nil {
		ids, err := idset.Unpack(m.IDs)
		if err != nil {
			return err
		}
		first, total = int64(m.First), int64(len(ids))
		want.First, want.Last = ids[0], ids[len(ids)-1]
	}
	files := 0
	if spec.Files != nil {
		files = len(spec.Files.Items)
	}
	s := made.Stored
	// Only a part of whose files none could be had holds nothing.
	empty := spec.Messages == nil && !spec.Opens && len(made.Records) == 0
	ok := made.First == want.First && made.Last == want.Last && s.Opens == spec.Opens && len(made.Records)+len(made.Missing) == files &&
		s.Size >= 0 && s.Size < largestPart && s.Len >= 0 && s.Len < largestPart && (s.Size == 0) == empty && (s.Len == 0) == empty && made.FileBytes >= 0
	for i, f := range made.MessageFiles {
		ok = ok && int64(f.Number) == first+int64(i) && f.Messages == min(total, messagesPerFile) && f.UserMessages >= 0
		total -= f.Messages
	}
	for _, text := range made.Records {
		ok = ok && len(text) > 1 && text[0] == '{'
	}
	if !ok || total != 0 {
		return fmt.Errorf("what is said of a part is not what was asked for: %d files from %d, messages from %d to %d, %d records, %d bytes",
			len(made.MessageFiles), first, made.First, made.Last, len(made.Records), s.Size)
	}
	return nil
}

// count adds to the progress what somebody else made.
func (r *run) count(spec Spec, made *Made) {
	for _, f := range made.MessageFiles {
		r.Meter.Messages.Add(f.Messages)
		r.Meter.Rows.Add(f.Messages + f.UserMessages)
	}
	if spec.Files != nil {
		r.Meter.Files.Add(int64(len(spec.Files.Items)))
		r.Meter.FileBytes.Add(made.FileBytes)
	}
}

// join adds a piece to the archive, without moving its bytes if they are stored.
func (r *run) join(ctx context.Context, p *piece) error {
	if p.segment != nil {
		return r.joiner.Append(p.segment)
	}
	if err := r.joiner.Stored(p.Stored); err != nil {
		return err
	}
	r.Meter.Bytes.Add(p.Stored.Size)
	return r.joined.Append(ctx, realmport.Piece{Name: p.Name, Size: p.Stored.Size, Tag: p.Tag, SHA256: p.SHA256})
}
