package pgtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/realmport/realmport/internal/pgcluster"
)

// goldenDefault is where the golden archives are, where they are present, relative to the
// module's root.
const goldenDefault = "../shared/golden"

// Golden gives a test one of the golden sets, rules for example: the DSN of its own copy of
// the set's database (schema zulip), the folder with its own copy of the server's uploads
// (holding files and avatars), and the set's folder with the reference archives. Without
// the set's folder the test is skipped, unless REALMPORT_GOLDEN says that it should be there.
//
// The database is restored once per server, whichever test or process comes first.
func Golden(tb testing.TB, set string) (dsn, uploadsDir, folder string) {
	tb.Helper()
	folder = GoldenFolder(tb, set)
	dump := filepath.Join(folder, "zulip-db.sql.gz")
	info, err := os.Stat(dump)
	if err != nil {
		tb.Fatalf("find golden database: %v", err)
	}
	key := fmt.Sprint("golden\x00", set, "\x00", info.Size(), "\x00", info.ModTime().UnixNano())
	dsn = copyOf(tb, key, func(dsn string) error { return restore(dsn, dump) })
	dir := tb.TempDir()
	if err := untar(filepath.Join(folder, "uploads.tar.gz"), dir); err != nil {
		tb.Fatalf("unpack golden uploads: %v", err)
	}
	return dsn, filepath.Join(dir, "uploads"), folder
}

// GoldenFolder returns the folder of a golden set, under the same rule as Golden but without its database.
func GoldenFolder(tb testing.TB, set string) string {
	tb.Helper()
	base := os.Getenv(GoldenEnv)
	if base == "" {
		base = filepath.Join(moduleRoot(tb), goldenDefault)
	}
	folder := filepath.Join(base, set)
	if _, err := os.Stat(folder); err != nil {
		// They are no part of the project: only who says where they are wants them used.
		if os.Getenv(GoldenEnv) != "" {
			tb.Fatalf("golden set %s: %v; %s names the folder of the sets", set, err, GoldenEnv)
		}
		tb.Skipf("no golden set %s in %s", set, base)
	}
	return folder
}

// moduleRoot returns the folder of go.mod, above the folder that the test runs in.
func moduleRoot(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatalf("find module: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatal("find module: no go.mod above the working directory")
		}
		dir = parent
	}
}

// restore loads a compressed dump in SQL into an empty database.
func restore(dsn, dump string) error {
	psql, err := pgcluster.Tool("psql")
	if err != nil {
		return err
	}
	f, err := os.Open(dump)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	sql, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("read %s: %w", dump, err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(psql, "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-o", os.DevNull, "-d", dsn, "-f", "-")
	cmd.Stdin, cmd.Stderr = sql, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("restore %s: %w: %s", dump, err, stderr.Bytes())
	}
	return nil
}

// untar unpacks the folders and plain files of a compressed tar into dir, with their times.
func untar(path, dir string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	zr, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = unpack(root, h, tr)
		}
		if err != nil {
			return err
		}
	}
}

// unpack writes one entry below root.
func unpack(root *os.Root, h *tar.Header, r io.Reader) error {
	name := filepath.Clean(h.Name)
	if h.Typeflag == tar.TypeDir {
		return root.MkdirAll(name, 0o755)
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return root.Chtimes(name, h.ModTime, h.ModTime)
}
