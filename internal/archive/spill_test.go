package archive

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// faultyFile is a spill file that fails at one call.
type faultyFile struct {
	spillFile
	fault *fault
}

// fault is the call that fails, and what happened.
type fault struct {
	method string
	after  int // how many of these calls succeed first
	fired  bool
	opened atomic.Int32
	closed atomic.Int32
}

func (f *fault) err(method string) error {
	if method != f.method {
		return nil
	}
	f.after--
	if f.after >= 0 {
		return nil
	}
	f.fired = true
	return syscall.ENOSPC
}

// set makes the pool's files fail.
func (f *fault) set(p *Pool) {
	create := p.create
	p.create = func(dir string) (spillFile, error) {
		if err := f.err("create"); err != nil {
			return nil, err
		}
		file, err := create(dir)
		f.opened.Add(1)
		return faultyFile{file, f}, err
	}
}

func (f faultyFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fault.err("write"); err != nil {
		return len(p) / 2, err
	}
	return f.spillFile.WriteAt(p, off)
}

func (f faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fault.err("read"); err != nil {
		return 0, err
	}
	return f.spillFile.ReadAt(p, off)
}

func (f faultyFile) Truncate(size int64) error {
	if err := f.fault.err("truncate"); err != nil {
		return err
	}
	return f.spillFile.Truncate(size)
}

func (f faultyFile) Close() error {
	f.fault.closed.Add(1)
	return errors.Join(f.fault.err("close"), f.spillFile.Close())
}

// Every call after a fault returns it, and nothing stays open.
func TestBuilderFault(t *testing.T) {
	t.Parallel()
	for _, f := range []*fault{
		{method: "create"},
		{method: "write"},
		{method: "write", after: 1},
		{method: "write", after: 3}, // in Finish
		{method: "truncate"},
	} {
		t.Run(f.method, func(t *testing.T) {
			t.Parallel()
			pool := newPool(t, 5, 0)
			f.set(pool)
			b := pool.Builder()
			mark := b.Mark()
			var first error
			note := func(err error) {
				if first == nil {
					first = err
				} else if !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("call after the fault: got %v, want %v", err, syscall.ENOSPC)
				}
			}
			add := func() {
				_, err := b.Write(text(1, 100_000))
				note(err)
				_, err = b.WriteStored(noise(1, 100_000))
				note(err)
				note(b.File(Header{Name: "a", Size: 50}, bytes.NewReader(noise(2, 50)), true))
			}
			add()
			note(b.Rollback(mark))
			add()
			_, err := b.Finish()
			note(err)
			if !f.fired {
				t.Fatal("the fault did not happen")
			}
			var source *SourceError
			if !errors.Is(first, syscall.ENOSPC) || errors.As(first, &source) {
				t.Errorf("got %v, want %v and no SourceError", first, syscall.ENOSPC)
			}
			b.Discard()
			if got, want := f.closed.Load(), f.opened.Load(); got != want {
				t.Errorf("got %d files closed, want the %d opened", got, want)
			}
		})
	}
}

func TestSegmentFault(t *testing.T) {
	t.Parallel()
	pool := newPool(t, 5, 0)
	f := &fault{method: "read", after: 1}
	f.set(pool)
	b := pool.Builder()
	if _, err := b.WriteStored(noise(1, 100_000)); err != nil {
		t.Fatalf("WriteStored: %v", err)
	}
	s := finish(t, b)
	if _, err := s.WriteTo(new(bytes.Buffer)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("WriteTo with a broken file: got %v, want %v", err, syscall.ENOSPC)
	}
	into := pool.Builder()
	defer into.Discard()
	if err := into.Append(s); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Append with a broken file: got %v, want %v", err, syscall.ENOSPC)
	}
	if _, err := into.Write([]byte("x")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Write after half a segment: got %v, want %v", err, syscall.ENOSPC)
	}
	f.method = "close"
	if err := s.Release(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Release: got %v, want %v", err, syscall.ENOSPC)
	}
	if err := s.Release(); err != nil {
		t.Errorf("second Release: got %v, want nil", err)
	}
	if _, err := s.WriteTo(new(bytes.Buffer)); !errors.Is(err, errReleased) {
		t.Errorf("WriteTo after Release: got %v, want %v", err, errReleased)
	}
}

func TestSpillFolderMissing(t *testing.T) {
	t.Parallel()
	pool, err := NewPool(5, filepath.Join(t.TempDir(), "none"), 1000)
	if err != nil {
		t.Fatalf("NewPool: %v", err)
	}
	b := pool.Builder()
	defer b.Discard()
	err = b.File(Header{Name: "a", Size: 5000}, bytes.NewReader(noise(1, 5000)), true)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := b.Finish(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Finish: got %v, want %v", err, fs.ErrNotExist)
	}
}

// A process that is killed leaves nothing behind, for the file has no name already.
func TestSpillFileHasNoName(t *testing.T) {
	t.Parallel()
	pool := newPool(t, 5, 0)
	data := noise(1, 200_000)
	s := segment(t, pool, data)
	if s.out.file == nil {
		t.Fatal("got a segment in memory, want it spilled")
	}
	if len(s.out.chunks) != 0 {
		t.Errorf("got %d chunks in memory, want none", len(s.out.chunks))
	}
	names, err := os.ReadDir(pool.dir)
	if err != nil || len(names) != 0 {
		t.Errorf("got %v, err %v; want an empty folder", names, err)
	}
	if err := checkSegment(s, data); err != nil {
		t.Error(err)
	}
}

func TestBuilderMemory(t *testing.T) {
	t.Parallel()
	const memory = 300_000
	b := newPool(t, 1, memory).Builder()
	defer b.Discard()
	for i := range uint64(100) {
		if _, err := b.Write(noise(i, 20_000)); err != nil {
			t.Fatalf("Write: %v", err)
		}
		want := (memory + chunkSize - 1) / chunkSize
		if b.out.file != nil {
			want = 1
		}
		if got := len(b.out.chunks); got > want {
			t.Fatalf("with %d bytes: got %d chunks in memory, want up to %d", b.out.size, got, want)
		}
	}
	if b.out.file == nil {
		t.Errorf("got nothing spilled of %d bytes, want it over %d", b.out.size, memory)
	}
}

// What a rolled back file took on the disk is given back.
func TestRollbackTruncates(t *testing.T) {
	t.Parallel()
	b := newPool(t, 1, 0).Builder()
	defer b.Discard()
	mark := b.Mark()
	if _, err := b.WriteStored(noise(1, 300_000)); err != nil {
		t.Fatalf("WriteStored: %v", err)
	}
	if err := b.Rollback(mark); err != nil {
		t.Fatalf("Rollback: %v", err)
	}
	info, err := b.out.file.(*os.File).Stat()
	if err != nil || info.Size() != 0 {
		t.Errorf("got a file of %d bytes, err %v; want an empty one", info.Size(), err)
	}
	if !strings.HasPrefix(info.Name(), "realmport-") {
		t.Errorf("got a file named %q, want it to say whose it is", info.Name())
	}
}
