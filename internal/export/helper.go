package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"log/slog"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
)

// HelperOptions are what a process that helps with an export brings along. They must be of the same server as the coordinator's.
type HelperOptions struct {
	Source  realmport.Joiner
	Files   realmport.Files // nil if there are none
	Spool   string          // folder for temporary files
	Workers int             // how many parts are made at the same time; 0 means one
	Log     *slog.Logger
	Meter   *realmport.Meter // of what this process makes; it may be nil
}

// Helper makes parts of one export, which another process coordinates. It is safe for concurrent use.
type Helper struct {
	maker *maker
	snap  realmport.Snapshot // nil for one that copies files
}

// Join joins the snapshot of a plan. The caller closes the Helper, soon: while it is open, the server keeps old row versions for it.
func Join(ctx context.Context, opts HelperOptions, plan Plan) (*Helper, error) {
	h, err := JoinFiles(opts, plan)
	if err != nil {
		return nil, err
	}
	snap, err := opts.Source.Join(ctx, plan.Snapshot)
	if err != nil {
		return nil, err
	}
	// What there is to be warned of, the coordinator has told.
	r := &run{Options: Options{Type: plan.Type, Log: slog.New(slog.DiscardHandler)}.withDefaults(), snap: snap}
	if err := r.describe(ctx); err != nil {
		return nil, errors.Join(err, snap.Close())
	}
	h.snap, h.maker.snap, h.maker.tables = snap, snap, r.tables
	return h, nil
}

// JoinFiles makes a Helper without a snapshot, which copies files: a coordinator gives its snapshot up before that.
func JoinFiles(opts HelperOptions, plan Plan) (*Helper, error) {
	o := Options{Type: plan.Type, Compression: plan.Compression, Log: opts.Log, Meter: opts.Meter}.withDefaults()
	if plan.Objects != (opts.Files != nil && opts.Files.Traits().Objects) {
		return nil, realmport.Errorf(realmport.Unsupported, "this process has its files in another kind of storage than the one that "+
			"coordinates the export: configure both alike")
	}
	pool, err := archive.NewPool(o.Compression, opts.Spool, memoryPerBuilder)
	if err != nil {
		return nil, err
	}
	return &Helper{maker: &maker{
		typ: plan.Type, realm: plan.Realm, name: plan.Name, modified: plan.Modified, readers: readersOf(plan.Readers),
		files: opts.Files, opens: opensOf(opts.Files, max(opts.Workers, 1)), pool: pool, meter: o.Meter,
	}}, nil
}

// Makes tells whether the Helper has what a part needs: a snapshot, if it is of messages.
func (h *Helper) Makes(spec Spec) bool { return spec.Messages == nil || h.snap != nil }

// Make makes a part and writes its bytes to w, behind the archive's opening if the spec says so. What it returns has no Name.
func (h *Helper) Make(ctx context.Context, spec Spec, w io.Writer) (*Made, error) {
	p, err := h.maker.make(ctx, spec)
	if err != nil {
		return nil, err
	}
	defer p.release()
	out := &summed{w: w, hash: sha256.New()}
	if spec.Opens {
		if _, err := out.Write(archive.Opening()); err != nil {
			return nil, err
		}
	}
	if _, err := p.segment.WriteTo(out); err != nil {
		return nil, err
	}
	p.Stored.Size, p.Stored.Opens = out.n, spec.Opens
	p.SHA256 = hex.EncodeToString(out.hash.Sum(nil))
	return &p.Made, nil
}

// Close leaves the snapshot.
func (h *Helper) Close() error {
	if h.snap == nil {
		return nil
	}
	return h.snap.Close()
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
