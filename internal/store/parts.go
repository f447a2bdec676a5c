package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/realmport/realmport"
)

// Parts is what several machines know of the archives that they make together, in PostgreSQL: a file of SQLite is never shared by
// machines. It is safe for concurrent use. Each change is one statement that looks at whose the part is, and
// all times are by the server's clock.
type Parts struct {
	db     *sql.DB
	prefix string
}

var _ realmport.Parts = (*Parts)(nil)

// PartsOptions are where Parts keep their state.
type PartsOptions struct {
	// Schema is the schema of realmport's own tables, as RunsOptions has it.
	Schema string
}

// NewParts makes Parts, and before that the tables, as NewRuns does. The caller closes db, after the last use of the Parts.
func NewParts(ctx context.Context, db *sql.DB, opts PartsOptions) (*Parts, error) {
	prefix, err := openState(ctx, db, PostgreSQL, opts.Schema)
	if err != nil {
		return nil, err
	}
	return &Parts{db: db, prefix: prefix}, nil
}

// Conditions on a part. {stale} is how long somebody may be silent. One whose heartbeat is from the future is as silent as one whose
// heartbeat is old: the clock was set back since.
const (
	silent   = `(heartbeat < {now} - {stale} OR heartbeat > {now} + {stale})`
	open     = `(result IS NULL AND NOT given_up)`
	deserted = `(worker = '' OR ` + silent + `)`
)

// statement makes a statement the server's. stale is the parameter with that many microseconds.
func (p *Parts) statement(text, stale string) string {
	return strings.NewReplacer("@", p.prefix, "{now}", "clock_timestamp()", "{stale}", stale+" * interval '1 microsecond'").Replace(text)
}

// Begin implements realmport.Parts. It may be repeated with the same plan; another plan is a Conflict.
func (p *Parts) Begin(ctx context.Context, attempt string, plan []byte) error {
	if attempt == "" {
		return realmport.Errorf(realmport.Invalid, "an attempt has no name")
	}
	n, err := p.change(ctx, `INSERT INTO @part_plans AS p (attempt, heartbeat, plan) VALUES ($1, {now}, $2)
		ON CONFLICT (attempt) DO UPDATE SET heartbeat = excluded.heartbeat WHERE p.plan = excluded.plan`, attempt, some(plan))
	if err == nil && n == 0 {
		return realmport.Errorf(realmport.Conflict, "the attempt %s was begun already, with another plan", attempt)
	}
	return fail(err, "begin the attempt %s", attempt)
}

// Plan implements realmport.Parts.
func (p *Parts) Plan(ctx context.Context, attempt string, stale time.Duration) ([]byte, error) {
	var plan []byte
	err := p.db.QueryRowContext(ctx, p.statement(`SELECT plan FROM @part_plans WHERE attempt = $1 AND NOT `+silent, `$2`),
		attempt, stale.Microseconds()).Scan(&plan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ended(attempt)
	}
	return plan, fail(err, "read the plan of the attempt %s", attempt)
}

// ended is the error of one who is late.
func ended(attempt string) error {
	return realmport.Errorf(realmport.NotFound, "the attempt %s has ended, or its coordinator fell silent", attempt)
}

// Add implements realmport.Parts. It fails with NotFound if the attempt has ended. A part that was dropped is added anew.
func (p *Parts) Add(ctx context.Context, attempt string, number int, spec []byte) error {
	_, err := p.change(ctx, `INSERT INTO @parts (attempt, number, spec) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		attempt, number, some(spec))
	if sqlState(err) == noSuchRow {
		return ended(attempt)
	}
	return fail(err, "add part %d of the attempt %s", number, attempt)
}

// Look implements realmport.Parts. What it costs depends on the parts that are there; and on those that were dropped, as far as a
// snapshot that is open in the same database keeps the server from removing them: some 2 µs each.
func (p *Parts) Look(ctx context.Context, attempt string, stale time.Duration) ([]realmport.PartState, error) {
	// Without any part there is a row all the same, which says that the attempt has not ended.
	rows, err := all(ctx, p.db, scanPart, p.statement(`
		WITH plan AS (UPDATE @part_plans SET heartbeat = {now} WHERE attempt = $1 RETURNING attempt),
		part AS (SELECT *, `+open+` AND `+deserted+` AS idle FROM @parts WHERE attempt = $1)
		SELECT number, tries, result, reason, given_up, idle FROM plan LEFT JOIN part ON result IS NOT NULL OR given_up OR idle
		ORDER BY number`, `$2`), attempt, stale.Microseconds())
	if err != nil {
		return nil, fail(err, "look at the parts of the attempt %s", attempt)
	}
	if len(rows) == 0 {
		return nil, ended(attempt)
	}
	var found []realmport.PartState
	for _, row := range rows {
		if row != nil {
			found = append(found, *row)
		}
	}
	return found, nil
}

// scanPart reads a part, nil for none.
func scanPart(row scanner) (*realmport.PartState, error) {
	var number, tries sql.NullInt64
	var reason sql.NullString
	var givenUp, idle sql.NullBool
	var part realmport.PartState
	if err := row.Scan(&number, &tries, &part.Result, &reason, &givenUp, &idle); err != nil || !number.Valid {
		return nil, err
	}
	part.Number, part.Tries, part.Reason, part.GivenUp, part.Idle = int(number.Int64), int(tries.Int64), reason.String, givenUp.Bool, idle.Bool
	return &part, nil
}

// Drop implements realmport.Parts. It does nothing if there is no such part.
func (p *Parts) Drop(ctx context.Context, attempt string, number int) error {
	_, err := p.change(ctx, `DELETE FROM @parts WHERE attempt = $1 AND number = $2`, attempt, number)
	return fail(err, "drop part %d of the attempt %s", number, attempt)
}

// End implements realmport.Parts. It does nothing if there is no such attempt.
func (p *Parts) End(ctx context.Context, attempt string) error {
	_, err := p.change(ctx, `DELETE FROM @part_plans WHERE attempt = $1`, attempt) // the parts go with it
	return fail(err, "end the attempt %s", attempt)
}

// Silent implements realmport.Parts.
func (p *Parts) Silent(ctx context.Context, stale time.Duration) ([]string, error) {
	scan := func(row scanner) (attempt string, err error) { return attempt, row.Scan(&attempt) }
	found, err := all(ctx, p.db, scan, p.statement(`SELECT attempt FROM @part_plans WHERE `+silent+` ORDER BY attempt`, `$1`), stale.Microseconds())
	return found, fail(err, "look for attempts whose coordinator is silent")
}

// Claim implements realmport.Parts. A worker may claim again what is theirs. The reason why the last try failed stays, but one who fell
// silent left none.
func (p *Parts) Claim(
	ctx context.Context, attempt string, number int, worker string, stale time.Duration,
) (spec []byte, ok bool, err error) {
	if worker == "" {
		return nil, false, realmport.Errorf(realmport.Invalid, "part %d of the attempt %s is claimed by nobody", number, attempt)
	}
	err = p.db.QueryRowContext(ctx, p.statement(`UPDATE @parts SET worker = $3, heartbeat = {now}, tries = tries + 1,
			reason = CASE WHEN worker = '' THEN reason ELSE '' END
		WHERE attempt = $1 AND number = $2 AND `+open+` AND (worker = $3 OR `+deserted+`) RETURNING spec`, `$4`),
		attempt, number, worker, stale.Microseconds()).Scan(&spec)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return spec, err == nil, fail(err, "claim part %d of the attempt %s", number, attempt)
}

// Beat implements realmport.Parts. A part that the worker has made is still theirs, until it is dropped.
func (p *Parts) Beat(ctx context.Context, attempt string, number int, worker string) error {
	return p.owned(ctx, "write the heartbeat", `SET heartbeat = {now} WHERE true`, attempt, number, worker)
}

// Finish implements realmport.Parts. It may be repeated with the same result, which is not empty.
func (p *Parts) Finish(ctx context.Context, attempt string, number int, worker string, result []byte) error {
	if len(result) == 0 {
		return realmport.Errorf(realmport.Invalid, "part %d of the attempt %s has no result", number, attempt)
	}
	return p.owned(ctx, "note the result", `SET result = $4, reason = '' WHERE (result IS NULL OR result = $4)`, attempt, number, worker, result)
}

// GiveBack implements realmport.Parts.
func (p *Parts) GiveBack(ctx context.Context, attempt string, number int, worker, reason string, uncounted, final bool) error {
	counted := 0
	if uncounted {
		counted = 1
	}
	err := p.owned(ctx, "give back", `SET worker = '', heartbeat = NULL, reason = $4, tries = tries - $5, given_up = $6 WHERE result IS NULL`,
		attempt, number, worker, clean(reason), counted, final)
	if realmport.ErrorCode(err) == realmport.Conflict {
		return nil
	}
	return err
}

// owned changes a part if it is the worker's. set ends in a condition.
func (p *Parts) owned(ctx context.Context, what, set, attempt string, number int, worker string, args ...any) error {
	n, err := p.change(ctx, `UPDATE @parts `+set+` AND attempt = $1 AND number = $2 AND worker = $3 AND worker <> ''`,
		append([]any{attempt, number, worker}, args...)...)
	if err != nil {
		return fail(err, "%s of part %d of the attempt %s", what, number, attempt)
	}
	if n == 0 {
		return realmport.Errorf(realmport.Conflict, "part %d of the attempt %s is somebody else's, or nobody's any more", number, attempt)
	}
	return nil
}

// change runs a statement and returns how many rows it changed.
func (p *Parts) change(ctx context.Context, text string, args ...any) (int64, error) {
	result, err := p.db.ExecContext(ctx, p.statement(text, ""), args...)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("count the rows: %w", err)
	}
	return n, nil
}

// some is content that is not NULL.
func some(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
