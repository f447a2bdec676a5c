package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/realmport/realmport"
)

// Claim implements realmport.Runs. A heartbeat from the future is as dead as an old one: the clock was set back since. Progress
// begins anew. The reason why the last attempt failed stays, but an attempt whose owner fell silent left none.
//
// The turn is that of the organization with the fewest exports at work, then of the one that has waited longest since it was asked
// for, and since its last export ended: many exports of one organization do not go before one of another. Who asked, or was noted
// by Wait, within twice Stale waits; so exports that nobody asks for any more delay others no longer than that. What was
// cancelled needs no turn.
func (r *Runs) Claim(ctx context.Context, c realmport.Claim) (*realmport.Run, realmport.Verdict, error) {
	if c.Owner == "" {
		return nil, 0, realmport.Errorf(realmport.Invalid, "work on export %d has no owner", c.ExportID)
	}
	run, verdict, err := r.claim(ctx, c)
	return run, verdict, fail(err, "claim export %d", c.ExportID)
}

func (r *Runs) claim(ctx context.Context, c realmport.Claim) (*realmport.Run, realmport.Verdict, error) {
	if c.ServerLimit <= 0 && c.RealmLimit <= 0 && c.Free <= 0 {
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
		err = r.wait(ctx, tx, c.ExportID, c.RealmID, refused)
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

// take claims an export without looking at others. It reads the clock once: an attempt begins with its first heartbeat.
func (r *Runs) take(ctx context.Context, db conn, c realmport.Claim) (*realmport.Run, realmport.Verdict, error) {
	run, err := scanRun(db.QueryRowContext(ctx, r.statement(`
		INSERT INTO @export_runs AS r (export_id, realm_id, attempt, owner, heartbeat, started, path, spool, cancelled, reason)
		SELECT $1, $2, 1, $3, present, present, '', '', '', '' FROM (SELECT {now} AS present) AS clock WHERE true
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

// verdictOn decides a claim.
func verdictOn(c realmport.Claim, list []active) realmport.Verdict {
	running, total, before := map[int64]int{}, 0, 0
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
			before++
		}
	}
	if (c.Free <= 0 || before < c.Free) && room(c, running[own.realm], total) {
		return realmport.Claimed
	}
	return realmport.NoRoom
}

// room tells whether one more export may be at work.
func room(c realmport.Claim, realm, total int) bool {
	return (c.RealmLimit <= 0 || realm < c.RealmLimit) && (c.ServerLimit <= 0 || total < c.ServerLimit)
}
