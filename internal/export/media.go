package export

import (
	"context"
	"iter"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/realmport/realmport"
)

// What one worker copies in one go: so many files, or files of so many bytes, or one file. A part for a team is larger: see fewestFiles.
const (
	filesInPart = 64
	bytesInPart = 4 << 20
	teamFactor  = 4
)

// copyFolder copies the items into a folder, in their order, and writes its records.json (format.md §1.5).
// lost is told which items were left out; it may be nil.
func (r *run) copyFolder(ctx context.Context, folder string, items iter.Seq[Item], lost func(realmport.Missing)) error {
	records := r.newDocument()
	defer records.discard()
	records.openBare()
	var files int64
	width, makes := r.fileMaker(folder)
	err := ordered(ctx, width, r.fileTasks(folder, items, makes), func(p *piece) error {
		defer p.release()
		for _, m := range p.Missing {
			if err := r.missing.add(m); err != nil {
				return err
			}
			if lost != nil {
				lost(m)
			}
		}
		for _, text := range p.Records {
			if err := records.addRaw(text); err != nil {
				return err
			}
		}
		files += int64(len(p.Records))
		r.summary.FileBytes += p.FileBytes
		return r.join(ctx, p)
	}, (*piece).release)
	if err != nil {
		return err
	}
	r.records[folder] = files
	r.summary.Files += files
	return r.closeEntry(folder+"/records.json", records)
}

// fileMaker says who makes the parts of a folder, and how many at the same time. The few files of emoji and icons are not for
// a team, which does not know the users.
func (r *run) fileMaker(folder string) (width int, makes func(context.Context, Spec) (*piece, error)) {
	if r.Team != nil && (folder == "uploads" || folder == "avatars") {
		return r.width(), r.piece
	}
	return r.Workers, r.maker.make
}

// fileTasks cuts items into parts.
func (r *run) fileTasks(folder string, items iter.Seq[Item], makes func(context.Context, Spec) (*piece, error)) iter.Seq[task[*piece]] {
	most, full := filesInPart, int64(bytesInPart)
	if r.Team != nil {
		most = max(teamFactor*most, int(r.Meter.FilesTotal.Load()/mostParts)+1)
		full = max(teamFactor*full, r.Meter.FileBytesTotal.Load()/mostParts+1)
	}
	return func(yield func(task[*piece]) bool) {
		var batch []Item
		var bytes int64
		flush := func() bool {
			spec := Spec{Files: &FileSpec{Folder: folder, Items: batch}}
			batch, bytes = nil, 0
			return len(spec.Files.Items) == 0 || yield(func(ctx context.Context) (*piece, error) { return makes(ctx, spec) })
		}
		for it := range items {
			batch = append(batch, it)
			bytes += it.Size
			if (len(batch) == most || bytes >= full) && !flush() {
				return
			}
		}
		flush()
	}
}

// copyFiles copies the four folders.
func (r *run) copyFiles(ctx context.Context) error {
	var avatars []avatarFile
	var icons []Item
	g, listing := errgroup.WithContext(ctx)
	g.Go(func() (err error) { avatars, err = r.avatars(listing); return err })
	g.Go(func() (err error) { icons, err = r.icons(listing); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	r.Meter.FilesTotal.Add(int64(len(avatars) + len(r.emojiFiles) + len(icons)))
	if err := r.copyUploads(ctx); err != nil {
		return err
	}
	if err := r.copyFolder(ctx, "avatars", r.avatarItems(avatars), nil); err != nil {
		return err
	}
	slices.SortStableFunc(r.emojiFiles, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
	if err := r.copyFolder(ctx, "emoji", slices.Values(r.emojiFiles), nil); err != nil {
		return err
	}
	return r.copyFolder(ctx, "realm_icons", slices.Values(icons), nil)
}
