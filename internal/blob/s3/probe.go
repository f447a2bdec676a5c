package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/realmport/realmport"
)

// probeFolder is where probes are written: with the parts of archives, where leftovers are swept.
const probeFolder = "realmport-parts/"

// Probe makes sure that archives can be kept in the bucket: it begins an upload and aborts it, and writes a tiny object, reads it back and
// removes it. If one of these is refused the error says which rights are needed.
func (s *Stock) Probe(ctx context.Context) error {
	if err := checkBucket(s.bucket); err != nil {
		return err
	}
	name := probeFolder + "probe-" + rand.Text()
	if err := s.probe(ctx, name); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return &realmport.Error{Code: realmport.NotAllowed, Err: err, Message: fmt.Sprintf("%s: to keep archives, realmport needs the rights "+
				"s3:ListBucket and s3:ListBucketMultipartUploads for the bucket %q, and s3:GetObject, s3:PutObject, s3:DeleteObject and "+
				"s3:AbortMultipartUpload for what is in it", err, s.bucket)}
		}
		return err
	}
	return nil
}

func (s *Stock) probe(ctx context.Context, name string) error {
	upload := newOutput(ctx, s, name, writtenSum)
	if err := errors.Join(upload.begin(), upload.Abort()); err != nil {
		return err
	}
	out := newOutput(ctx, s, name, writtenSum)
	defer func() { _ = out.Abort() }() // what it would say, what failed before has said
	want := []byte(rand.Text())
	if _, err := out.Write(want); err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	read := s.readsBack(ctx, name, want)
	if err := s.Remove(ctx, name); read == nil {
		return err
	}
	return read
}

func (s *Stock) readsBack(ctx context.Context, name string, want []byte) error {
	b, err := s.client.open(ctx, s.bucket, name)
	if err != nil {
		return err
	}
	defer b.Close()
	got, err := io.ReadAll(b)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("read %s: it is not what was written", place(s.bucket, name))
	}
	return err
}
