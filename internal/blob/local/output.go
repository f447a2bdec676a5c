package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/realmport/realmport"
)

// Output is an archive being written: a file beside the final one, under a name of its own until Commit.
type Output struct {
	file  *os.File
	name  string
	force bool
	done  bool
}

var _ realmport.Output = (*Output)(nil)

// Create starts an archive. With force it will replace a file of that name; otherwise
// one that is there, or appears meanwhile, is an error and stays as it is.
func Create(name string, force bool) (*Output, error) {
	if info, err := os.Lstat(name); err == nil && (!force || info.IsDir()) {
		return nil, exists(name, info.IsDir())
	}
	partial := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".partial")
	if isSame(partial, name) { // left by a crash just after the archive got its name
		_ = os.Remove(partial)
	}
	f, err := lockPartial(partial)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, realmport.Errorf(realmport.Running, "another export is writing %s: wait for it, or choose another name with --out", name)
	}
	if err != nil {
		return nil, realmport.Errorf(codeOf(err), "cannot write in %s: %s; choose another place with --out", filepath.Dir(name), cause(err))
	}
	return &Output{file: f, name: name, force: force}, nil
}

// lockPartial opens a file for this process alone, and empties it: a killed export may have left it behind. While
// another process has it, the error is EWOULDBLOCK.
func lockPartial(name string) (*os.File, error) {
	for {
		// Only the owner may read an archive: it holds private messages.
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
		if err != nil {
			return nil, err
		}
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			err = ours(f)
		}
		if err == nil && named(f, name) {
			if err = errors.Join(f.Chmod(0o600), f.Truncate(0)); err == nil {
				return f, nil
			}
		}
		_ = f.Close()
		if err != nil {
			return nil, err
		}
	}
}

// ours tells whether a file that was there already can be trusted with an archive: in a folder that others may
// write to, they could have put one there that they can read.
func ours(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.Mode().IsRegular() || ok && (int(stat.Uid) != os.Geteuid() || stat.Nlink > 1) {
		return fmt.Errorf("%s is there already, and not from an export of this user", f.Name())
	}
	return nil
}

// isSame tells whether two names are of one file.
func isSame(a, b string) bool {
	first, err := os.Lstat(a)
	if err != nil {
		return false
	}
	second, err := os.Lstat(b)
	return err == nil && os.SameFile(first, second)
}

// named tells whether the open file still has the name: the export that had it before may have given it the final one.
func named(f *os.File, name string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(name)
	return err == nil && os.SameFile(open, there)
}

func exists(name string, folder bool) error {
	if folder {
		return realmport.Errorf(realmport.Conflict, "%s is a folder: name a file with --out", name)
	}
	return realmport.Errorf(realmport.Conflict, "%s exists already: give --force to replace it, or another name with --out", name)
}

func codeOf(err error) realmport.Code {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return realmport.NotAllowed
	case errors.Is(err, fs.ErrNotExist):
		return realmport.NotFound
	default:
		return realmport.Internal
	}
}

// Write implements realmport.Output.
func (o *Output) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	if err != nil {
		err = explainWrite(o.name, err)
	}
	return n, err
}

func explainWrite(name string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &realmport.Error{
			Code: realmport.Internal, Err: err,
			Message: fmt.Sprintf("no space left for the archive in %s: free some, or choose another place with --out", filepath.Dir(name)),
		}
	}
	return fmt.Errorf("write %s: %w", name, err)
}

// Commit implements realmport.Output. The file stays locked until it has its name: another export that
// gets the lock after that sees that the partial name is no longer this file's.
func (o *Output) Commit() error {
	if err := o.file.Sync(); err != nil {
		return explainWrite(o.name, err)
	}
	if err := o.publish(); err != nil {
		return err
	}
	o.done = true
	return errors.Join(syncFolder(filepath.Dir(o.name)), o.file.Close())
}

// publish gives the file its name. Without force a link is made first, since it fails where a rename would replace.
func (o *Output) publish() error {
	if !o.force {
		err := os.Link(o.file.Name(), o.name)
		if err == nil {
			// The archive has its name. A second one that stays does no harm: see ours.
			_ = os.Remove(o.file.Name())
			return nil
		}
		if _, statErr := os.Lstat(o.name); statErr == nil {
			return o.taken(err)
		}
		// It is a file system without links.
	}
	if err := os.Rename(o.file.Name(), o.name); err != nil {
		return o.taken(err)
	}
	return nil
}

// taken explains why the name could not be given, if something that may not be replaced has it.
func (o *Output) taken(err error) error {
	info, statErr := os.Lstat(o.name)
	if statErr == nil && (!o.force || info.IsDir()) {
		return exists(o.name, info.IsDir())
	}
	return err
}

// syncFolder makes a name durable.
func syncFolder(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	// Some file systems cannot; the file itself is safe.
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// Abort implements realmport.Output.
func (o *Output) Abort() error {
	if o.done {
		return nil
	}
	o.done = true
	return errors.Join(os.Remove(o.file.Name()), o.file.Close()) // in this order: it is locked until it is gone
}
