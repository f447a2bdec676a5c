package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/realmport/realmport"
)

// settings are those of every connection. No time limit of the role may cut a long export, a
// lock held by a schema change must not hang it, and row-level security must fail loudly instead of
// hiding rows. Names are always qualified, so the search path is empty.
//
// A client that vanished must not keep its snapshot open, so the server asks whether it is still there. It must not set a limit on
// unacknowledged data: that would also end a reader that is alive but pauses.
const settings = "SET client_encoding = 'UTF8'; SET search_path = ''; SET application_name = 'realmport'; SET row_security = off; " +
	"SET statement_timeout = %d; SET lock_timeout = %d; SET idle_in_transaction_session_timeout = %d; " +
	// Not every version knows these, nor every system the check of the connection.
	"SELECT set_config(s.name, v.value, false) FROM (VALUES ('jit', 'off'), ('transaction_timeout', '0'), " +
	"('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '0'), " +
	"('client_connection_check_interval', '10s')) AS v(name, value) JOIN pg_settings AS s ON s.name = v.name " +
	"WHERE v.name <> 'client_connection_check_interval' OR version() LIKE '%%linux%%'; "

// whichServer tells servers apart, and the same one before and after a restart, for every role. The server's own port is the same
// by whatever way one came.
const whichServer = "SELECT concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()), current_setting('port'), " +
	"current_setting('server_version'), (SELECT oid FROM pg_database WHERE datname = current_database())), "

// server is a server from its start to its end.
type server struct {
	digest  string
	started time.Time // by its own clock
}

// whichInstant tells the transactions that a snapshot sees. Ids of snapshots come again after a crash; this does not.
const whichInstant = "txid_current_snapshot()"

// begin opens a connection and a read-only transaction on it, which has not looked at anything yet. It tells which
// server it reached, too.
func (s *Source) begin(ctx context.Context) (*conn, server, error) {
	raw, err := pgconn.ConnectConfig(ctx, s.config.Copy())
	if err != nil {
		return nil, server{}, err
	}
	c := &conn{pg: raw, statements: map[string]string{}}
	limits := fmt.Sprintf(settings, s.opts.StatementTimeout.Milliseconds(), s.opts.LockTimeout.Milliseconds(), s.opts.IdleTimeout.Milliseconds())
	facts, err := c.strings(ctx, limits+whichServer+microseconds("pg_postmaster_start_time()"))
	if err == nil {
		_, err = raw.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").ReadAll()
	}
	var started int64
	if err == nil {
		started, err = strconv.ParseInt(facts[1], 10, 64)
	}
	if err != nil {
		c.close()
		return nil, server{}, err
	}
	return c, server{digest(facts[0]), time.UnixMicro(started)}, nil
}

// export opens a connection whose transaction exports its snapshot.
func (s *Source) export(ctx context.Context) (*conn, token, string, error) {
	c, at, err := s.begin(ctx)
	if err != nil {
		return nil, token{}, "", err
	}
	facts, err := c.strings(ctx, "SELECT pg_export_snapshot(), current_setting('server_version_num'), current_setting('server_version'), "+
		"current_setting('server_encoding'), "+whichInstant+", "+microseconds("clock_timestamp()")+", pg_is_in_recovery()")
	if err == nil {
		err = supported(facts[1], facts[2], facts[3])
	}
	if err != nil {
		c.close()
		return nil, token{}, "", err
	}
	c.standby = facts[6] == "t"
	t, ok := parseToken(strings.Join([]string{tokenForm, facts[0], at.digest, digest(facts[4]), facts[5]}, "."))
	if !ok {
		c.close()
		return nil, token{}, "", fmt.Errorf("read exported snapshot: got %q", facts)
	}
	return c, t, facts[2], nil
}

// joined is what a connection learns of the server when it joins a snapshot.
type joined struct {
	version string
	age     time.Duration // of the snapshot
}

// join opens a connection that sees the snapshot of t.
func (s *Source) join(ctx context.Context, t token) (*conn, joined, error) {
	c, at, err := s.begin(ctx)
	if err != nil {
		return nil, joined{}, err
	}
	var about joined
	switch {
	case at.digest == t.server:
		about, err = s.enter(ctx, c, t)
	case at.started.After(t.taken):
		err = &endedError{errRestarted}
	default:
		err = s.elsewhere("connections reach different servers or databases")
	}
	if err != nil {
		c.close()
		return nil, joined{}, err
	}
	return c, about, nil
}

// enter makes the transaction of c, which is on the right server, see the snapshot.
func (s *Source) enter(ctx context.Context, c *conn, t token) (joined, error) {
	// The id has only hex digits and dashes.
	if _, err := c.pg.Exec(ctx, fmt.Sprintf("SET TRANSACTION SNAPSHOT '%s'", t.id)).ReadAll(); err != nil {
		return joined{}, unknown(err)
	}
	facts, err := c.strings(ctx, fmt.Sprintf("SELECT current_setting('server_version'), %s, pg_is_in_recovery(), %s - %d",
		whichInstant, microseconds("clock_timestamp()"), t.taken.UnixMicro()))
	if err != nil {
		return joined{}, err
	}
	if digest(facts[1]) != t.instant {
		return joined{}, &endedError{errAnotherInstant}
	}
	c.standby = facts[2] == "t"
	age, err := time.ParseDuration(facts[3] + "us")
	return joined{version: facts[0], age: max(age, 0)}, err
}

// microseconds is the expression that turns a time into microseconds since 1970.
func microseconds(expr string) string {
	return "(extract(epoch FROM " + expr + ") * 1000000)::bigint"
}

// elsewhere is the error of a connection that reached another server than the one that has the snapshot.
func (s *Source) elsewhere(reason string) error {
	return realmport.Errorf(realmport.Unsupported, "PostgreSQL at %s does not know the snapshot of another connection: %s; connect to PostgreSQL "+
		"itself, the same server from everywhere, instead of a pooler or balancer", s.address(), reason)
}
