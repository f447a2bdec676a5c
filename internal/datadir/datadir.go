// Package datadir is the folder in which realmport keeps its embedded store and all that belongs to it:
//
//	organization.db      the organization, in Zulip's shape
//	state.db             what realmport knows of exports, and its queue
//	uploads/             uploaded files, as on a Zulip server; archives in avatars/exports
//	tmp/                 temporary files
//	secrets              what nobody else may know
//	avatars.json         whose imported avatars are, by the names of their files
//	migration_status.json, if the organization came from an archive that had it
//	event-queues.json    of clients, while no process works
//	zuliprc, zuliprc-member, netrc
//	lock                 held by the process that works in the folder
//
// Only its owner may read it.
package datadir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/realmport/realmport"
)

// Dir is the folder, held by this process alone.
type Dir struct {
	path string
	lock *os.File
}

// Open takes the folder for this process, and makes it if it is not there. While another process has it, the error has the code
// Running. The caller closes it.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, explain(path, err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, explain(path, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, realmport.Errorf(realmport.Running, "another realmport works in %s: stop it, or choose another folder with --data", path)
		}
		return nil, explain(path, err)
	}
	return &Dir{path: path, lock: lock}, nil
}

func explain(path string, err error) error {
	code := realmport.Internal
	switch {
	case errors.Is(err, fs.ErrPermission):
		code = realmport.NotAllowed
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EEXIST):
		code = realmport.Conflict
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return &realmport.Error{Code: code, Err: err, Message: fmt.Sprintf("cannot keep data in %s: %s; choose another folder with --data", path, err)}
}

// Close lets other processes have the folder.
func (d *Dir) Close() error { return d.lock.Close() }

// Path is the folder's own.
func (d *Dir) Path() string { return d.path }

// Organization is the database of the embedded store below a data folder.
func Organization(path string) string { return filepath.Join(path, "organization.db") }

// Uploads is the upload folder below a data folder.
func Uploads(path string) string { return filepath.Join(path, "uploads") }

// MigrationStatus is the migration_status.json below a data folder.
func MigrationStatus(path string) string { return filepath.Join(path, "migration_status.json") }

// Avatars is the list of imported avatars' names below a data folder.
func Avatars(path string) string { return filepath.Join(path, "avatars.json") }

// ReadAvatars returns the users of imported avatars, by the base names of their files; none if nothing was imported.
func ReadAvatars(path string) (map[string]int64, error) {
	text, err := os.ReadFile(Avatars(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names map[string]int64
	if err := json.Unmarshal(text, &names); err != nil {
		return nil, realmport.Errorf(realmport.Invalid, "%s cannot be read as the list of avatars that an import wrote: %v", Avatars(path), err)
	}
	return names, nil
}

// WriteAvatars writes the list.
func (d *Dir) WriteAvatars(names map[string]int64) error {
	text, err := json.Marshal(names)
	if err != nil {
		return err
	}
	return writeFile(Avatars(d.path), text)
}

// State is the database of realmport's own state.
func (d *Dir) State() string { return filepath.Join(d.path, "state.db") }

// Work is the folder of temporary files.
func (d *Dir) Work() string { return filepath.Join(d.path, "tmp") }

// WasUsed tells whether exports were made in the folder, so that an organization that is not there is missing.
func (d *Dir) WasUsed() (bool, error) {
	_, err := os.Lstat(d.State())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// HasOrganization tells whether the store is filled.
func (d *Dir) HasOrganization() (bool, error) {
	_, err := os.Lstat(Organization(d.path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
