package importer

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/realmport/realmport"
)

// The names below the upload folder while an import is under way. The areas get their place at its end.
const (
	stageName = ".import"
	inName    = stageName + "/in"   // files, named as in the archive
	outName   = stageName + "/out"  // files, named as a server does
	rowsName  = stageName + "/rows" // rows that wait
	placed    = stageName + "/placed"
)

// stage is the upload folder while it is being filled.
type stage struct {
	root *os.Root
	dir  string
	lock *os.File // held while the import is under way; it does not outlive the process
	made bool     // the folder itself
}

func areas() []realmport.Area { return []realmport.Area{realmport.Uploads, realmport.Avatars} }

// openStage prepares the upload folder. What an interrupted import left in it is removed.
func openStage(dir string) (*stage, error) {
	s := &stage{dir: dir}
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		s.made = true
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, cannotUse(dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, cannotUse(dir, err)
	}
	s.root = root
	if err = s.exclude(); err == nil {
		err = s.removeOld()
	}
	if err == nil {
		err = s.checkEmpty()
	}
	for _, name := range []string{inName, outName, rowsName} {
		if err == nil {
			err = root.MkdirAll(name, 0o700)
		}
	}
	if err != nil {
		_ = s.release()
		return nil, cannotUse(dir, err)
	}
	return s, nil
}

// exclude keeps other imports out of the folder.
func (s *stage) exclude() (err error) {
	if s.lock, err = s.root.Open("."); err != nil {
		return err
	}
	err = syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return realmport.Errorf(realmport.Running, "another import into %s is under way: wait for it, or choose another folder", s.dir)
	}
	return err
}

// release lets others into the folder.
func (s *stage) release() error {
	if s.lock != nil {
		_ = s.lock.Close() // only read
	}
	return s.root.Close()
}

// cannotUse says why the upload folder will not do.
func cannotUse(dir string, err error) error {
	var e *realmport.Error
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, fs.ErrPermission):
		return realmport.Errorf(realmport.NotAllowed, "the folder %s for uploaded files cannot be written: %w", dir, err)
	}
	return internal("the folder %s for uploaded files cannot be used: %w", dir, err)
}

// removeOld removes what an import left that was killed. Its store was never committed, so nobody uses the files.
func (s *stage) removeOld() error {
	if _, err := s.root.Lstat(placed); err == nil {
		for _, area := range areas() {
			if err := s.root.RemoveAll(string(area)); err != nil {
				return err
			}
		}
	}
	return s.root.RemoveAll(stageName)
}

// checkEmpty refuses a folder that has files already.
func (s *stage) checkEmpty() error {
	for _, area := range areas() {
		entries, err := fs.ReadDir(s.root.FS(), string(area))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if len(entries) > 0 {
			return realmport.Errorf(realmport.Conflict, "there are uploaded files in %s already: an import needs a folder of its own; "+
				"choose another one, or remove that", filepath.Join(s.dir, string(area)))
		}
	}
	return nil
}

// free returns how many bytes the disk has room for.
func (s *stage) free() (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(s.dir, &st); err != nil {
		return 0, cannotUse(s.dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // the types differ between systems
}

// room is what the archive may unpack to.
func (r *run) room() (int64, error) {
	if r.MaxBytes > 0 {
		return r.MaxBytes, nil
	}
	return r.stage.free()
}

// write keeps a file of the archive until its place is known.
func (s *stage) write(name string, header *tar.Header, body io.Reader, r *run) error {
	free, err := s.free()
	if err != nil {
		return err
	}
	if header.Size > free {
		return faultf("the file has %d bytes, and the disk of %s has room for %d: make room, or choose another disk", header.Size, s.dir, free)
	}
	name = inName + "/" + name
	f, err := s.create(name)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fault("the archive has two files of this name")
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return fault("the name is used for a file and for a folder")
	case errors.Is(err, syscall.ENAMETOOLONG):
		return fault("the name is too long for this system")
	case err != nil:
		return err
	}
	n, err := io.Copy(f, body)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	r.Meter.FileBytes.Add(n)
	if t := header.ModTime; t.Year() >= 1970 && t.Year() < 2200 {
		return s.root.Chtimes(name, time.Time{}, t)
	}
	return nil
}

// create makes a file that must not exist, and the folders that it is in.
func (s *stage) create(name string) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := s.root.OpenFile(name, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.root.MkdirAll(path.Dir(name), 0o700); err == nil {
			f, err = s.root.OpenFile(name, flags, 0o600)
		}
	}
	return f, err
}

// move gives a staged file its name below the areas. It returns fs.ErrNotExist if there is no such file, and
// fs.ErrExist if the name is taken.
func (s *stage) move(from, to string) (size int64, err error) {
	from, to = inName+"/"+from, outName+"/"+to
	info, err := s.root.Lstat(from)
	switch {
	case errors.Is(err, syscall.ENOTDIR), err == nil && !info.Mode().IsRegular():
		return 0, fs.ErrNotExist
	case err != nil:
		return 0, err
	}
	if _, err := s.root.Lstat(to); err == nil {
		return 0, fs.ErrExist
	}
	if err := s.root.MkdirAll(path.Dir(to), 0o700); err != nil {
		return 0, err
	}
	return info.Size(), s.root.Rename(from, to)
}

// place moves the areas to where they belong, durably.
func (s *stage) place() error {
	if err := s.root.WriteFile(placed, nil, 0o600); err != nil {
		return err
	}
	for _, area := range areas() {
		from := outName + "/" + string(area)
		if err := s.root.MkdirAll(from, 0o700); err != nil {
			return err
		}
		if err := s.syncFolders(from); err != nil {
			return err
		}
		if err := s.root.Remove(string(area)); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty one
			return err
		}
		if err := s.root.Rename(from, string(area)); err != nil {
			return err
		}
	}
	return s.syncFolder(".")
}

// syncFolders makes the names in a folder and below durable.
func (s *stage) syncFolders(name string) error {
	return fs.WalkDir(s.root.FS(), name, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return s.syncFolder(name)
	})
}

func (s *stage) syncFolder(name string) error {
	d, err := s.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// close ends a successful import. The files stay.
func (s *stage) close() error {
	return errors.Join(s.root.RemoveAll(stageName), s.release())
}

// remove leaves nothing of the import, nor the folder if it was made for it.
func (s *stage) remove() error {
	err := errors.Join(s.removeOld(), s.release())
	if s.made {
		err = errors.Join(err, os.Remove(s.dir))
	}
	return err
}
