package export

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"log/slog"
	"sync"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
	"github.com/realmport/realmport/internal/idset"
)

// HelperOptions are what a process that helps with an export brings along. They must be of the same server as the coordinator's.
type HelperOptions struct {
	Source  realmport.Joiner
	Files   realmport.Files // nil if there are none
	Spool   string          // folder for temporary files
	Workers int             // how many parts are made at the same time; 0 means one
}

// Helper makes parts of one export, which another process coordinates. It is safe for concurrent use.
type Helper struct {
	opts  HelperOptions
	plan  Plan
	maker maker // without a snapshot

	mu     sync.Mutex
	joined *joined // nil before the first messages, and once only files are left; +checklocks:mu
}

// joined is the export's snapshot as this process has it.
type joined struct {
	snap   realmport.Snapshot
	tables map[string]*table
	users  int // belongs to the lock of the Helper
}

// NewHelper makes a Helper for a plan. The caller closes it, soon after there is nothing left to make.
func NewHelper(opts HelperOptions, plan Plan) (*Helper, error) {
	if plan.Type.String() == "unknown" || plan.Compression < 1 || plan.Compression > 9 {
		return nil, realmport.Errorf(realmport.Unsupported, "the plan of an export is not one of this version: do all processes run the same?")
	}
	if here := placeOf(opts.Files); here != plan.Files {
		return nil, realmport.Errorf(realmport.Unsupported, "the coordinator of the export has the server's files in %s, and this process in %s: configure both alike",
			cmp.Or(plan.Files, "no place"), cmp.Or(here, "no place"))
	}
	pool, err := archive.NewPool(plan.Compression, opts.Spool, memoryPerBuilder)
	if err != nil {
		return nil, err
	}
	readers, err := idset.Unpack(plan.Readers)
	if err != nil {
		return nil, realmport.Errorf(realmport.Unsupported, "the plan of an export cannot be read: do all processes run the same version? (%w)", err)
	}
	return &Helper{opts: opts, plan: plan, maker: maker{
		typ: plan.Type, realm: plan.Realm, name: plan.Name, modified: plan.Modified, readers: readersOf(readers),
		files: opts.Files, opens: opensOf(opts.Files, max(opts.Workers, 1)), pool: pool, meter: &realmport.Meter{},
	}}, nil
}

// placeOf names the place of files; "" for none.
func placeOf(files realmport.Files) string {
	if files == nil {
		return ""
	}
	return files.Traits().Place
}

// Task is a part that this process is able to make.
type Task struct {
	spec   Spec
	maker  maker
	helper *Helper
	joined *joined
}

// Begin prepares to make a part: for messages it joins the snapshot, unless it has. An error says nothing about the part, but that this process cannot
// make it. The caller closes the task.
func (h *Helper) Begin(ctx context.Context, spec Spec) (*Task, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	t := &Task{spec: spec, maker: h.maker, helper: h}
	h.mu.Lock()
	defer h.mu.Unlock()
	if spec.Messages == nil {
		h.leave() // the server need not keep old rows for the sake of files
		return t, nil
	}
	if h.joined == nil {
		j, err := h.join(ctx)
		if err != nil {
			return nil, err
		}
		h.joined = j
	}
	t.joined = h.joined
	t.joined.users++
	t.maker.snap, t.maker.tables = t.joined.snap, t.joined.tables
	return t, nil
}

// join opens the snapshot.
func (h *Helper) join(ctx context.Context) (*joined, error) {
	snap, err := h.opts.Source.Join(ctx, h.plan.Snapshot)
	if err != nil {
		return nil, err
	}
	// What there is to be warned of, the coordinator has told.
	r := &run{Options: Options{Type: h.plan.Type, Log: slog.New(slog.DiscardHandler)}, snap: snap}
	if err := r.describe(ctx); err != nil {
		return nil, errors.Join(err, snap.Close())
	}
	return &joined{snap: snap, tables: r.tables}, nil
}

// leave closes the snapshot if no part is made from it.
//
// +checklocks:h.mu
func (h *Helper) leave() {
	if h.joined != nil && h.joined.users == 0 {
		_ = h.joined.snap.Close() // reading is over: it does not matter how
		h.joined = nil
	}
}

// Close leaves the snapshot. No task is open any more.
func (h *Helper) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leave()
}

// Make makes the part and writes its bytes to w, behind the archive's opening if the spec says so. What it returns has no Name.
func (t *Task) Make(ctx context.Context, w io.Writer) (*Made, error) {
	p, err := t.maker.make(ctx, t.spec)
	if err != nil {
		return nil, err
	}
	defer p.release()
	out := &summed{w: w, hash: sha256.New()}
	if t.spec.Opens {
		if _, err := out.Write(archive.Opening()); err != nil {
			return nil, err
		}
	}
	if _, err := p.segment.WriteTo(out); err != nil {
		return nil, err
	}
	p.Stored.Size, p.Stored.Opens = out.n, t.spec.Opens
	p.SHA256 = hex.EncodeToString(out.hash.Sum(nil))
	return &p.Made, nil
}

// Close ends the task.
func (t *Task) Close() {
	t.helper.mu.Lock()
	defer t.helper.mu.Unlock()
	if t.joined != nil {
		t.joined.users--
		t.joined = nil
	}
}

// summed counts and digests what passes.
type summed struct {
	w    io.Writer
	hash hash.Hash
	n    int64
}

func (s *summed) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.hash.Write(p[:n])
	s.n += int64(n)
	return n, err
}
