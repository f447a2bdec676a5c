package jobs

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/realmport/realmport"
)

// Why the context of the work ends, as its cause.
var (
	// ErrStopping says that the queue is being stopped. The job goes back to the queue, whatever error the work returns.
	ErrStopping = errors.New("the process is stopping")
	// ErrCancelled says that Cancel was called, or that Requeue took the work for dead.
	ErrCancelled = errors.New("the work was cancelled")
)

// Work is one attempt at an export, which ends soon after its context does. With again above zero it is called again after
// that time, at the earliest. An error is logged, and unless again is above zero the job is over; so it is after a panic.
type Work func(ctx context.Context, exportID int64) (again time.Duration, err error)

// Part makes a part of the archive of an attempt, and ends soon after its context does. With again above zero somebody else shall be called for
// it, after that time at the earliest. An error is logged, and the job is over; so it is after a panic. If the queue is being
// stopped, and Part returns an error, the job goes back to the queue.
type Part func(ctx context.Context, attempt string, number int) (again time.Duration, err error)

// Options say where jobs are kept and who works on them. Exactly one of SQLite, DB and PostgreSQL is set.
type Options struct {
	// SQLite is the path of the state database's file, which is made if it is missing.
	SQLite string
	// DB is the state database of SQLite, open already. It belongs to the caller, has one connection only, in WAL mode, with a
	// busy timeout, and begins its transactions as immediate ones.
	DB *sql.DB
	// PostgreSQL is a connection string: a URL or keywords.
	PostgreSQL string
	// Schema is PostgreSQL's schema of the jobs, which is made if it is missing. "" means realmport.
	Schema string

	// Work works on an export; nil if this process works on none.
	Work Work
	// Workers is how many exports are worked on at once; 0 means 1.
	Workers int
	// Part makes parts; nil if this process makes none.
	Part Part
	// PartWorkers is how many parts are made at once; 0 if this process makes none.
	PartWorkers int
	// InsertOnly makes a queue that works on nothing.
	InsertOnly bool
	// Alone says that no other process works on these jobs: what runs in the name of another is known to be dead, without Grace.
	Alone bool
	// SoftStop is how long Stop waits for the work to end; 0 means 10 seconds.
	SoftStop time.Duration
	// Grace is how long Requeue leaves a running job alone after its start, when the work may not have had the time for a
	// sign of life. 0 means 15 seconds.
	Grace time.Duration
	// Log gets what operators need to know; nil means nothing.
	Log *slog.Logger
}

// Queue holds the jobs of a state database. It is safe for concurrent use.
type Queue struct {
	opts   Options
	client client
	// now is the time by the clock that the jobs' times are of.
	now func(context.Context) (time.Time, error)
	// close closes the database, unless it is the caller's.
	close func()

	// life ends when the queue stops.
	life context.Context
	end  context.CancelCauseFunc

	mu       sync.Mutex
	started  bool           // +checklocks:mu
	stopping bool           // +checklocks:mu
	waiting  []func()       // +checklocks:mu; periodic work that Start begins
	periodic sync.WaitGroup // periodic work under way

	stop   sync.Mutex // held by Stop
	closed bool       // +checklocks:stop
}

// client is what a queue needs of River's client, which has another type for each database.
type client interface {
	ID() string
	Start(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
	Insert(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
	InsertMany(ctx context.Context, params []river.InsertManyParams) ([]*rivertype.JobInsertResult, error)
	JobDeleteMany(ctx context.Context, params *river.JobDeleteManyParams) (*river.JobDeleteManyResult, error)
	JobList(ctx context.Context, params *river.JobListParams) (*river.JobListResult, error)
	JobCancel(ctx context.Context, id int64) (*rivertype.JobRow, error)
}

// Open opens the state database and brings the tables of the jobs up to date; several processes may do so at once. The caller
// stops the queue, started or not.
func Open(ctx context.Context, opts Options) (*Queue, error) {
	opts.Workers = cmp.Or(opts.Workers, 1)
	opts.SoftStop = cmp.Or(opts.SoftStop, 10*time.Second)
	opts.Grace = cmp.Or(opts.Grace, 15*time.Second)
	opts.Schema = cmp.Or(opts.Schema, "realmport")
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	q := &Queue{opts: opts, close: func() {}}
	q.life, q.end = context.WithCancelCause(context.WithoutCancel(ctx))
	c := config(opts)
	var err error
	switch {
	case opts.DB != nil:
		err = q.useSQLite(ctx, opts.DB, c)
	case opts.SQLite != "":
		err = q.openSQLite(ctx, c)
	case opts.PostgreSQL != "":
		err = q.openPostgreSQL(ctx, c)
	default:
		err = realmport.Errorf(realmport.Invalid, "no state database was named: a file, or a connection string of PostgreSQL")
	}
	if err != nil {
		q.end(ErrStopping)
		q.close()
		return nil, err
	}
	if opts.PartWorkers > 0 && !opts.InsertOnly {
		q.Periodic("jobs of parts", sweepEvery, q.sweep)
	}
	return q, nil
}

// Start begins to work, and begins the periodic work. Only Stop ends it: ctx is for the values of the contexts.
func (q *Queue) Start(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started || q.stopping {
		return nil
	}
	if !q.opts.InsertOnly {
		if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
			return realmport.Errorf(realmport.Unavailable, "the state database's jobs cannot be worked on: %w", err)
		}
	}
	q.started = true
	for _, begin := range q.waiting {
		begin()
	}
	q.waiting = nil
	return nil
}

// Stop ends the contexts of the work and waits until all work has returned, its jobs are back in the queue, and the database is
// closed if it is the queue's own. What has not returned after Options.SoftStop, or when ctx ends, is left behind, and
// the error says so: its job stays running, until somebody calls Requeue. The queue is not used afterwards; Stop may be repeated.
func (q *Queue) Stop(ctx context.Context) error {
	q.stop.Lock()
	defer q.stop.Unlock()
	if q.closed {
		return nil
	}
	q.mu.Lock()
	q.stopping = true
	q.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, q.opts.SoftStop)
	defer cancel()
	q.end(ErrStopping)
	if err := errors.Join(q.client.StopAndCancel(ctx), wait(ctx, &q.periodic)); err != nil {
		return realmport.Errorf(realmport.Interrupted, "work did not end within %v of being asked to stop, and was left behind: "+
			"it is begun again when its silence is noticed: %w", q.opts.SoftStop, err)
	}
	q.close()
	q.closed = true
	return nil
}

// wait waits until all of the group are done, or ctx is.
func wait(ctx context.Context, group *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
