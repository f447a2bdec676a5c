package jobs_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/realmport/realmport/internal/jobs"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// state is a state database of a test's own.
type state struct {
	jobs.Options         // that name the database
	db           *sql.DB // for looking into it
	table        string  // the jobs' table
	errors       string  // an expression of the errors that a job keeps
}

// everywhere runs a test on each kind of database.
func everywhere(t *testing.T, test func(t *testing.T, s state)) {
	t.Helper()
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "state of ?#% things.db")
		test(t, state{jobs.Options{SQLite: path}, openSQLite(t, path), "river_job", "json(errors)"})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		dsn := pgtest.Database(t)
		test(t, state{jobs.Options{PostgreSQL: dsn}, openPostgreSQL(t, dsn), "realmport.river_job", "cast(errors AS text)"})
	})
}

// openSQLite opens a file the way the queue wants it.
func openSQLite(t *testing.T, path string) *sql.DB {
	t.Helper()
	name := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	db, err := sql.Open("sqlite", "file:"+name+"?_busy_timeout=10000&_journal_mode=WAL&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func openPostgreSQL(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	ok(t, err)
	db := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// queue opens a queue, which is stopped with the test. It can be changed what it does.
func (s state) queue(t *testing.T, work jobs.Work, change ...func(*jobs.Options)) *jobs.Queue {
	t.Helper()
	opts := s.Options
	opts.Work = work
	for _, c := range change {
		c(&opts)
	}
	q, err := jobs.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return q
}

// inserter opens a queue that works on nothing.
func (s state) inserter(t *testing.T, change ...func(*jobs.Options)) *jobs.Queue {
	t.Helper()
	return s.queue(t, nil, append(change, func(o *jobs.Options) { o.InsertOnly = true })...)
}

// started starts a queue.
func started(t *testing.T, q *jobs.Queue) *jobs.Queue {
	t.Helper()
	ok(t, q.Start(t.Context()))
	return q
}

// states are the states of the jobs, with their attempts, in the order in which they were made.
func (s state) states(t *testing.T) string {
	t.Helper()
	return s.text(t, s.ofStates())
}

func (s state) ofStates() string {
	return "SELECT cast(state AS text) || ' ' || cast(attempt AS text) FROM " + s.table + " ORDER BY id"
}

// text is a column of texts.
func (s state) text(t *testing.T, query string) string {
	t.Helper()
	rows, err := s.db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	var list []string
	for rows.Next() {
		var v string
		ok(t, rows.Scan(&v))
		list = append(list, v)
	}
	ok(t, rows.Err())
	return strings.Join(list, ", ")
}

// change runs a statement.
func (s state) change(t *testing.T, statement string) {
	t.Helper()
	if _, err := s.db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// become waits until the jobs have these states. Only the database tells that they do.
func (s state) become(t *testing.T, want string) {
	t.Helper()
	s.becomes(t, s.ofStates(), want)
}

// becomes waits until a query has this answer.
func (s state) becomes(t *testing.T, query, want string) {
	t.Helper()
	for got := ""; got != want; {
		select {
		case <-t.Context().Done():
			t.Fatalf("got jobs %q, want %q", got, want)
		case <-time.After(5 * time.Millisecond):
			got = s.text(t, query)
		}
	}
}

// desk is where work is begun, and waits for the test to say how it ends.
type desk struct {
	t     *testing.T
	begun chan *attempt
}

// attempt is work under way.
type attempt struct {
	export int64
	ctx    context.Context
	end    chan func() (time.Duration, error)
}

func newDesk(t *testing.T) desk { return desk{t, make(chan *attempt)} }

// work implements jobs.Work. It does not care about its context.
func (d desk) work(ctx context.Context, export int64) (time.Duration, error) {
	a := &attempt{export, ctx, make(chan func() (time.Duration, error))}
	select {
	case d.begun <- a:
	case <-d.t.Context().Done():
		return 0, context.Canceled
	}
	select {
	case end := <-a.end:
		return end()
	case <-d.t.Context().Done():
		return 0, context.Canceled
	}
}

// next waits until the work on an export begins.
func (d desk) next(t *testing.T, want int64) *attempt {
	t.Helper()
	a := <-d.begun
	if a.export != want {
		t.Errorf("got work on export %d, want %d", a.export, want)
	}
	return a
}

// ends ends the work.
func (a *attempt) ends(again time.Duration, err error) {
	a.end <- func() (time.Duration, error) { return again, err }
}

// told waits until the work is asked to end, for that reason, and ends it.
func (a *attempt) told(t *testing.T, want error) {
	t.Helper()
	<-a.ctx.Done()
	if got := context.Cause(a.ctx); !errors.Is(got, want) {
		t.Errorf("got cause %v, want %v", got, want)
	}
	a.ends(0, errors.New("the work did not come to its end"))
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
