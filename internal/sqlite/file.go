package sqlite

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/realmport/realmport"
)

// busyTimeout is how long, in milliseconds, a connection waits for a lock that another one has.
const busyTimeout = "10000"

// absolute returns a path that does not depend on the working directory, and that SQLite takes as it is.
func absolute(path string) (string, error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return "", realmport.Errorf(realmport.Invalid, "%q is no name of a database file: write its path", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", realmport.Errorf(realmport.Internal, "find the database %s: %w", path, err)
	}
	return abs, nil
}

// locate returns the absolute path of a database that is there.
func locate(path string) (string, error) {
	abs, err := absolute(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", wrap(realmport.NotFound, err, "there is no database %s: check the path, or create one", abs)
	case errors.Is(err, fs.ErrPermission):
		return "", wrap(realmport.NotAllowed, err, "the database %s may not be looked at by this user: check the rights of its folders", abs)
	case err != nil:
		return "", wrap(realmport.Invalid, err, "cannot find the database %s: %v", abs, cause(err))
	case !info.Mode().IsRegular():
		return "", realmport.Errorf(realmport.Invalid, "%s is not a file: write the path of a database", abs)
	}
	return abs, nil
}

// settings are parameters of a connection, to SQLite and to its driver.
type settings map[string]string

// address is what the driver opens: a URI, so that no sign in the path means anything.
func address(path string, s settings) string {
	query := url.Values{"_busy_timeout": {busyTimeout}}
	for key, value := range s {
		query.Set(key, value)
	}
	// A file that is not there is not made; a quoted name that is no column is an error and not a text; error
	// messages are those of the operation.
	query.Set("mode", "rw")
	query.Set("_dqs", "0")
	query.Set("_error_rc", "1")
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") { // a drive letter
		slashed = "/" + slashed
	}
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: query.Encode()}
	return u.String()
}

// beside lists the files that SQLite may keep beside a database.
func beside(path string) []string { return []string{path + "-wal", path + "-shm", path + "-journal"} }
