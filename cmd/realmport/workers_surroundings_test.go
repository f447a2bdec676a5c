package main

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/realmport/realmport/internal/fault"
	"github.com/realmport/realmport/internal/parts"
	"github.com/realmport/realmport/internal/pgcluster"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// TestCutOffFromDatabase cuts a worker off from PostgreSQL in the middle of a part: another one makes the part, and the first one works again
// when it is let back.
func TestCutOffFromDatabase(t *testing.T) {
	t.Parallel()
	for _, step := range []string{parts.StepPartMake, parts.StepPartStore} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			others, own := c.gate(), c.gate()
			coordinator := c.coordinate(others)
			source, proxy := c.behindProxy()
			variable, value := own.at(step)
			worker := c.staged(variable, value, "source", source)
			c.says(worker, "msg=held")
			proxy.Refuse()
			proxy.Cut()
			others.open()
			c.whole()
			own.open()
			c.until("the worker sees that it is cut off", func() bool {
				text := worker.stderr.String()
				return strings.Contains(text, "sign of life not written") || strings.Contains(text, "the database does not answer")
			})
			proxy.Accept()
			c.kill(coordinator)
			c.request() // which the one that was cut off makes alone
			c.whole()
			c.stop()
		})
	}
}

// behindProxy returns the address of the database through a proxy.
func (c *cluster) behindProxy() (string, *fault.Proxy) {
	c.Helper()
	u, err := url.Parse(c.settings["source"])
	if err != nil {
		c.Fatal(err)
	}
	proxy := fault.NewProxy(c.T, u.Host)
	u.Host = proxy.Addr()
	return u.String(), proxy
}

// throughHTTP returns the address of the storage through a proxy.
func (c *cluster) throughHTTP() (string, *fault.HTTP) {
	c.Helper()
	proxy := fault.NewHTTP(c.T, strings.TrimPrefix(c.config.Endpoint, "http://"))
	return "http://" + proxy.Addr(), proxy
}

// TestCutOffFromStorage cuts a worker off from S3 in the middle of a part, and lets it back later.
func TestCutOffFromStorage(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	others, own := c.gate(), c.gate()
	coordinator := c.coordinate(others)
	endpoint, proxy := c.throughHTTP()
	variable, value := own.at(parts.StepPartMake)
	worker := c.staged(variable, value, "s3-endpoint", endpoint)
	c.says(worker, "msg=held")
	proxy.Refuse()
	own.open()
	others.open()
	c.until("only the part of who is cut off is left", func() bool {
		return c.count("SELECT count(*) FROM realmport.parts") == 1
	})
	proxy.Accept()
	c.whole()
	c.kill(coordinator)
	c.request()
	c.whole()
	c.stop()
}

// TestStorageMisbehaves has S3 answer with 503 and reset connections for a while, for all processes.
func TestStorageMisbehaves(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	endpoint, proxy := c.throughHTTP()
	c.work("s3-endpoint", endpoint)
	c.work("s3-endpoint", endpoint)
	// Each time it is another object that is written, so that none fails for longer than patience is.
	var seen sync.Map
	writes := func(r *http.Request) bool {
		if r.Method != http.MethodPut && r.Method != http.MethodPost {
			return false
		}
		_, known := seen.LoadOrStore(r.URL.Path, true)
		return !known
	}
	proxy.Spoil(2, writes, fault.Answer(http.StatusServiceUnavailable, "SlowDown"))
	proxy.Spoil(1, writes, fault.ResetRequest(100))
	proxy.Spoil(2, writes, fault.Reset(0)) // the server has done its work by then
	proxy.Spoil(1, writes, fault.Answer(http.StatusInternalServerError, "InternalError"))
	c.request()
	c.whole()
	c.stop()
}

// TestFullDiskOfOne has one worker's disk be full: it leaves its parts to the others.
func TestFullDiskOfOne(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	g := c.gate()
	c.coordinate(g)
	folder := t.TempDir()
	args := append([]string{program(t), "work", "--data", t.TempDir()}, c.settings.with("work", folder, "workers", "4").args()...)
	full := spawn(t, onSmallDisk(t, "1m", folder, args...), nil, t.TempDir())
	c.machines = append(c.machines, full)
	full.ready(t, "msg=working")
	c.says(full, "no space left")
	g.open()
	c.whole()
	c.stop()
}

// TestClocksApart has the clocks of all processes differ by minutes.
func TestClocksApart(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.staged(shiftEnv, "11m")
	c.staged(shiftEnv, "-7m")
	for range 2 {
		c.request()
		c.whole()
	}
	c.stop()
}

// TestClockThatStorageRefuses has one worker whose clock differs so much that S3 refuses all it does: others make the export.
func TestClockThatStorageRefuses(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	g := c.gate()
	c.coordinate(g)
	endpoint, proxy := c.throughHTTP()
	wrong := c.work("s3-endpoint", endpoint)
	refuse := fault.Answer(http.StatusForbidden, "RequestTimeTooSkewed")
	proxy.Spoil(1, nil, refuse)
	proxy.Always(nil, refuse)
	c.says(wrong, "RequestTimeTooSkewed")
	g.open()
	c.whole()
	c.stop()
}

// TestDatabaseRestarts restarts PostgreSQL while an export is made, in an orderly way and as after a crash: the export starts over by itself.
func TestDatabaseRestarts(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*pgcluster.Cluster) error{
		"restart": func(*pgcluster.Cluster) error { return nil },
		"crash":   (*pgcluster.Cluster).Kill,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg := ownPostgres(t)
			c := newClusterAt(t, pg.DSN("postgres"))
			c.work()
			g := c.gate()
			variable, value := g.at(parts.StepPartStore)
			held := c.staged(variable, value)
			c.request()
			c.says(held, "msg=held")
			if err := end(pg); err != nil {
				t.Fatal(err)
			}
			if err := pg.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			g.open()
			c.whole() // after half a minute, when the second attempt begins
			c.tells("attempt at an export failed")
			c.stop()
		})
	}
}

// ownPostgres starts a server for this test alone, with the organization in its database postgres.
func ownPostgres(t *testing.T) *pgcluster.Cluster {
	t.Helper()
	pgtest.Server(t) // where there is none, this one does not start either
	program(t)       // as it is with what runs on it
	pg, err := pgcluster.Start(t.Context(), pgcluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	})
	pgtest.Template(t, "cluster", generateCluster) // for the files
	if err := generateRows(t.Context(), pg.DSN("postgres"), ""); err != nil {
		t.Fatal(err)
	}
	return pg
}
