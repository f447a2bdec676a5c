package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"modernc.org/sqlite"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
)

// polled is River's driver without notifications, which on SQLite are a table that every process reads twenty times a second.
// Without, an idle process needs a third of the time. Its own changes are noticed at once all the same, and those of other
// processes when it looks for them: new jobs every second, cancelled ones every other.
type polled struct{ *riversqlite.Driver }

// SupportsListener implements riverdriver.Driver.
func (polled) SupportsListener() bool { return false }

// SupportsListenNotify implements riverdriver.Driver.
func (polled) SupportsListenNotify() bool { return false }

// openSQLite opens the state database's file.
func (q *Queue) openSQLite(ctx context.Context, c *river.Config) error {
	path, err := filepath.Abs(q.opts.SQLite)
	if err != nil {
		return err
	}
	// NORMAL does not wait for the disk at each of the small writes of an idle queue. A power cut may lose jobs, which Enqueue
	// brings back.
	file := url.URL{
		Scheme: "file", Path: filepath.ToSlash(path),
		RawQuery: "_busy_timeout=10000&_journal_mode=WAL&_synchronous=NORMAL&_txlock=immediate",
	}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return fmt.Errorf("open the state database %s: %w", path, err)
	}
	q.close = func() { _ = db.Close() }
	// SQLite has one writer at a time: others would only meet as errors.
	db.SetMaxOpenConns(1)
	if err := q.useSQLite(ctx, db, c); err != nil {
		return explainSQLite(path, err)
	}
	return nil
}

// useSQLite brings the tables up to date and makes the client.
func (q *Queue) useSQLite(ctx context.Context, db *sql.DB, c *river.Config) error {
	driver := riversqlite.New(db)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: c.Logger})
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	// All in one transaction, so that of several processes the first migrates and the others wait and find it done.
	//nolint:staticcheck // deprecated for PostgreSQL's sake, where some migrations need transactions of their own
	if _, err := migrator.MigrateTx(ctx, tx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	q.now = func(context.Context) (time.Time, error) { return clock.Now(), nil }
	q.client, err = river.NewClient(polled{driver}, c)
	return err
}

// SQLite's primary result codes.
const (
	sqliteBusy     = 5
	sqliteReadOnly = 8
	sqliteCantOpen = 14
	sqliteNotADB   = 26
)

// explainSQLite says what to do about a file that cannot be used.
func explainSQLite(path string, err error) error {
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return fmt.Errorf("prepare the state database %s: %w", path, err)
	}
	explained := func(code realmport.Code, what string) error {
		return realmport.Errorf(code, "the state database %s %s (%w)", path, what, err)
	}
	switch failure.Code() & 0xff {
	case sqliteBusy:
		return explained(realmport.Unavailable, "is locked by another program: end that, or name another file")
	case sqliteReadOnly:
		return explained(realmport.NotAllowed, "cannot be written: check the permissions of the file and its folder")
	case sqliteCantOpen:
		return explained(realmport.NotFound, "cannot be opened: its folder must exist, and let realmport write")
	case sqliteNotADB:
		return explained(realmport.Invalid, "is no database of SQLite: name another file")
	}
	return fmt.Errorf("prepare the state database %s: %w", path, err)
}
