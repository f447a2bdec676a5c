package parts_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/parts"
	"github.com/realmport/realmport/internal/postgres"
)

// TestSnapshotEnds ends the coordinator's connection while it only waits for parts: the attempt fails by what trying again helps, and does not
// wait for ever.
func TestSnapshotEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db, err := postgres.OpenDB(t.Context(), w.dsn, 1)
	check(t, err)
	t.Cleanup(func() { db.Close() })
	tables, ended := make(chan struct{}), make(chan struct{})
	w.machineWith(t, func(p *parts.Worker) {
		p.At = once(t, parts.StepPartStore, func() {
			<-tables
			var n int
			// All of them: this machine joins anew, too.
			check(t, db.QueryRowContext(context.WithoutCancel(t.Context()), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE application_name = 'realmport' AND datname = current_database() AND pid <> pg_backend_pid()`).Scan(&n))
			close(ended)
		})
	}).start(t, w)
	opts := w.coordination(t)
	opts.Parts = &counted{Parts: w.parts, after: 40, reached: tables}
	_, err = w.together(t, opts, realmport.Full)
	<-ended
	if realmport.ErrorCode(err) != realmport.Unavailable || !strings.Contains(err.Error(), "snapshot") {
		t.Errorf("got %v, want that the snapshot is gone", err)
	}
	w.clean(t)
}

// counted closes a channel after so many looks: by then the coordinator has nothing to do but to wait.
type counted struct {
	realmport.Parts
	after   int64
	n       atomic.Int64
	reached chan struct{}
}

func (c *counted) Look(ctx context.Context, attempt string, stale time.Duration) ([]realmport.PartState, error) {
	if c.n.Add(1) == c.after {
		close(c.reached)
	}
	return c.Parts.Look(ctx, attempt, stale)
}

// TestSnapshotTooOld ends an export whose parts are not made in time.
func TestSnapshotTooOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.coordination(t)
	c.MaxAge = 10 * poll
	_, err := w.together(t, c, realmport.Full) // which nobody helps with
	if realmport.ErrorCode(err) != realmport.Unavailable || !strings.Contains(err.Error(), "limits.snapshot_age") {
		t.Errorf("got %v, want that the snapshot was open for too long", err)
	}
	w.clean(t)
}

// TestLostAnswers loses the answers of a database that has done what it was asked: nothing is done twice, nothing is removed that counts.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lossy := &losing{Parts: w.parts}
	w.machineWith(t, func(p *parts.Worker) { p.Parts = lossy }).start(t, w)
	c := w.coordination(t)
	c.Parts = lossy
	summary, err := w.together(t, c, realmport.Full)
	check(t, err)
	w.whole(t, realmport.Full, summary)
	if lossy.lost.Load() < 3 {
		t.Errorf("got %d answers lost, want one each of Begin, Add and Finish", lossy.lost.Load())
	}
}

// losing loses the first answer of each kind.
type losing struct {
	realmport.Parts
	begin, add, finish sync.Once
	lost               atomic.Int64
}

func (l *losing) lose(once *sync.Once, err error) error {
	once.Do(func() {
		if err == nil {
			l.lost.Add(1)
			err = realmport.Errorf(realmport.Unavailable, "the connection broke")
		}
	})
	return err
}

func (l *losing) Begin(ctx context.Context, attempt string, plan []byte) error {
	return l.lose(&l.begin, l.Parts.Begin(ctx, attempt, plan))
}

func (l *losing) Add(ctx context.Context, attempt string, number int, spec []byte) error {
	return l.lose(&l.add, l.Parts.Add(ctx, attempt, number, spec))
}

func (l *losing) Finish(ctx context.Context, attempt string, number int, worker string, result []byte) error {
	return l.lose(&l.finish, l.Parts.Finish(ctx, attempt, number, worker, result))
}

// TestOneBadMachine has a machine that can make nothing beside one that can: the export does not fail by it, though it is the first to
// take each part.
func TestOneBadMachine(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]error{
		"rights": realmport.Errorf(realmport.NotAllowed, "the bucket may not be written"),
		"disk":   &os.PathError{Op: "write", Path: "spool", Err: syscall.ENOSPC},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			broken := &failing{Stock: w.stock, left: 1 << 30, err: bad}
			failed := make(chan struct{})
			var first sync.Once
			w.machineWith(t, func(p *parts.Worker) {
				p.Stock, p.Aside = broken, 0
				p.At = func(step string) {
					if step == parts.StepPartMake {
						first.Do(func() { close(failed) })
					}
				}
			}).start(t, w)
			go func() {
				<-failed
				w.machineWith(t, nil).start(t, w)
			}()
			summary, err := w.together(t, w.coordination(t), realmport.Full)
			check(t, err)
			w.whole(t, realmport.Full, summary)
		})
	}
}

// TestOtherFiles has a machine without the server's files, and one with its archives elsewhere: they say so, and files are lost by neither.
func TestOtherFiles(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*parts.Worker){
		"no files":     func(p *parts.Worker) { p.Helper.Files = nil },
		"other bucket": func(p *parts.Worker) { p.Stock = elsewhere{p.Stock} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.machineWith(t, func(p *parts.Worker) {
				change(p)
				p.At = func(step string) {
					if step == parts.StepPartMake {
						t.Error("a machine that is configured otherwise makes parts")
					}
				}
			}).start(t, w)
			w.machineWith(t, nil).start(t, w)
			summary, err := w.together(t, w.coordination(t), realmport.Full)
			check(t, err)
			w.whole(t, realmport.Full, summary)
			if summary.Partial() {
				t.Errorf("got %v missing, want nothing", summary.Missing)
			}
		})
	}
}

// elsewhere is another place.
type elsewhere struct{ realmport.Stock }

func (elsewhere) Place() string { return "the bucket elsewhere" }

// TestFreshMachines has each part made by a machine that has not helped before: those that come when the coordinator has given its snapshot
// up copy files without it.
func TestFreshMachines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all sync.WaitGroup
	c := w.coordination(t)
	c.Queue = &directly{Queue: c.Queue, do: func(attempt string, number int) {
		m := w.machineWith(t, nil)
		all.Go(func() {
			if _, err := m.Do(context.WithoutCancel(t.Context()), attempt, number); err != nil {
				t.Errorf("part %d: %v", number, err)
			}
			m.Close()
		})
	}}
	summary, err := w.together(t, c, realmport.Full)
	check(t, err)
	all.Wait()
	w.whole(t, realmport.Full, summary)
}

// TestNoFileThere has parts of whose files none can be had: they hold nothing, and the archive is whole without them.
func TestNoFileThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	check(t, os.RemoveAll(w.uploads+"/files"))
	check(t, os.Mkdir(w.uploads+"/files", 0o700))
	w.machineWith(t, nil).start(t, w)
	summary, err := w.together(t, w.coordination(t), realmport.Full)
	check(t, err)
	w.whole(t, realmport.Full, summary)
	if summary.Missing["upload"] != attachments {
		t.Errorf("got %v missing, want all %d uploads", summary.Missing, attachments)
	}
}
