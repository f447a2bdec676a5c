package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/realmport/realmport"
)

// Report is what Verify found. The counts are of what could be read.
type Report struct {
	Messages     int64            `json:"messages"`
	UserMessages int64            `json:"usermessages"`
	Users        int64            `json:"users"` // the organization's own, mirror dummies included
	Rows         int64            `json:"rows"`  // of all tables
	Files        int64            `json:"files"` // in the four file folders, without their lists
	FileBytes    int64            `json:"file_bytes"`
	Bytes        int64            `json:"bytes"` // of the archive
	SHA256       string           `json:"sha256"`
	Tables       map[string]int64 `json:"tables"`  // rows by table
	Missing      int64            `json:"missing"` // entries of missing.json
	// Problems are the first ones found, up to the limit; ProblemCount counts all.
	Problems     []Problem `json:"problems"`
	ProblemCount int64     `json:"problem_count"`
}

// Clean tells whether nothing is wrong with the archive.
func (r *Report) Clean() bool { return r.ProblemCount == 0 }

// Options are choices of a verification. The zero Options are ready.
type Options struct {
	// Limit is how many problems are kept; 0 means 100.
	Limit int
	// Progress, if set, is called now and then, from the goroutine of Verify, with
	// the bytes of the archive read so far. A second reading counts from 0 again.
	Progress func(readBytes int64)
}

const defaultLimit = 100

// File verifies the archive of that name.
func File(ctx context.Context, path string, opts Options) (*Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	if !info.Mode().IsRegular() { // to open a pipe might take forever
		return nil, realmport.Errorf(realmport.Invalid, "%s is not a file", quoted(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	defer f.Close() // only read
	return Verify(ctx, f, info.Size(), opts)
}

func cannotOpen(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &realmport.Error{Code: realmport.NotFound, Message: "there is no file " + quoted(path), Err: err}
	case errors.Is(err, fs.ErrPermission):
		return &realmport.Error{Code: realmport.NotAllowed, Message: "the file " + quoted(path) + " may not be read", Err: err}
	}
	return realmport.Errorf(realmport.Internal, "open %s: %w", quoted(path), err)
}

// Verify checks the archive of size bytes in r, which it only reads. What is wrong with the archive is
// in the report. The error, a realmport.Error, is for what keeps it from being read at all:
// it is not gzip, r fails, ctx ends. Then there is no report.
func Verify(ctx context.Context, r io.ReaderAt, size int64, opts Options) (*Report, error) {
	if opts.Limit <= 0 {
		opts.Limit = defaultLimit
	}
	in := archive{r: r, size: size, progress: opts.Progress}
	return newCheck(opts.Limit).verify(ctx, in)
}

// verify reads the archive, and reads it again if need be.
func (c *check) verify(ctx context.Context, in archive) (*Report, error) {
	digest := sha256.New()
	in.digest = digest
	damage, err := in.walk(ctx, c.member)
	if err != nil {
		return nil, err
	}
	c.report.Bytes, c.report.SHA256 = in.size, hex.EncodeToString(digest.Sum(nil))
	c.report.Users = c.tables["zerver_userprofile"].rows + c.tables["zerver_userprofile_mirrordummy"].rows
	if damage != "" {
		c.tell("", "", 0, "%s", damage)
		return c.report, nil // whatever follows from the lost part would only hide this
	}
	c.conclude()
	if c.unnamed() {
		c.naming = true
		in.digest = nil
		// Damage would have shown in the first reading.
		if _, err := in.walk(ctx, c.nameMember); err != nil {
			return nil, err
		}
	}
	return c.report, nil
}
