package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/realmport/realmport"
)

// Archives keeps archives below a folder.
type Archives struct {
	root *os.Root
	// folders is held while folders are made, since those that are empty are removed.
	folders sync.Mutex
}

var _ realmport.Archives = (*Archives)(nil)

// OpenArchives opens the folder, and makes it if it is not there. The caller closes the archives.
func OpenArchives(folder string) (*Archives, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, realmport.Errorf(codeOf(err), "cannot keep archives in %s: %s", folder, cause(err))
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, realmport.Errorf(codeOf(err), "cannot keep archives in %s: %s", folder, cause(err))
	}
	return &Archives{root: root}, nil
}

// Close frees the folder. Archives that are open stay so.
func (a *Archives) Close() error { return a.root.Close() }

// checkName refuses names that are not plain paths, or that could be those of archives in the making.
func checkName(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.HasPrefix(path.Base(name), ".") {
		return realmport.Errorf(realmport.Invalid, "%q cannot be the name of an archive", name)
	}
	return nil
}

// Create implements realmport.Archives.
func (a *Archives) Create(_ context.Context, name string) (realmport.Output, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	a.folders.Lock()
	defer a.folders.Unlock()
	// Through the root, so that a link in the way is not followed out of the folder.
	if err := a.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return nil, realmport.Errorf(codeOf(err), "cannot write in %s: %s", a.root.Name(), cause(err))
	}
	return Create(filepath.Join(a.root.Name(), filepath.FromSlash(name)), false)
}

// Open implements realmport.Archives.
func (a *Archives) Open(_ context.Context, name string) (*realmport.Archive, error) {
	if err := checkName(name); err != nil {
		return nil, errors.Join(fs.ErrNotExist, err)
	}
	f, err := a.root.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &realmport.Archive{ReadSeekCloser: f, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Remove implements realmport.Archives.
func (a *Archives) Remove(_ context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	a.folders.Lock()
	defer a.folders.Unlock()
	folder, base := path.Split(name)
	// The partial name first: who is about to give it the final one either has done so when that is removed, or fails.
	for _, name := range []string{folder + "." + base + ".partial", name} {
		if err := a.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	// Folders that are not empty stay.
	for folder = path.Dir(name); folder != "."; folder = path.Dir(folder) {
		if a.root.Remove(folder) != nil {
			break
		}
	}
	return nil
}
