package store

import (
	"context"
	"time"

	"github.com/realmport/realmport"
)

// Wait implements realmport.Runs.
func (r *Runs) Wait(ctx context.Context, exportID, realmID int64) error {
	return fail(r.wait(ctx, r.db, exportID, realmID, idle), "note that export %d waits", exportID)
}

// Leave implements realmport.Runs.
func (r *Runs) Leave(ctx context.Context, exportID int64) error {
	_, err := r.db.ExecContext(ctx, r.statement(`UPDATE @export_runs SET `+leaves+` WHERE export_id = $1 AND waiting_seen IS NOT NULL`), exportID)
	return fail(err, "note that export %d waits no more", exportID)
}

// leaves makes a row one that does not wait.
const leaves = `waiting_since = NULL, waiting_seen = NULL`

// The exports that may be noted to wait: those whose claim was refused, even with the owner who died; and of the others those that
// nobody is at work on, and that need a turn.
const (
	refused = `true`
	idle    = `r.owner = '' AND r.cancelled = ''`
)

// wait notes that an export waits for its turn. It goes on waiting since it began to, unless that is in the future.
func (r *Runs) wait(ctx context.Context, db conn, exportID, realmID int64, which string) error {
	_, err := db.ExecContext(ctx, r.statement(`
		INSERT INTO @export_runs AS r (export_id, realm_id, attempt, owner, path, spool, cancelled, reason, waiting_since, waiting_seen)
		VALUES ($1, $2, 0, '', '', '', '', '', {now}, {now})
		ON CONFLICT (export_id) DO UPDATE SET realm_id = excluded.realm_id, waiting_seen = excluded.waiting_seen,
			waiting_since = CASE WHEN r.waiting_since < excluded.waiting_since THEN r.waiting_since ELSE excluded.waiting_since END
		WHERE `+which), exportID, realmID)
	return err
}

// active is an export that somebody is at work on, or that waits.
type active struct {
	export, realm   int64
	owner           string // "" if nobody is at work
	cancelled       bool
	since, realmEnd moment // when it began to wait, and when the organization's last export ended; zero if neither
}

// turn is the time from which on an export waits for its turn.
func (a active) turn() time.Time {
	if a.realmEnd.After(a.since.Time) {
		return a.realmEnd.Time
	}
	return a.since.Time
}

// listActive lists what is at work or waits, with the export that is claimed, if it is known. $1 is that, $2 how old a heartbeat
// may be, and $3 how long ago an export was last seen waiting. Of the rows of exports that have ended, it looks at none.
const listActive = `
	SELECT export_id, realm_id, CASE WHEN alive THEN owner ELSE '' END, cancelled <> '', CASE WHEN present THEN waiting_since END,
		CASE WHEN present THEN (SELECT max(e.ended) FROM @export_runs AS e WHERE e.realm_id = a.realm_id) END
	FROM (SELECT export_id, realm_id, owner, cancelled, waiting_since,
			coalesce(owner <> '' AND heartbeat BETWEEN {now} - $2 * {microsecond} AND {now} + $2 * {microsecond}, false) AS alive,
			coalesce(waiting_seen BETWEEN {now} - $3 * {microsecond} AND {now} + $3 * {microsecond}, false) AS present
		FROM (SELECT export_id, realm_id, owner, cancelled, waiting_since, heartbeat, waiting_seen FROM @export_runs
			WHERE (owner <> '' OR waiting_seen IS NOT NULL) AND export_id <> $1
			UNION ALL
			SELECT export_id, realm_id, owner, cancelled, waiting_since, heartbeat, waiting_seen FROM @export_runs WHERE export_id = $1) AS r) AS a
	WHERE alive OR present OR export_id = $1`

func (r *Runs) active(ctx context.Context, db conn, c realmport.Claim) ([]active, error) {
	scan := func(row scanner) (a active, err error) {
		return a, row.Scan(&a.export, &a.realm, &a.owner, &a.cancelled, &a.since, &a.realmEnd)
	}
	return all(ctx, db, scan, r.statement(listActive), c.ExportID, c.Stale.Microseconds(), 2*c.Stale.Microseconds())
}
