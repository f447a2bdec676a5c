package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/realmport/realmport"
)

// conn is one connection in the snapshot's transaction, with the statements prepared on it.
type conn struct {
	pg *pgconn.PgConn
	// statements maps the SQL that was run before to its prepared name, "" as long as it ran only once.
	statements map[string]string
	prepared   int
	standby    bool // the server was one when the connection was made
	// rest is what a reader left of its rows.
	rest *pgconn.ResultReader
}

// close ends the connection at once; the server rolls its transaction back.
func (c *conn) close() {
	// A connection that broke may not answer the farewell.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.pg.Close(ctx)
}

// strings runs statements of which the last yields one row of texts.
func (c *conn) strings(ctx context.Context, sql string) ([]string, error) {
	results, err := c.pg.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, v := range results[len(results)-1].Rows[0] {
		out = append(out, string(v))
	}
	return out, nil
}

// read runs a query and hands its rows to fn. After an error the connection may be unusable and the caller closes
// it, unless the error is fn's: then rest is set, and the next read skips it.
func (c *conn) read(ctx context.Context, q *query, fn func(realmport.Row) error) error {
	if err := c.skipRest(ctx); err != nil {
		return err
	}
	if c.standby {
		// A standby that ended the connection said why, which a failed write would hide.
		//nolint:staticcheck // Ping would write first
		if err := c.pg.CheckConn(); err != nil {
			return err
		}
	}
	reader, err := c.start(ctx, q)
	if err != nil {
		return err
	}
	for reader.NextRow() {
		if err := fn(reader.Values()); err != nil {
			c.rest = reader
			return err
		}
	}
	_, err = reader.Close()
	return err
}

// skipRest reads past what the reader before did not want.
func (c *conn) skipRest(ctx context.Context) error {
	if c.rest == nil {
		return nil
	}
	// The rest still belongs to the context of its own read.
	defer context.AfterFunc(ctx, func() { _ = c.pg.Conn().Close() })()
	_, err := c.rest.Close()
	c.rest = nil
	return err
}

// start prepares a statement that comes back, so that it is planned once, and runs others directly, so that
// the plan suits their parameters.
func (c *conn) start(ctx context.Context, q *query) (*pgconn.ResultReader, error) {
	name, again := c.statements[q.sql]
	if !again {
		c.statements[q.sql] = ""
		return c.pg.ExecParams(ctx, q.sql, q.args, nil, nil, q.formats), nil
	}
	if name == "" {
		c.prepared++
		name = fmt.Sprintf("s%d", c.prepared)
		if _, err := c.pg.Prepare(ctx, name, q.sql, nil); err != nil {
			return nil, err
		}
		c.statements[q.sql] = name
	}
	return c.pg.ExecPrepared(ctx, name, q.args, nil, q.formats), nil
}
