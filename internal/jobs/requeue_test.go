package jobs_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/realmport/realmport/internal/jobs"
)

// impatient takes a job for silent at once.
func impatient(o *jobs.Options) { o.Grace = 1 }

// TestRequeueAlive takes up an export whose worker lives, but was found silent.
func TestRequeueAlive(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		d := newDesk(t)
		worker, reaper := started(t, s.queue(t, d.work, func(o *jobs.Options) { o.Workers = 2 })), s.inserter(t, impatient)
		ok(t, worker.Enqueue(t.Context(), 5))
		silent := d.next(t, 5)
		ok(t, worker.Requeue(t.Context(), 5)) // it began a moment ago
		if got, want := s.states(t), "running 1"; got != want {
			t.Errorf("got jobs %q, want %q", got, want)
		}
		ok(t, reaper.Requeue(t.Context(), 5))
		next := d.next(t, 5)
		silent.told(t, jobs.ErrCancelled)
		next.ends(0, nil)
		s.become(t, "cancelled 1, completed 1")
	})
}

// TestRequeueAlone takes up what a process that is known to be dead was at work on, without waiting, but not what its own process is.
func TestRequeueAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		d := newDesk(t)
		alone := func(o *jobs.Options) { o.Alone, o.Workers = true, 2 }
		worker, other := started(t, s.queue(t, d.work, alone)), s.inserter(t, alone)
		ok(t, worker.Enqueue(t.Context(), 5))
		dead := d.next(t, 5)
		ok(t, worker.Requeue(t.Context(), 5))
		if got, want := s.states(t), "running 1"; got != want {
			t.Errorf("got jobs %q, want %q", got, want)
		}
		ok(t, other.Requeue(t.Context(), 5))
		next := d.next(t, 5)
		dead.told(t, jobs.ErrCancelled)
		next.ends(0, nil)
		s.become(t, "cancelled 1, completed 1")
	})
}

// TestRequeueByMany checks that several processes may find the same silence.
func TestRequeueByMany(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		reaper := s.inserter(t, impatient)
		for _, before := range []struct {
			name, change, want string
		}{
			{"running", "state = 'running', attempt = 1, attempted_at = '2026-01-02 03:04:05'", "running 1, available 0"},
			{"waiting", "state = 'scheduled', scheduled_at = '2999-01-02 03:04:05'", "scheduled 0"},
			{"about to run", "state = 'available'", "available 0"},
			{"over", "state = 'completed', finalized_at = '2026-01-02 03:04:05'", "completed 0, available 0"},
		} {
			ok(t, reaper.Enqueue(t.Context(), 5))
			s.change(t, "UPDATE "+s.table+" SET "+before.change)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if err := errors.Join(reaper.Requeue(t.Context(), 5), reaper.Enqueue(t.Context(), 5)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if got := s.states(t); got != before.want {
				t.Errorf("%s: got jobs %q, want %q", before.name, got, before.want)
			}
			s.change(t, "DELETE FROM "+s.table)
		}
	})
}

// TestRescue checks what Requeue relies on, so that a new River cannot change it unseen: a job that is running for longer than a
// minute is freed if it was cancelled, and left alone otherwise, as long as it may take.
func TestRescue(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		inserter := s.inserter(t)
		ok(t, inserter.Enqueue(t.Context(), 5))
		ok(t, inserter.Enqueue(t.Context(), 6))
		s.change(t, "UPDATE "+s.table+" SET state = 'running', attempt = 1, attempted_at = '2026-01-02 03:04:05'")
		ok(t, inserter.Requeue(t.Context(), 6))
		s.become(t, "running 1, running 1, available 0")
		d := newDesk(t)
		started(t, s.queue(t, d.work))
		d.next(t, 6).ends(0, nil)
		s.become(t, "running 1, cancelled 1, completed 1")
	})
}

// TestMain is a worker that does not end, if it is started as one.
func TestMain(m *testing.M) {
	if sqlite, postgres := os.Getenv("JOBS_TEST_SQLITE"), os.Getenv("JOBS_TEST_POSTGRESQL"); sqlite+postgres != "" {
		os.Exit(workForEver(jobs.Options{SQLite: sqlite, PostgreSQL: postgres}))
	}
	os.Exit(m.Run())
}

func workForEver(opts jobs.Options) int {
	opts.Work = func(context.Context, int64) (time.Duration, error) {
		_, _ = os.Stdout.WriteString("at work\n")
		select {}
	}
	q, err := jobs.Open(context.Background(), opts)
	if err == nil {
		err = q.Start(context.Background())
	}
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
		return 1
	}
	select {}
}

// TestKilled checks that the job of a process that was killed at work does not stand in the way of its export.
func TestKilled(t *testing.T) {
	everywhere(t, func(t *testing.T, s state) {
		d := newDesk(t)
		q := s.queue(t, d.work, impatient)
		ok(t, q.Enqueue(t.Context(), 5))
		self, err := os.Executable()
		ok(t, err)
		process := exec.CommandContext(t.Context(), self)
		process.Env = append(os.Environ(), "JOBS_TEST_SQLITE="+s.SQLite, "JOBS_TEST_POSTGRESQL="+s.PostgreSQL)
		process.Stderr = t.Output()
		stdout, err := process.StdoutPipe()
		ok(t, err)
		ok(t, process.Start())
		line, err := bufio.NewReader(stdout).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "at work") {
			t.Errorf("got %q, %v from the other process, want it at work", line, err)
		}
		ok(t, process.Process.Kill())
		_ = process.Wait() // it says that it was killed

		started(t, q)
		ok(t, q.Enqueue(t.Context(), 5)) // nobody noticed yet
		s.become(t, "running 1")
		ok(t, q.Requeue(t.Context(), 5))
		again := d.next(t, 5)
		ok(t, q.Enqueue(t.Context(), 5))
		s.become(t, "running 1, running 1")
		again.ends(0, nil)
		s.become(t, "running 1, completed 1")
	})
}
