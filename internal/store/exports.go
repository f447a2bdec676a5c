package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/realmport/realmport"
)

// Events of the audit log (api.md §1.9).
const (
	settingChanged = 132
	realmExported  = 206
	exportDeleted  = 230
)

// Create implements realmport.Exports.
func (s *Store) Create(ctx context.Context, e realmport.NewExport) (int64, error) {
	var created int64
	err := s.row(ctx, s.db, `INSERT INTO @zerver_realmexport (realm_id, type, status, acting_user_id, date_requested, stats)
		VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
		e.RealmID, e.Type, realmport.Requested, id(e.ActingUser), s.d.time(e.Now), realmport.OwnStats).Scan(&created)
	return created, fail(err, "add an export of organization %d", e.RealmID)
}

const selectExports = `SELECT id, realm_id, type, status, coalesce(acting_user_id, 0), date_requested, date_started, date_succeeded,
	date_failed, date_deleted, coalesce(export_path, ''), coalesce(sha256sum_hex, ''), coalesce(tarball_size_bytes, 0), stats
	FROM @zerver_realmexport WHERE `

func scanExport(row scanner) (realmport.Export, error) {
	var e realmport.Export
	var requested, started, succeeded, failed, deleted moment
	var stats sql.NullString
	err := row.Scan(&e.ID, &e.RealmID, &e.Type, &e.Status, &e.ActingUser, &requested, &started, &succeeded, &failed, &deleted,
		&e.Path, &e.SHA256, &e.Size, &stats)
	e.Requested, e.Started, e.Succeeded, e.Failed, e.Deleted = requested.Time, started.Time, succeeded.Time, failed.Time, deleted.Time
	if stats.Valid {
		e.Stats = json.RawMessage(stats.String)
	}
	return e, err
}

// Export implements realmport.Exports.
func (s *Store) Export(ctx context.Context, id int64) (*realmport.Export, error) {
	return s.export(ctx, fmt.Sprint("export ", id), selectExports+`id = $1`, id)
}

// ByPath implements realmport.Exports. Messages do not name the path, which is all that one needs to know to get the archive.
func (s *Store) ByPath(ctx context.Context, path string) (*realmport.Export, error) {
	return s.export(ctx, "export with this path", selectExports+`export_path = $1 AND status = 3 ORDER BY id LIMIT 1`, clean(path))
}

func (s *Store) export(ctx context.Context, which, query string, arg any) (*realmport.Export, error) {
	e, err := scanExport(s.row(ctx, s.db, query, arg))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, realmport.Errorf(realmport.NotFound, "there is no %s", which)
	} else if err != nil {
		return nil, fail(err, "read the %s", which)
	}
	return &e, nil
}

// List implements realmport.Exports.
func (s *Store) List(ctx context.Context, realmID int64) ([]realmport.Export, error) {
	found, err := list(ctx, s, scanExport,
		selectExports+`realm_id = CAST($1 AS bigint) AND acting_user_id IS NOT NULL ORDER BY id`, realmID)
	return found, fail(err, "list the exports of organization %d", realmID)
}

// Pending implements realmport.Exports.
func (s *Store) Pending(ctx context.Context) ([]realmport.Export, error) {
	found, err := list(ctx, s, scanExport, selectExports+`status IN (1, 2) ORDER BY id`)
	found = slices.DeleteFunc(found, func(e realmport.Export) bool { return !e.Ours() })
	return found, fail(err, "list the pending exports")
}

// CountSince implements realmport.Exports.
func (s *Store) CountSince(ctx context.Context, realmID int64, since time.Time, failed bool) (int, error) {
	query := `SELECT count(*) FROM @zerver_realmexport WHERE realm_id = CAST($1 AS bigint) AND date_requested >= $2`
	if !failed {
		query += ` AND status <> 4`
	}
	var n int
	err := s.row(ctx, s.db, query, realmID, s.d.time(since)).Scan(&n)
	return n, fail(err, "count the exports of organization %d", realmID)
}

// Each of the following changes the status in one statement that looks at it, so that of several processes one succeeds.

// Start implements realmport.Exports.
func (s *Store) Start(ctx context.Context, id int64, now time.Time) (bool, error) {
	n, err := s.exec(ctx, s.db, `UPDATE @zerver_realmexport SET status = 2, date_started = $2
		WHERE id = $1 AND status IN (1, 2)`, id, s.d.time(now))
	return n > 0, fail(err, "mark export %d as started", id)
}

// Fail implements realmport.Exports.
func (s *Store) Fail(ctx context.Context, id int64, now time.Time, evenEnded bool) (bool, error) {
	from := `(1, 2)`
	if evenEnded {
		from = `(1, 2, 3, 4, 5)`
	}
	n, err := s.exec(ctx, s.db, `UPDATE @zerver_realmexport SET status = 4, date_failed = $2
		WHERE id = $1 AND status IN `+from, id, s.d.time(now))
	return n > 0, fail(err, "mark export %d as failed", id)
}

// Succeed implements realmport.Exports.
func (s *Store) Succeed(ctx context.Context, exportID int64, r realmport.Result, now time.Time) (ok bool, messageID int64, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		var realmID int64
		var user sql.NullInt64
		err := s.row(ctx, tx, `UPDATE @zerver_realmexport
			SET status = 3, date_succeeded = $2, export_path = $3, sha256sum_hex = nullif($4, ''), tarball_size_bytes = $5, stats = $6
			WHERE id = $1 AND status = 2 RETURNING realm_id, acting_user_id`,
			exportID, s.d.time(now), r.Path, r.SHA256, r.Size, jsonText(r.Stats)).Scan(&realmID, &user)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		} else if err != nil {
			return err
		}
		ok = true
		if err := s.audit(ctx, tx, realmExported, realmID, user, exportID, now); err != nil {
			return err
		}
		if !s.owned || !user.Valid {
			return nil
		}
		messageID, err = s.notify(ctx, tx, realmID, user.Int64, now)
		return err
	})
	if err != nil {
		return false, 0, fail(err, "mark export %d as succeeded", exportID)
	}
	return ok, messageID, nil
}

// Delete implements realmport.Exports.
func (s *Store) Delete(ctx context.Context, exportID, actingUser int64, now time.Time) (bool, error) {
	var ok bool
	err := s.change(ctx, func(tx *sql.Tx) error {
		var realmID int64
		err := s.row(ctx, tx, `UPDATE @zerver_realmexport SET status = 5, date_deleted = $2
			WHERE id = $1 AND status = 3 RETURNING realm_id`, exportID, s.d.time(now)).Scan(&realmID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		} else if err != nil {
			return err
		}
		ok = true
		return s.audit(ctx, tx, exportDeleted, realmID, id(actingUser), exportID, now)
	})
	if err != nil {
		return false, fail(err, "mark export %d as deleted", exportID)
	}
	return ok, nil
}

// audit adds a line on an export to the organization's log.
func (s *Store) audit(ctx context.Context, tx *sql.Tx, event int, realmID int64, user sql.NullInt64, exportID int64, now time.Time) error {
	_, err := s.exec(ctx, tx, `INSERT INTO @zerver_realmauditlog
		(realm_id, acting_user_id, event_type, event_time, backfilled, extra_data) VALUES ($1, $2, $3, $4, false, $5)`,
		realmID, user, event, s.d.time(now), fmt.Sprintf(`{"realm_export_id": %d}`, exportID))
	return err
}
