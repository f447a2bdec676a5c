package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/fault"
)

const pieceSize = 16 << 20

func pieceName(i int) string { return fmt.Sprintf("pieces/%06d", i) }

// joined is what putting the pieces together took.
type joined struct {
	seconds  float64
	bytes    float64 // MiB on the client's sockets, both ways
	requests int
}

// join compares joining stored pieces in the storage with reading and writing them.
func (b *bench) join(ctx context.Context) error {
	const bucket = "scale-join"
	if err := b.s3.MakeBucket(ctx, bucket); err != nil {
		return err
	}
	direct, err := b.storage(ctx, b.s3.Endpoint)
	if err != nil {
		return err
	}
	defer direct.Close()
	stock := s3.OpenStock(direct, s3.StockConfig{Bucket: bucket})
	g, putting := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i := range b.sizes.pieces {
		g.Go(func() error { return put(putting, stock, pieceName(i), uint64(i), pieceSize) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	inside, err := b.through(ctx, bucket, b.copyPieces)
	if err != nil {
		return err
	}
	outside, err := b.through(ctx, bucket, b.streamPieces)
	if err != nil {
		return err
	}
	b.row(fmt.Sprintf("join of %d MiB of stored parts, on the client's sockets", b.sizes.pieces*pieceSize>>20), "%.3f MiB in %d requests (target: less than 1 MiB%s)",
		inside.bytes, inside.requests, verdict(inside.bytes < 1))
	b.row("  time, beside reading and writing them", "%.1f s / %.1f s, with %.0f MiB in %d requests", inside.seconds, outside.seconds, outside.bytes, outside.requests)
	_, err = stock.Sweep(ctx, "pieces", 0)
	return errors.Join(err, stock.Remove(ctx, "joined"), stock.Remove(ctx, "streamed"))
}

// through puts the pieces together through a proxy that counts.
func (b *bench) through(ctx context.Context, bucket string, work func(context.Context, *s3.Stock) error) (j joined, err error) {
	proxy, err := fault.StartHTTP(strings.TrimPrefix(b.s3.Endpoint, "http://"))
	if err != nil {
		return j, err
	}
	defer proxy.Stop()
	client, err := b.storage(ctx, "http://"+proxy.Addr())
	if err != nil {
		return j, err
	}
	defer client.Close()
	begun := clock.Now()
	if err := work(ctx, s3.OpenStock(client, s3.StockConfig{Bucket: bucket})); err != nil {
		return j, err
	}
	j.seconds = clock.Now().Sub(begun).Seconds()
	up, down := proxy.Bytes()
	j.bytes, j.requests = float64(up+down)/(1<<20), len(proxy.Requests(nil))
	return j, nil
}

func (b *bench) copyPieces(ctx context.Context, stock *s3.Stock) error {
	out, err := stock.CreateJoined(ctx, "joined")
	if err != nil {
		return err
	}
	for i := range b.sizes.pieces {
		if err := out.Append(ctx, realmport.Piece{Name: pieceName(i), Size: pieceSize}); err != nil {
			return errors.Join(err, out.Abort())
		}
	}
	return b.commit(ctx, stock, out, "joined")
}

func (b *bench) streamPieces(ctx context.Context, stock *s3.Stock) error {
	out, err := stock.Create(ctx, "streamed")
	if err != nil {
		return err
	}
	for i := range b.sizes.pieces {
		piece, err := stock.Open(ctx, pieceName(i))
		if err != nil {
			return errors.Join(err, out.Abort())
		}
		_, err = io.Copy(out, piece)
		if err = errors.Join(err, piece.Close()); err != nil {
			return errors.Join(err, out.Abort())
		}
	}
	return b.commit(ctx, stock, out, "streamed")
}

// commit gives the archive its name, and makes sure that it has all bytes.
func (b *bench) commit(ctx context.Context, stock *s3.Stock, out realmport.Output, name string) error {
	if err := out.Commit(); err != nil {
		return errors.Join(err, out.Abort())
	}
	archive, err := stock.Open(ctx, name)
	if err != nil {
		return err
	}
	if want := int64(b.sizes.pieces) * pieceSize; archive.Size != want {
		err = fmt.Errorf("%s has %d bytes, not %d", name, archive.Size, want)
	}
	return errors.Join(err, archive.Close())
}
