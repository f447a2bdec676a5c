package main

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/realmport/realmport/internal/exports"
	"github.com/realmport/realmport/internal/jobs"
	"github.com/realmport/realmport/internal/parts"
)

// coordinate has an export requested, and returns the process that coordinates it. It makes no parts until the gate is open.
func (c *cluster) coordinate(g gate) *server {
	c.Helper()
	variable, value := g.at(parts.StepPartClaim)
	s := c.staged(variable, value)
	c.request()
	c.begun()
	return s
}

// TestWorkers has two processes make an export.
func TestWorkers(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.work()
	c.work()
	c.request()
	c.whole()
	c.stop()
}

// TestWorkerKilled kills a worker at each step of the work on a part: another one makes the part.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	for _, step := range []string{
		parts.StepPartClaim, parts.StepPartMake, parts.StepPartStore, parts.StepPartFinish, parts.StepPartDone,
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			g := c.gate()
			c.coordinate(g)
			killed := c.staged(killEnv, step)
			c.dies(killed)
			g.open()
			c.whole()
			c.again(killed)
			c.stop()
		})
	}
}

// again starts a process that was killed once more, in its own folder, where it removes what it has left.
func (c *cluster) again(killed *server) {
	c.Helper()
	c.launch(program(c.T), nil, killed.data, c.settings)
}

// TestCoordinatorKilled kills the process that coordinates an export, at each step and while its parts are made. Its snapshot is gone:
// another process makes the export with a new one, and says so.
func TestCoordinatorKilled(t *testing.T) {
	t.Parallel()
	const over = "the export starts over, with a new snapshot"
	for step, says := range map[string]string{
		exports.StepClaim: "", exports.StepStart: "", exports.StepWrite: over, parts.StepPartDone: over, exports.StepBuilt: over,
		exports.StepPublish: over, exports.StepFinish: "export was written whole before its process ended", exports.StepTell: "",
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			killed := c.staged(killEnv, step)
			c.request()
			c.dies(killed)
			next := c.work()
			c.whole()
			if says != "" {
				c.says(next, says)
			}
			c.again(killed)
			c.stop()
		})
	}
}

// TestCoordinatorKilledWhileOthersWork kills it while another process has made a part, and not told yet.
func TestCoordinatorKilledWhileOthersWork(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	first, second := c.gate(), c.gate()
	coordinator := c.coordinate(first)
	variable, value := second.at(parts.StepPartFinish)
	worker := c.staged(variable, value)
	c.says(worker, "msg=held")
	c.kill(coordinator)
	c.work()
	c.whole()
	second.open()
	c.late(worker)
	c.tells("the export starts over, with a new snapshot")
	c.whole()
	c.again(coordinator)
	c.stop()
}

// TestPaused stops a process for longer than its silence is borne, and lets it go on when others have made the export: what it does then harms
// nothing.
func TestPaused(t *testing.T) {
	t.Parallel()
	for _, step := range []string{parts.StepPartMake, parts.StepPartStore, parts.StepPartFinish} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			g := c.gate()
			c.coordinate(g)
			paused := c.staged(stopEnv, step)
			c.stopped(paused)
			g.open()
			c.whole()
			c.wake(paused)
			c.late(paused)
			c.whole()
			c.stop()
		})
	}
	for _, step := range []string{exports.StepWrite, exports.StepBuilt, exports.StepPublish, exports.StepFinish} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			paused := c.staged(stopEnv, step)
			c.request()
			c.stopped(paused)
			c.work()
			c.whole()
			c.wake(paused)
			c.late(paused)
			c.whole()
			c.stop()
		})
	}
}

// late waits until a worker sees that what it has made is of no use: by its own look, or because its job was cancelled before that.
func (c *cluster) late(s *server) {
	c.Helper()
	c.until("a worker sees that it is late", func() bool {
		text := s.stderr.String()
		return slices.ContainsFunc([]string{
			"a part was finished too late", "work on the part cancelled", "another worker has taken the export over", "work cancelled",
		}, func(late string) bool { return strings.Contains(text, late) })
	})
}

// stopped waits until a process is stopped.
func (c *cluster) stopped(s *server) {
	c.Helper()
	c.until("a process is stopped", func() bool { return stateOf(c.T, s) == "T" })
}

// wake lets a stopped process go on.
func (c *cluster) wake(s *server) {
	c.Helper()
	if err := s.Process.Signal(syscall.SIGCONT); err != nil {
		c.Fatal(err)
	}
}

// TestSamePartTwice queues each part twice more.
func TestSamePartTwice(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	g := c.gate()
	c.coordinate(g)
	queue, err := jobs.Open(t.Context(), jobs.Options{PostgreSQL: c.dsn, InsertOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := connect(t, c.dsn).Query(t.Context(), "SELECT attempt, number FROM realmport.parts")
	if err != nil {
		t.Fatal(err)
	}
	var twice []jobs.PartJob
	for rows.Next() {
		var job jobs.PartJob
		if err := rows.Scan(&job.Attempt, &job.Part); err != nil {
			t.Fatal(err)
		}
		for job.Try = range 2 {
			job.Try, job.Priority = 100+job.Try, 1
			twice = append(twice, job)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if err := queue.EnqueueParts(t.Context(), twice); err != nil {
		t.Fatal(err)
	}
	if err := queue.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(twice) < 4 {
		t.Errorf("got %d jobs, want two for each of some parts", len(twice))
	}
	for range 2 {
		c.work("workers", "4")
	}
	g.open()
	c.whole()
	for _, s := range c.machines {
		if text := s.stderr.String(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "too late") {
			t.Errorf("got log %s, want no errors", text)
		}
	}
	c.stop()
}

// soakEnv says how many exports TestRandomKills makes.
const soakEnv = "REALMPORT_TEST_SOAK"

// TestRandomKills kills a random process again and again while exports are made, and starts it again: all succeed.
func TestRandomKills(t *testing.T) {
	t.Parallel()
	n := 6
	if text := os.Getenv(soakEnv); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	c := newCluster(t)
	c.settings["policy-attempts"], c.settings["parts-tries"] = "100", "20"
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 3 {
		c.work()
	}
	for range n {
		c.request()
	}
	workers := c.machines
	kills := 0
	for ; kills < 4*n && c.pending(); kills++ {
		pause := time.NewTimer(time.Duration(300+random.IntN(2500)) * time.Millisecond)
		<-pause.C
		if i := random.IntN(len(workers) + 1); i < len(workers) {
			c.kill(workers[i])
			workers[i] = c.launch(program(t), nil, workers[i].data, c.settings)
		} else {
			c.kill(c.front)
			c.front = c.serve(c.front.data)
		}
	}
	t.Logf("%d kills", kills)
	if list := c.ended(); len(list) != n {
		t.Errorf("got %d exports, want %d", len(list), n)
	}
	c.whole()
	c.machines = workers
	c.stop()
}

// pending tells whether an export has not ended.
func (c *cluster) pending() bool {
	list, err := c.list()
	return err != nil || slices.ContainsFunc(list, func(e listed) bool { return e.Pending })
}
