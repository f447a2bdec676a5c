package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	sqlite "modernc.org/sqlite"
)

// driverConn is what the driver's connections can do.
type driverConn interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
}

// conn is one connection to a database. It speaks to the driver directly: database/sql would cost more than SQLite itself, for
// each value of each row. It is for one goroutine at a time.
type conn struct{ driverConn }

// connect opens a database.
func connect(ctx context.Context, path string, s settings) (*conn, error) {
	connector, err := sqlite.NewConnector(address(path, s))
	if err != nil {
		return nil, err
	}
	opened, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c, ok := opened.(driverConn)
	if !ok {
		_ = opened.Close()
		return nil, fmt.Errorf("open database: a connection of type %T", opened)
	}
	return &conn{c}, nil
}

// execute runs statements that yield no rows, or whose rows do not matter.
func (c *conn) execute(ctx context.Context, sql string) error {
	_, err := c.ExecContext(ctx, sql, nil)
	return err
}

// query runs a statement and calls fn with each row, whose values are valid only during the call. It stops at fn's first
// error and returns it as it is.
func (c *conn) query(ctx context.Context, sql string, args []driver.Value, fn func([]driver.Value) error) error {
	// The driver interrupts SQLite up to the first row, which is where it sorts; later it is up to this loop.
	rows, err := c.QueryContext(ctx, sql, numbered(args))
	if err != nil {
		return err
	}
	values := make([]driver.Value, len(rows.Columns()))
	for err == nil {
		if err = ctx.Err(); err == nil {
			err = rows.Next(values)
		}
		if err == nil {
			err = fn(values)
		}
	}
	closed := rows.Close()
	if errors.Is(err, io.EOF) {
		return closed
	}
	return err
}

// numbered gives arguments their places.
func numbered(args []driver.Value) []driver.NamedValue {
	list := make([]driver.NamedValue, len(args))
	for i, v := range args {
		list[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return list
}
