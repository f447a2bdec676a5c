package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
)

// Runs is the work on exports, in the state's database. It is safe for concurrent use, also by several processes on
// several machines: each change is one statement that looks at who owns the work.
type Runs struct {
	db     *sql.DB
	d      Dialect
	prefix string
	now    func() time.Time
}

var _ realmport.Runs = (*Runs)(nil)

// RunsOptions are where and how Runs keep their state.
type RunsOptions struct {
	// Schema is PostgreSQL's schema of realmport's own tables: "realmport" if empty. It is made if it does not exist.
	Schema string
	// Now tells the time with SQLite; clock.Now if nil. With PostgreSQL the server tells it.
	Now func() time.Time
}

// NewRuns makes Runs, and before that the tables that they need, or brings them to the present version. Several processes may
// do so at once. The caller closes db, after the last use of the Runs.
func NewRuns(ctx context.Context, db *sql.DB, d Dialect, opts RunsOptions) (*Runs, error) {
	prefix, err := openState(ctx, db, d, opts.Schema)
	if err != nil {
		return nil, err
	}
	if opts.Now == nil {
		opts.Now = clock.Now
	}
	return &Runs{db: db, d: d, prefix: prefix, now: opts.Now}, nil
}

// statement makes a statement the database's own. {now} is the present time, {microsecond} what one is.
func (r *Runs) statement(text string) string {
	now, microsecond := r.d.clock(r.now)
	return strings.NewReplacer("@", r.prefix, "{now}", now, "{microsecond}", microsecond).Replace(text)
}

const runColumns = `export_id, realm_id, attempt, owner, heartbeat, started, path, spool, cancelled, reason, progress, summary, missing`

func scanRun(row scanner) (*realmport.Run, error) {
	var run realmport.Run
	var heartbeat, started moment
	var progress, summary, missing sql.NullString
	err := row.Scan(&run.ExportID, &run.RealmID, &run.Attempt, &run.Owner, &heartbeat, &started, &run.Path, &run.Spool,
		&run.Cancelled, &run.Reason, &progress, &summary, &missing)
	if err != nil {
		return nil, err
	}
	run.Heartbeat, run.Started = heartbeat.Time, started.Time
	for _, field := range []struct {
		text sql.NullString
		into any
	}{{progress, &run.Progress}, {summary, &run.Summary}, {missing, &run.Missing}} {
		if !field.text.Valid {
			continue
		}
		if err := json.Unmarshal([]byte(field.text.String), field.into); err != nil {
			return nil, err
		}
	}
	return &run, nil
}

// Beat implements realmport.Runs.
func (r *Runs) Beat(ctx context.Context, exportID int64, owner string, p realmport.Progress) (cancelled bool, err error) {
	progress, err := json.Marshal(p)
	if err != nil {
		return false, fmt.Errorf("write the progress of export %d: %w", exportID, err)
	}
	err = r.db.QueryRowContext(ctx, r.statement(`UPDATE @export_runs SET heartbeat = {now}, progress = $3
		WHERE export_id = $1 AND owner = $2 AND owner <> '' RETURNING cancelled <> ''`), exportID, owner, string(progress)).Scan(&cancelled)
	if errors.Is(err, sql.ErrNoRows) {
		return false, lost(exportID)
	}
	return cancelled, fail(err, "write the heartbeat of export %d", exportID)
}

// lost is the error of one who is not at work any more.
func lost(exportID int64) error {
	return realmport.Errorf(realmport.Conflict, "somebody else is at work on export %d, or nobody any more", exportID)
}

// owned changes the run of an export if owner is at work on it: $1 and $2 of the statement.
func (r *Runs) owned(ctx context.Context, what string, exportID int64, owner, set string, args ...any) error {
	result, err := r.db.ExecContext(ctx, r.statement(`UPDATE @export_runs SET `+set+` WHERE export_id = $1 AND owner = $2 AND owner <> ''`),
		append([]any{exportID, owner}, args...)...)
	if err != nil {
		return fail(err, "%s of export %d", what, exportID)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, lost(exportID))
	}
	return nil
}

// Plan implements realmport.Runs. What was built before does not count any more.
func (r *Runs) Plan(ctx context.Context, exportID int64, owner, path, spool string) error {
	return r.owned(ctx, "note the plan", exportID, owner, `path = $3, spool = $4, summary = NULL, missing = NULL`, path, spool)
}

// Built implements realmport.Runs.
func (r *Runs) Built(ctx context.Context, exportID int64, owner string, s *realmport.Summary, missing []realmport.Missing) error {
	summary, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write the summary of export %d: %w", exportID, err)
	}
	var left []byte
	if len(missing) > 0 {
		if left, err = json.Marshal(missing); err != nil {
			return fmt.Errorf("write what export %d lacks: %w", exportID, err)
		}
	}
	return r.owned(ctx, "note the archive", exportID, owner, `summary = $3, missing = $4`, string(summary), jsonText(left))
}

// Release implements realmport.Runs.
func (r *Runs) Release(ctx context.Context, exportID int64, owner, reason string, uncounted bool) error {
	counted := 0
	if uncounted {
		counted = 1
	}
	err := r.owned(ctx, "end the work", exportID, owner,
		`owner = '', heartbeat = {now}, ended = {now}, reason = $3, attempt = attempt - $4, `+leaves, clean(reason), counted)
	if realmport.ErrorCode(err) == realmport.Conflict {
		return nil
	}
	return err
}

// Cancel implements realmport.Runs. Who asked first is remembered.
func (r *Runs) Cancel(ctx context.Context, exportID int64, reason string) error {
	if reason == "" {
		return realmport.Errorf(realmport.Invalid, "cancelling export %d needs a reason: who asked for it", exportID)
	}
	_, err := r.db.ExecContext(ctx, r.statement(`
		INSERT INTO @export_runs AS r (export_id, realm_id, attempt, owner, path, spool, cancelled, reason)
		VALUES ($1, 0, 0, '', '', '', $2, '')
		ON CONFLICT (export_id) DO UPDATE SET cancelled = excluded.cancelled, `+leaves+` WHERE r.cancelled = ''`), exportID, clean(reason))
	return fail(err, "cancel export %d", exportID)
}

// Run implements realmport.Runs.
func (r *Runs) Run(ctx context.Context, exportID int64) (*realmport.Run, error) {
	run, err := scanRun(r.db.QueryRowContext(ctx, r.statement(`SELECT `+runColumns+` FROM @export_runs WHERE export_id = $1`), exportID))
	if errors.Is(err, sql.ErrNoRows) {
		return &realmport.Run{ExportID: exportID}, nil
	}
	return run, fail(err, "read the work on export %d", exportID)
}

// Silent implements realmport.Runs.
func (r *Runs) Silent(ctx context.Context, stale time.Duration) ([]int64, error) {
	found, err := all(ctx, r.db, scanID, r.statement(`SELECT export_id FROM @export_runs
		WHERE owner <> '' AND (heartbeat < {now} - $1 * {microsecond} OR heartbeat > {now} + abs($1) * {microsecond}) ORDER BY export_id`), stale.Microseconds())
	return found, fail(err, "look for exports nobody is at work on any more")
}

// Forget implements realmport.Runs.
func (r *Runs) Forget(ctx context.Context, exportID int64) error {
	_, err := r.db.ExecContext(ctx, r.statement(`DELETE FROM @export_runs WHERE export_id = $1`), exportID)
	return fail(err, "forget the work on export %d", exportID)
}
