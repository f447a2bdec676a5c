package main

import (
	"context"
	"strconv"
	"testing"
	"time"
)

// TestWorkPausesForLoad has others keep the server busy: the worker waits for as long, and then the export goes on.
func TestWorkPausesForLoad(t *testing.T) {
	t.Parallel()
	pg := ownPostgres(t) // the bound is on the whole server
	c := newClusterAt(t, pg.DSN("postgres"))
	busy, rest := context.WithCancel(t.Context())
	defer rest()
	for range 2 {
		conn := connect(t, c.dsn)
		go func() { _, _ = conn.Exec(busy, "SELECT pg_sleep(3600)") }()
	}
	c.until("the server is busy", func() bool {
		return c.count("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'") == 2
	})
	w := c.work("limits-statements", "1")
	c.request()
	c.says(w, `msg="reading pauses for the server's sake" reason="2 statements of others are active, over 1"`)
	if list, err := c.list(); err != nil || len(list) != 1 || !list[0].Pending {
		t.Errorf("while the server is busy: got %+v, %v, want a pending export", list, err)
	}
	if n := c.count("SELECT count(*) FROM realmport.parts WHERE result IS NOT NULL"); n > 0 {
		t.Errorf("while the server is busy: got %d parts, want none", n)
	}
	rest()
	c.says(w, `msg="reading goes on" paused=`)
	c.whole()
	c.stop()
}

// TestWorkKeepsItsRate exports with a bound on rows per second, and holds the time against the least that it allows.
func TestWorkKeepsItsRate(t *testing.T) {
	t.Parallel()
	const rate = 20_000
	c := newCluster(t)
	c.work("limits-rows-per-second", strconv.Itoa(rate))
	begun := time.Now()
	c.request()
	c.ended()
	took := time.Since(begun)
	const rows = 4 * clusterMessages // with their usermessages; other tables are not counted here
	// What may go beyond the rate: a burst at the beginning.
	if least := (rows/rate - 1) * time.Second; took < least {
		t.Errorf("%d rows took %s, want at least %s", rows, took, least)
	}
	c.whole()
	c.stop()
}
