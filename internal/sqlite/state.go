package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"

	"github.com/realmport/realmport"
)

// OpenState opens a database of realmport's own state as OpenDB does one of an organization, and makes it if it is not there.
func OpenState(ctx context.Context, path string) (*sql.DB, error) {
	path, err := absolute(path)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // an empty file is an empty database
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, wrap(realmport.NotAllowed, err, "cannot make the database %s (%v): choose a folder that exists and that this user may write", path, cause(err))
	}
	return openDB(ctx, path)
}
