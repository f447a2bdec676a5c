package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/fault"
)

const (
	latency      = 20 * time.Millisecond // of each request
	sample       = 500                   // objects that are read one after another
	leastObject  = 2 << 10
	objectSpread = 18 << 10
)

// objects compares the export of many small objects with reading them one after another, both from a storage that takes its time to answer.
func (b *bench) objects(ctx context.Context) error {
	n := b.sizes.objects
	p, err := b.place(ctx, "objects", demo.Size{Users: 50, Streams: 5, Messages: n, UserMessages: 5 * n, Attachments: n})
	if err != nil {
		return err
	}
	defer p.close()
	names, err := b.putObjects(ctx, p)
	if err != nil {
		return err
	}
	proxy, err := fault.StartHTTP(strings.TrimPrefix(b.s3.Endpoint, "http://"))
	if err != nil {
		return err
	}
	defer proxy.Stop()
	proxy.Delay(latency)
	each, err := b.oneByOne(ctx, "http://"+proxy.Addr(), p.bucket("uploads"), names[:min(sample, n)])
	if err != nil {
		return err
	}
	config, err := b.configure(p, "http://"+proxy.Addr(), "concurrent_exports: 1")
	if err != nil {
		return err
	}
	t, err := b.team(config, "objects", 1, false)
	if err != nil {
		return err
	}
	defer t.kill()
	before, err := t.times(ctx, p.conn)
	if err != nil {
		return err
	}
	begun := clock.Now()
	id, err := t.request(ctx, p.accounts[0])
	if err == nil {
		_, err = p.finish(ctx, id)
	}
	if err != nil {
		return err
	}
	seconds := clock.Now().Sub(begun).Seconds()
	var files int
	if err := p.conn.QueryRow(ctx, `SELECT (stats::json->>'files')::int FROM zulip.zerver_realmexport WHERE id = $1`, id).Scan(&files); err != nil {
		return err
	}
	if missing := n - files; missing != 0 {
		return fmt.Errorf("%d of %d objects are not in the archive", missing, n)
	}
	after, err := t.times(ctx, p.conn)
	if err != nil {
		return err
	}
	peak, err := t.peak()
	if err != nil {
		return err
	}
	ratio := each * float64(n) / seconds
	b.row(fmt.Sprintf("export of %d objects at %v / reading them one by one", n, latency),
		"%.1f times as fast (target: at least 15%s); %.1f s / %.0f s, the latter from %d of them; %.0f MiB",
		ratio, verdict(ratio >= 15), seconds, each*float64(n), min(sample, n), peak)
	b.row("  of each object", "worker %.0f µs of processor time", 1e6*(after[1]-before[1])/float64(n))
	return t.stop()
}

// putObjects puts the attachments' objects into their bucket, of sizes that the rows then tell, and returns their names.
func (b *bench) putObjects(ctx context.Context, p *place) ([]string, error) {
	_, err := p.conn.Exec(ctx, `UPDATE zulip.zerver_attachment SET size = $1 + id * 7919 % $2`, leastObject, objectSpread)
	if err != nil {
		return nil, err
	}
	rows, err := p.conn.Query(ctx, `SELECT path_id, size FROM zulip.zerver_attachment ORDER BY id`)
	if err != nil {
		return nil, err
	}
	type object struct {
		Name string
		Size int
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[object])
	if err != nil {
		return nil, err
	}
	client, err := b.storage(ctx, b.s3.Endpoint)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	begun := clock.Now()
	stock := s3.OpenStock(client, s3.StockConfig{Bucket: p.bucket("uploads")})
	names := make([]string, len(list))
	g, putting := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, o := range list {
		names[i] = o.Name
		g.Go(func() error { return put(putting, stock, o.Name, uint64(i), int64(o.Size)) })
	}
	err = g.Wait()
	fmt.Fprintf(os.Stderr, "put %d objects in %.0f s\n", len(list), clock.Now().Sub(begun).Seconds())
	return names, err
}

// put stores an object of bytes that look random.
func put(ctx context.Context, stock *s3.Stock, name string, seed uint64, size int64) error {
	out, err := stock.Create(ctx, name)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(out, noise(seed), size); err != nil {
		return errors.Join(err, out.Abort())
	}
	return out.Commit()
}

// noise is an endless stream of bytes that do not compress.
func noise(seed uint64) io.Reader {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return rand.NewChaCha8(key)
}

// oneByOne reads objects one after another, and returns the seconds that each takes.
func (b *bench) oneByOne(ctx context.Context, endpoint, bucket string, names []string) (float64, error) {
	client, err := b.storage(ctx, endpoint)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	files := s3.OpenFiles(client, s3.FilesConfig{Uploads: bucket})
	begun := clock.Now()
	for _, name := range names {
		f, err := files.Open(ctx, realmport.Uploads, name)
		if err != nil {
			return 0, err
		}
		if _, err := io.Copy(io.Discard, f); err != nil {
			return 0, errors.Join(err, f.Close())
		}
		if err := f.Close(); err != nil {
			return 0, err
		}
	}
	return clock.Now().Sub(begun).Seconds() / float64(len(names)), nil
}
