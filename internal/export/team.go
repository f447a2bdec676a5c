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
	if _, ok := r.Output.(realmport.Joined); !ok {
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

// plausible holds what is said of a part against what was asked for: the archive is made of it.
func (r *run) plausible(spec Spec, made *Made) error {
	var messages, files int64
	for _, f := range made.MessageFiles {
		messages += f.Messages
	}
	var first, last, want int64
	if spec.Messages != nil {
		ids, err := idset.Unpack(spec.Messages.IDs)
		if err != nil {
			return err
		}
		first, last, want = ids[0], ids[len(ids)-1], int64(len(ids))
	}
	if spec.Files != nil {
		files = int64(len(spec.Files.Items))
	}
	if made.First != first || made.Last != last || messages != want || int64(len(made.Records)+len(made.Missing)) != files || made.Stored.Opens != spec.Opens {
		return fmt.Errorf("a part holds %d messages from %d to %d and %d files, and not the %d from %d to %d and %d that it should",
			messages, made.First, made.Last, len(made.Records)+len(made.Missing), want, first, last, files)
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
	//nolint:forcetypeassert // briefTeam has looked
	return r.Output.(realmport.Joined).Append(ctx, p.Name, p.Stored.Size)
}
