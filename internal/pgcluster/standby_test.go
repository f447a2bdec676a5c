package pgcluster_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport/internal/pgcluster"
)

func TestStandby(t *testing.T) {
	t.Parallel()
	c, dir := setup(t)
	scan[int](t, c, "WITH t AS (SELECT 1) SELECT 1 FROM t")
	s, err := c.Standby(t.Context(), pgcluster.Options{Dir: dir, Settings: map[string]string{"hot_standby_feedback": "on"}})
	if err != nil {
		t.Fatal(err)
	}
	if !scan[bool](t, s, "SELECT pg_is_in_recovery()") {
		t.Error("the standby is not in recovery")
	}
	for name, want := range map[string]string{"max_connections": "17", "hot_standby_feedback": "on"} {
		if got := scan[string](t, s, "SELECT current_setting('"+name+"')"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	conn, err := pgx.Connect(t.Context(), c.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "CREATE TABLE followed AS SELECT 5 AS n"); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(context.Background())
	for !scan[bool](t, s, "SELECT to_regclass('followed') IS NOT NULL") && t.Context().Err() == nil {
	}
	if got := scan[int](t, s, "SELECT n FROM followed"); got != 5 {
		t.Errorf("got %d, want 5", got)
	}
	// The standby outlives a restart of either server, and ends with the cluster.
	for _, server := range []*pgcluster.Cluster{c, s} {
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := c.Standby(t.Context(), pgcluster.Options{Dir: dir}); err == nil {
		t.Error("a stopped cluster got a standby")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind by the standby that did not start: %v", left)
	}
}
