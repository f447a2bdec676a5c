package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/realmport/realmport"
)

// status is SQLite's code of an error, without what is special to the operation; 0 if it is none of SQLite's.
func status(err error) int {
	var e *driver.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// explain turns an error of SQLite into one that says what to do. Errors that have a code keep it.
func explain(ctx context.Context, path string, err error) error {
	var own *realmport.Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch status(err) {
	case lib.SQLITE_NOTADB:
		return wrap(realmport.Unsupported, err, "%s is not an SQLite database: check the path", path)
	case lib.SQLITE_CORRUPT:
		return wrap(realmport.Unsupported, err, "the database %s is damaged (%v): restore it from a backup", path, err)
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return wrap(realmport.Unavailable, err, "the database %s is locked by another process for too long: try again when it is done", path)
	case lib.SQLITE_READONLY:
		return wrap(realmport.NotAllowed, err, "the database %s cannot be written (%v): check the rights of the file and of its folder", path, err)
	case lib.SQLITE_CANTOPEN, lib.SQLITE_PERM, lib.SQLITE_AUTH:
		return wrap(realmport.NotAllowed, err, "the database %s cannot be opened (%v): check the rights of the file and of its folder", path, err)
	case lib.SQLITE_FULL:
		return wrap(realmport.Internal, err, "there is no space left for the database %s: free some and try again", path)
	default:
		return wrap(realmport.Internal, err, "the database %s: %v", path, err)
	}
}

func wrap(code realmport.Code, err error, format string, args ...any) error {
	return &realmport.Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}

// cause is what the system said, without the name of the file.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
