package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/blob/s3"
)

// bucketScheme begins the name of an archive in a bucket.
const bucketScheme = "s3://"

// s3Flags say how buckets are reached. What they leave open comes from REALMPORT_S3_* variables and from AWS's standard places.
type s3Flags struct {
	Endpoint   string `name:"endpoint" placeholder:"URL" help:"The address of the S3 service; AWS if it is not given. [REALMPORT_S3_ENDPOINT]"`
	Region     string `name:"region" placeholder:"NAME" help:"The region of the buckets. [REALMPORT_S3_REGION]"`
	Addressing string `name:"addressing" placeholder:"auto|path|virtual" help:"Whether a bucket is part of the path or of the host. [REALMPORT_S3_ADDRESSING]"`
	Profile    string `name:"profile" placeholder:"NAME" help:"The part of AWS's credentials file to use. Keys come from there, or from REALMPORT_S3_ACCESS_KEY and REALMPORT_S3_SECRET_KEY, or from AWS's other standard places. [REALMPORT_S3_PROFILE]"`
	SSE        string `name:"sse" placeholder:"AES256|aws:kms" help:"How the service encrypts what is stored; as the bucket says if it is not given. [REALMPORT_S3_SSE]"`
	KMSKey     string `name:"kms-key" placeholder:"ID" help:"The key of aws:kms. [REALMPORT_S3_KMS_KEY]"`
	Uploads    string `name:"uploads-bucket" placeholder:"NAME" help:"The bucket of uploads (S3_AUTH_UPLOADS_BUCKET of the server's settings), instead of --uploads."`
	Avatars    string `name:"avatars-bucket" placeholder:"NAME" help:"The bucket of avatars, emoji and icons (S3_AVATAR_BUCKET)."`
	Parts      string `name:"parts-bucket" placeholder:"NAME" help:"With --jobs: the bucket where parts are kept until the archive is whole; that of --out if it is s3://. It is the one where the workers have their archives."`
}

// environment takes from the environment what the flags leave open.
func (f *s3Flags) environment(env func(string) string) {
	for name, value := range map[string]*string{
		"ENDPOINT": &f.Endpoint, "REGION": &f.Region, "ADDRESSING": &f.Addressing, "PROFILE": &f.Profile, "SSE": &f.SSE, "KMS_KEY": &f.KMSKey,
	} {
		*value = cmp.Or(*value, env("REALMPORT_S3_"+name))
	}
}

// open connects to the service of buckets, and checks that those are there.
func (f *s3Flags) open(ctx context.Context, env func(string) string, buckets ...string) (*s3.Client, error) {
	client, err := s3.Open(ctx, s3.Config{
		Endpoint: f.Endpoint, Region: f.Region, AddressingStyle: f.Addressing, Profile: f.Profile, SSE: f.SSE, SSEKMSKeyID: f.KMSKey,
		AccessKey: env("REALMPORT_S3_ACCESS_KEY"), SecretKey: env("REALMPORT_S3_SECRET_KEY"),
	})
	if err != nil {
		return nil, err
	}
	for _, bucket := range buckets {
		if err := client.Check(ctx, bucket); err != nil {
			return nil, err
		}
	}
	return client, nil
}

// target is where the archive of an export goes.
type target struct {
	realmport.Output
	stock  realmport.Stock // of the bucket with the parts; nil if they are not kept
	digest func() string   // of what passed, in hex; nil if the summary knows it, or nobody does
}

// bucketName reads s3://BUCKET/KEY.
func bucketName(out string) (bucket, key string, err error) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(out, bucketScheme), "/")
	if bucket == "" || key == "" || !fs.ValidPath(key) {
		return "", "", realmport.Errorf(realmport.Invalid, "--out is %s: an archive in a bucket is written s3://BUCKET/KEY", out)
	}
	return bucket, key, nil
}

// create begins the archive, as one that takes stored parts if others help with it.
func (c *exportCmd) create(ctx context.Context, m *Main) (*target, error) {
	if c.S3.Parts != "" && c.Jobs == "" {
		return nil, realmport.Errorf(realmport.Invalid, "--s3-parts-bucket is for parts that other processes make: give --jobs too, or leave it out")
	}
	if !strings.HasPrefix(c.Out, bucketScheme) {
		c.Out = kong.ExpandPath(c.Out)
		out, err := local.Create(c.Out, c.Force)
		if err != nil || c.Jobs == "" {
			return &target{Output: out}, err
		}
		stock, err := c.partsStock(ctx, m)
		if err != nil {
			return nil, errors.Join(err, out.Abort())
		}
		g := &gathered{Output: out, stock: stock, hash: sha256.New()}
		return &target{Output: g, stock: stock, digest: g.sum}, nil
	}
	bucket, key, err := bucketName(c.Out)
	if err != nil {
		return nil, err
	}
	if parts := c.S3.Parts; parts != "" && parts != bucket {
		return nil, realmport.Errorf(realmport.Invalid, "the parts are in the bucket %s, and --out is in %s: parts are joined within a bucket, so give the same", parts, bucket)
	}
	client, err := c.S3.open(ctx, m.Env, bucket)
	if err != nil {
		return nil, err
	}
	stock := s3.OpenStock(client, s3.StockConfig{Bucket: bucket})
	if err := c.isFree(ctx, stock, key); err != nil {
		return nil, err
	}
	out, err := stock.CreateJoined(ctx, key)
	return &target{Output: out, stock: stock}, err
}

// isFree refuses to replace an archive, unless that is asked for.
func (c *exportCmd) isFree(ctx context.Context, stock realmport.Stock, key string) error {
	if c.Force {
		return nil
	}
	there, err := stock.Open(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_ = there.Close()
	return realmport.Errorf(realmport.Conflict, "%s exists already: give --force to replace it, or another name with --out", c.Out)
}

// partsStock opens the bucket of parts of an archive on this machine.
func (c *exportCmd) partsStock(ctx context.Context, m *Main) (realmport.Stock, error) {
	if c.S3.Parts == "" {
		return nil, realmport.Errorf(realmport.Invalid, "--jobs needs a bucket where parts are kept until the archive is whole: name it with --s3-parts-bucket")
	}
	client, err := c.S3.open(ctx, m.Env, c.S3.Parts)
	if err != nil {
		return nil, err
	}
	return s3.OpenStock(client, s3.StockConfig{Bucket: c.S3.Parts}), nil
}

// gathered is an archive on this machine whose parts come from a bucket.
type gathered struct {
	realmport.Output
	stock realmport.Stock
	hash  hash.Hash
}

var _ realmport.Joined = (*gathered)(nil)

// Write implements io.Writer.
func (g *gathered) Write(p []byte) (int, error) {
	n, err := g.Output.Write(p)
	g.hash.Write(p[:n])
	return n, err
}

// Append implements realmport.Joined.
func (g *gathered) Append(ctx context.Context, p realmport.Piece) error {
	part, err := g.stock.Open(ctx, p.Name)
	if err != nil {
		return err
	}
	defer part.Close()
	digest := sha256.New()
	n, err := io.Copy(io.MultiWriter(g, digest), part)
	if err != nil {
		return err
	}
	if n != p.Size || hex.EncodeToString(digest.Sum(nil)) != p.SHA256 {
		return realmport.Errorf(realmport.Unavailable, "a stored part was replaced or changed since it was made: run the export again")
	}
	return nil
}

func (g *gathered) sum() string { return hex.EncodeToString(g.hash.Sum(nil)) }
