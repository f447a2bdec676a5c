package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/realmport/realmport"
)

// patience is how long an export that waits keeps its turn without asking for it.
const patience = 15 * time.Second

// Claim implements realmport.Runs. A heartbeat from the future is as dead as an old one: the clock was set back since. Progress
// begins anew. The reason why the last attempt failed stays, but an attempt whose owner fell silent left none.
//
// The turn is that of the organization with the fewest exports at work, then of the one that has waited longest since it asked, and
// since its last export ended: many exports of one organization do not go before one of another. Who asked within the
// last 15 seconds waits; so exports that nobody asks for any more delay others no longer than that. What was
// cancelled needs no turn.
func (r *Runs) Claim(ctx context.Context, c realmport.Claim) (*realmport.Run, realmport.Verdict, error) {
	if c.Owner == "" {
		return nil, 0, realmport.Errorf(realmport.Invalid, "work on export %d has no owner", c.ExportID)
	}
	run, verdict, err := r.claim(ctx, c)
	return run, verdict, fail(err, "claim export %d", c.ExportID)
}

func (r *Runs) claim(ctx context.Context, c realmport.Claim) (*realmport.Run, realmport.Verdict, error) {
	if c.ServerLimit <= 0 && c.RealmLimit <= 0 {
		return r.take(ctx, r.db, c)
	}
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = tx.Rollback() }()
	// Of several who claim, each sees what the one before was granted. SQLite's transactions are one after another.
	if r.d == PostgreSQL {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('realmport claims of ' || $1, 0))`, r.prefix); err != nil {
			return nil, 0, err
		}
	}
	list, err := r.active(ctx, tx, c)
	if err != nil {
		return nil, 0, err
	}
	var run *realmport.Run
	verdict := verdictOn(c, list)
	switch verdict {
	case realmport.Claimed:
		run, verdict, err = r.take(ctx, tx, c)
	case realmport.NoRoom:
		err = r.wait(ctx, tx, c)
	}
	if err != nil {
		return nil, 0, err
	}
	return run, verdict, tx.Commit()
}

// conn is a database, or a transaction.
type conn interface {
	queryer
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// take claims an export without looking at others.
func (r *Runs) take(ctx context.Context, db conn, c realmport.Claim) (*realmport.Run, realmport.Verdict, error) {
	run, err := scanRun(db.QueryRowContext(ctx, r.statement(`
		INSERT INTO @export_runs AS r (export_id, realm_id, attempt, owner, heartbeat, started, path, spool, cancelled, reason)
		VALUES ($1, $2, 1, $3, {now}, {now}, '', '', '', '')
		ON CONFLICT (export_id) DO UPDATE SET
			realm_id = excluded.realm_id, attempt = r.attempt + 1, owner = excluded.owner, heartbeat = excluded.heartbeat,
			started = excluded.started, progress = NULL, reason = CASE WHEN r.owner = '' THEN r.reason ELSE '' END,
			waiting_since = NULL, waiting_seen = NULL
		WHERE r.owner = '' OR r.owner = excluded.owner OR r.heartbeat < {now} - $4 * {microsecond}
			OR r.heartbeat > {now} + $4 * {microsecond}
		RETURNING `+runColumns), c.ExportID, c.RealmID, c.Owner, c.Stale.Microseconds()))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, realmport.Busy, nil
	}
	return run, realmport.Claimed, err
}

// wait notes that an export waits for its turn.
func (r *Runs) wait(ctx context.Context, db conn, c realmport.Claim) error {
	_, err := db.ExecContext(ctx, r.statement(`
		INSERT INTO @export_runs AS r (export_id, realm_id, attempt, owner, path, spool, cancelled, reason, waiting_since, waiting_seen)
		VALUES ($1, $2, 0, '', '', '', '', '', {now}, {now})
		ON CONFLICT (export_id) DO UPDATE SET realm_id = excluded.realm_id, waiting_seen = excluded.waiting_seen,
			waiting_since = CASE WHEN `+present+` THEN r.waiting_since ELSE excluded.waiting_since END`),
		c.ExportID, c.RealmID, patience.Microseconds())
	return err
}

// present is the condition of an export that waits. $3 is the patience.
const present = `coalesce(r.waiting_seen BETWEEN {now} - $3 * {microsecond} AND {now} + $3 * {microsecond}, false)`

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

// active lists what is at work or waits, with the export that is claimed, if it is known.
func (r *Runs) active(ctx context.Context, db conn, c realmport.Claim) ([]active, error) {
	scan := func(row scanner) (a active, err error) {
		return a, row.Scan(&a.export, &a.realm, &a.owner, &a.cancelled, &a.since, &a.realmEnd)
	}
	return all(ctx, db, scan, r.statement(`
		SELECT export_id, realm_id, CASE WHEN alive THEN owner ELSE '' END, cancelled <> '', CASE WHEN present THEN waiting_since END,
			CASE WHEN present THEN (SELECT max(e.heartbeat) FROM @export_runs AS e WHERE e.realm_id = a.realm_id AND e.owner = '') END
		FROM (SELECT *, coalesce(owner <> '' AND heartbeat BETWEEN {now} - $2 * {microsecond} AND {now} + $2 * {microsecond}, false) AS alive,
			`+present+` AS present FROM @export_runs AS r) AS a
		WHERE alive OR present OR export_id = $1`), c.ExportID, c.Stale.Microseconds(), patience.Microseconds())
}

// verdictOn decides a claim.
func verdictOn(c realmport.Claim, list []active) realmport.Verdict {
	running, total := map[int64]int{}, 0
	own := active{export: c.ExportID, realm: c.RealmID}
	var waiting []active
	for _, a := range list {
		switch {
		case a.export == c.ExportID:
			own = a
		case a.owner != "":
			running[a.realm]++
			total++
		case !a.since.IsZero() && !a.cancelled:
			waiting = append(waiting, a)
		}
	}
	switch {
	case own.owner != "" && own.owner != c.Owner:
		return realmport.Busy
	case own.owner != "", own.cancelled:
		return realmport.Claimed
	}
	own.realm = c.RealmID
	inTurn := func(a, b active) int {
		return cmp.Or(cmp.Compare(running[a.realm], running[b.realm]), a.turn().Compare(b.turn()), cmp.Compare(a.export, b.export))
	}
	slices.SortFunc(waiting, inTurn)
	// Those whose turn is before get their places first.
	for _, a := range waiting {
		ahead := own.since.IsZero() && running[a.realm] <= running[own.realm] || !own.since.IsZero() && inTurn(a, own) < 0
		if ahead && room(c, running[a.realm], total) {
			running[a.realm]++
			total++
		}
	}
	if room(c, running[own.realm], total) {
		return realmport.Claimed
	}
	return realmport.NoRoom
}

// room tells whether one more export may be at work.
func room(c realmport.Claim, realm, total int) bool {
	return (c.RealmLimit <= 0 || realm < c.RealmLimit) && (c.ServerLimit <= 0 || total < c.ServerLimit)
}
