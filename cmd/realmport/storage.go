package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/config"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/exports"
)

// linkTime is how long links to archives in a bucket work, unless configured: as long as S3 allows (api.md §2).
const linkTime = 7 * 24 * time.Hour

// linkPatience is how long whoever asks for a link waits for new keys of a role: mostly not at all.
const linkPatience = 5 * time.Second

func s3Config(c config.S3) s3.Config {
	return s3.Config{
		Endpoint: c.Endpoint, Region: c.Region, AddressingStyle: c.Addressing, AccessKey: string(c.AccessKey), SecretKey: string(c.SecretKey),
		Profile: c.Profile, SSE: c.SSE, SSEKMSKeyID: c.KMSKey,
	}
}

// smallPiece is the size of the pieces in which parts are sent: many are made at a time, and each keeps some in memory.
const smallPiece = 5 << 20

// openStorage opens the places of uploads and archives, folders or buckets.
func (s *service) openStorage(ctx context.Context, engine *export.Options) error {
	if err := s.openFiles(ctx, engine); err != nil {
		return err
	}
	if err := s.openArchives(ctx); err != nil {
		return err
	}
	return os.MkdirAll(s.cfg.Work, 0o700)
}

// buckets connects to the storage of buckets, once, and checks that those are there.
func (s *service) openBuckets(ctx context.Context, names ...string) (*s3.Client, error) {
	if s.buckets == nil {
		client, err := s3.Open(ctx, s3Config(s.cfg.S3))
		if err != nil {
			return nil, err
		}
		s.buckets = client
		s.closeLater(func() error { client.Close(); return nil })
	}
	for _, name := range names {
		if err := s.buckets.Check(ctx, name); err != nil {
			return nil, err
		}
	}
	return s.buckets, nil
}

func (s *service) openFiles(ctx context.Context, engine *export.Options) error {
	switch c := s.cfg.S3; {
	case s.cfg.ObjectUploads():
		client, err := s.openBuckets(ctx, c.Uploads, c.Avatars)
		if err != nil {
			return err
		}
		engine.Files = s3.OpenFiles(client, s3.FilesConfig{Uploads: c.Uploads, Avatars: c.Avatars, Parallel: c.Parallel})
	case s.cfg.Uploads != "":
		files, err := local.OpenFiles(s.cfg.Uploads)
		if err != nil {
			return err
		}
		s.closeLater(files.Close)
		engine.Files = files
	}
	return nil
}

func (s *service) openArchives(ctx context.Context) error {
	bucket, shared := s.cfg.ArchiveBucket()
	if bucket == "" {
		archives, err := local.OpenArchives(s.cfg.Archives)
		if err != nil {
			return err
		}
		s.closeLater(archives.Close)
		s.archives, s.place = archives, exports.Folder{}
		return s.openFormer(ctx, "")
	}
	client, err := s.openBuckets(ctx, bucket)
	if err != nil {
		return err
	}
	stock := s3.OpenStock(client, s3.StockConfig{Bucket: bucket, Public: shared})
	s.partStock = s3.OpenStock(client, s3.StockConfig{Bucket: bucket, PartSize: smallPiece})
	if s.works {
		if err := stock.Probe(ctx); err != nil {
			return err
		}
	}
	s.archives, s.stock, s.place = stock, stock, exports.Bucket{Name: bucket, Shared: shared}
	return s.openFormer(ctx, bucket)
}

// openFormer opens where archives were before the present place was configured: the folder of Zulip's own, and its bucket of avatars.
func (s *service) openFormer(ctx context.Context, present string) error {
	if !s.answers { // nobody asks it to delete any
		return nil
	}
	if avatars := s.cfg.S3.Avatars; avatars != "" && avatars != present {
		client, err := s.openBuckets(ctx, avatars)
		if err != nil {
			return err
		}
		place := exports.Bucket{Name: avatars, Shared: true}
		s.former = append(s.former, exports.Former{Place: place, Archives: s3.OpenStock(client, s3.StockConfig{Bucket: avatars})})
	}
	if folder := s.cfg.Uploads; folder != "" && present != "" {
		archives, err := local.OpenArchives(filepath.Join(folder, string(realmport.Avatars)))
		if err != nil {
			return err
		}
		s.closeLater(archives.Close)
		s.former = append(s.former, exports.Former{Place: exports.Folder{}, Archives: archives})
	}
	return nil
}

// link makes links to archives in a bucket; nil where they are in a folder.
func (s *service) link() func(path string) (string, bool) {
	if s.stock == nil {
		return nil
	}
	valid := linkTime
	if ttl := s.cfg.Download.TTL; ttl > 0 {
		valid = ttl
	}
	return func(path string) (string, bool) {
		name, ok := s.place.Archive(path)
		if !ok {
			return "", false
		}
		ctx, cancel := context.WithTimeout(context.Background(), linkPatience)
		defer cancel()
		link, err := s.stock.Link(ctx, name, valid)
		if err != nil {
			s.log.Error("no link to an archive", "error", err)
		}
		return link, err == nil
	}
}

var _ realmport.Stock = (*s3.Stock)(nil)
