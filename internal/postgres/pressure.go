package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Pressure is how busy a server is. What the role may not see is -1; pg_monitor may see everything.
type Pressure struct {
	// Standby says that the server is one.
	Standby bool
	// Lag is how far behind its primary a standby is, or the furthest of a primary's standbys; 0 for a primary without any. A
	// primary knows it of what was replayed last, so that a standby which replays nothing shows in LagBytes only.
	Lag time.Duration
	// LagBytes is how much of the primary's log is not replayed yet, of what the server knows.
	LagBytes int64
	// Active is how many statements others run at the moment.
	Active int
	// Connections of all databases, and how many there may be.
	Connections, MaxConnections int
	// Oldest is the age of realmport's oldest transaction in this database as this user, of any process: that of its oldest
	// snapshot, if one is open; 0 without any.
	Oldest time.Duration
}

// pressureQuery is one query. Of the sessions of others a role without pg_monitor sees neither their state nor their lag. A standby that has
// replayed all that it received is not behind, however long ago that was.
const pressureQuery = `SELECT pg_is_in_recovery(),
	CASE WHEN NOT pg_is_in_recovery() THEN
		(SELECT CASE WHEN bool_or(state IS NULL) THEN -1 ELSE coalesce(max(extract(epoch FROM replay_lag) * 1000000), 0) END::bigint
		 FROM pg_stat_replication WHERE state IS NULL OR state IN ('catchup', 'streaming'))
	WHEN pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() THEN 0
	ELSE coalesce((extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000000)::bigint, -1) END,
	CASE WHEN pg_is_in_recovery() THEN coalesce(greatest(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0)::bigint, -1)
	ELSE (SELECT CASE WHEN bool_or(state IS NULL) THEN -1 ELSE coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0) END::bigint
		 FROM pg_stat_replication WHERE state IS NULL OR state IN ('catchup', 'streaming')) END,
	(SELECT CASE WHEN bool_or(state IS NULL) THEN -1 ELSE count(*) FILTER (WHERE state = 'active' AND application_name <> 'realmport') END
	 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (backend_type = 'client backend' OR backend_type IS NULL AND datid IS NOT NULL)),
	(SELECT sum(numbackends)::bigint FROM pg_stat_database), current_setting('max_connections'),
	(SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start) * 1000000), 0)::bigint FROM pg_stat_activity
	 WHERE pid <> pg_backend_pid() AND application_name = 'realmport' AND usename = current_user AND datname = current_database())`

// questionSettings bound how long a question may take on a server that is too busy to answer it.
const questionSettings = "SET search_path = ''; SET application_name = 'realmport'; SET statement_timeout = '5s'; "

// Pressure asks the server how busy it is, on a connection of its own that ends with the answer.
func (s *Source) Pressure(ctx context.Context) (Pressure, error) {
	return s.pressure(ctx, pressureTime)
}

func (s *Source) pressure(ctx context.Context, within time.Duration) (Pressure, error) {
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	c, err := s.ask(limited)
	if err != nil {
		return Pressure{}, s.explain(ctx, err)
	}
	defer c.close()
	facts, err := c.strings(limited, pressureQuery)
	if err != nil {
		return Pressure{}, s.explain(ctx, err)
	}
	var n [6]int64
	for i := range n {
		if n[i], err = strconv.ParseInt(facts[i+1], 10, 64); err != nil {
			return Pressure{}, fmt.Errorf("read pressure of the server: %w", err)
		}
	}
	return Pressure{
		Standby: facts[0] == "t", Lag: micros(n[0]), LagBytes: n[1], Active: int(n[2]), Connections: int(n[3]), MaxConnections: int(n[4]),
		Oldest: micros(n[5]),
	}, nil
}

// micros turns microseconds into a duration, but for -1.
func micros(n int64) time.Duration {
	if n < 0 {
		return -1
	}
	return time.Duration(n) * time.Microsecond
}

// Bounds are how much pressure is too much; what is 0 has no bound, and what is unknown does not pass one.
type Bounds struct {
	Lag      time.Duration
	LagBytes int64
	Active   int
	// Connections is the share of the greatest number of connections, between 0 and 1.
	Connections float64
}

// Any tells whether there is a bound at all.
func (b Bounds) Any() bool { return b != Bounds{} }

// Passed says which bound is passed, with its value, or "".
func (b Bounds) Passed(p Pressure) string {
	switch {
	case b.Lag > 0 && p.Lag > b.Lag:
		return fmt.Sprintf("the replication lag is %s, over %s", p.Lag.Round(time.Millisecond), b.Lag)
	case b.LagBytes > 0 && p.LagBytes > b.LagBytes:
		return fmt.Sprintf("%d bytes of the primary's log are not replayed, over %d", p.LagBytes, b.LagBytes)
	case b.Active > 0 && p.Active > b.Active:
		return fmt.Sprintf("%d statements of others are active, over %d", p.Active, b.Active)
	case b.Connections > 0 && float64(p.Connections) > b.Connections*float64(p.MaxConnections):
		return fmt.Sprintf("%d of %d connections are in use, over %.0f%%", p.Connections, p.MaxConnections, 100*b.Connections)
	}
	return ""
}

// Busy asks for the pressure and says which bound it passes, or "". A server that takes no connection, or does not answer in time, is the busiest
// of all. A limit of realmport's own role says nothing of the server: that is an error, as others are.
func (s *Source) Busy(ctx context.Context, b Bounds) (string, error) {
	return s.busy(ctx, b, pressureTime)
}

func (s *Source) busy(ctx context.Context, b Bounds, within time.Duration) (string, error) {
	p, err := s.pressure(ctx, within)
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return b.Passed(p), nil
	case ctx.Err() != nil:
		return "", err
	case errors.As(err, &pg):
		if pg.Code == tooManyConnections && pg.Routine != roleLimit {
			return "it takes no further connections", nil
		}
		if pg.Code == queryCanceled {
			return "it does not answer in time", nil
		}
	case errors.Is(err, context.DeadlineExceeded):
		return "it does not answer in time", nil
	}
	return "", err
}

// pressureTime is how long the question may take.
const pressureTime = 10 * time.Second

// roleLimit is where in PostgreSQL a role's own limit of connections is looked at.
const roleLimit = "InitializeSessionUserId"
