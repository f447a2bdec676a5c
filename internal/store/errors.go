package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/realmport/realmport"
)

// Result codes of SQLite (https://sqlite.org/rescode.html); the extended ones have more in their upper bytes.
const (
	sqliteBusy   = 5
	sqliteLocked = 6
)

// PostgreSQL's codes of a missing right, of a server that takes no writes, as after a failover before clients follow it, and of a
// reference to a row that does not exist.
const (
	noRight   = "42501"
	readOnly  = "25006"
	noSuchRow = "23503"
)

// fail says what could not be done, and of which kind the failure is. It returns nil for nil. The
// text of the driver's error is not for users, as it may name hosts.
func fail(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	var known *realmport.Error
	switch {
	case errors.As(err, &known), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", what, err)
	case unavailable(err):
		return &realmport.Error{
			Code: realmport.Unavailable, Message: what + ": the database does not answer, or takes no writes; try again, on the primary server", Err: err,
		}
	case denied(err):
		return &realmport.Error{
			Code:    realmport.NotAllowed,
			Message: what + ": the database does not allow it; grant its role what realmport needs",
			Err:     err,
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// unavailable tells whether the database could not be reached or had no time.
func unavailable(err error) bool {
	var network net.Error
	if errors.As(err, &network) {
		return true
	}
	for _, gone := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, gone) {
			return true
		}
	}
	var lite interface{ Code() int }
	if errors.As(err, &lite) {
		return lite.Code()&0xff == sqliteBusy || lite.Code()&0xff == sqliteLocked
	}
	state := sqlState(err)
	// Connection exceptions, too many connections, the server going down or coming up.
	return strings.HasPrefix(state, "08") || state == "53300" || strings.HasPrefix(state, "57P") || state == readOnly
}

// denied tells whether the database's role lacks a right.
func denied(err error) bool { return sqlState(err) == noRight }

// sqlState returns PostgreSQL's code of an error, "" if it is no error of PostgreSQL.
func sqlState(err error) string {
	var pg interface{ SQLState() string }
	if errors.As(err, &pg) {
		return pg.SQLState()
	}
	return ""
}
