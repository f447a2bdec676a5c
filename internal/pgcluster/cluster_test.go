package pgcluster_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport/internal/pgcluster"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// setup starts a cluster in a folder of its own, and stops it with the test.
func setup(t *testing.T) (c *pgcluster.Cluster, dir string) {
	t.Helper()
	if _, err := pgcluster.Tool("initdb"); err != nil {
		pgtest.Require(t, "PostgreSQL's server", err.Error())
	}
	dir = reachable(t)
	c, err := pgcluster.Start(t.Context(), pgcluster.Options{Dir: dir, Settings: map[string]string{"max_connections": "17"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c, dir
}

// reachable makes a temporary folder that the server's user can reach, which those of the
// testing package are not.
func reachable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "realmport-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func scan[T any](t *testing.T, c *pgcluster.Cluster, sql string) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var got T
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestStart(t *testing.T) {
	t.Parallel()
	c, dir := setup(t)
	for name, want := range map[string]string{
		"server_encoding": "UTF8", "listen_addresses": "127.0.0.1", "fsync": "off",
		"shared_buffers": "256MB", "max_connections": "17", "port": fmt.Sprint(c.Port()),
	} {
		if got := scan[string](t, c, "SELECT current_setting('"+name+"')"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err != nil {
		t.Errorf("second stop: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := c.Restart(t.Context()); err == nil {
		t.Error("a stopped cluster started again")
	}
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	c, _ := setup(t)
	scan[int](t, c, "WITH t AS (SELECT 1) SELECT 1 FROM t")
	conn, err := pgx.Connect(t.Context(), c.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 5 AS n"); err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a session survived the kill")
	}
	for range 2 { // from dead, then from alive
		if err := c.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := scan[int](t, c, "SELECT n FROM kept"); got != 5 {
			t.Errorf("got %d, want 5", got)
		}
	}
}

func TestStartIsCancelled(t *testing.T) {
	t.Parallel()
	if _, err := pgcluster.Tool("initdb"); err != nil {
		pgtest.Require(t, "PostgreSQL's server", err.Error())
	}
	dir := reachable(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pgcluster.Start(ctx, pgcluster.Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	if _, err := pgcluster.Tool("initdb"); err != nil {
		pgtest.Require(t, "PostgreSQL's server", err.Error())
	}
	_, err := pgcluster.Start(t.Context(), pgcluster.Options{Dir: reachable(t), Settings: map[string]string{"fsync": "perhaps"}})
	if err == nil || !strings.Contains(err.Error(), "fsync") {
		t.Errorf("got %v, want an error that names the setting", err)
	}
}

// orphanEnv makes the test program a parent that dies without stopping its cluster.
const orphanEnv = "REALMPORT_TEST_ORPHAN_DIR"

// TestOrphan is not a test but the parent in TestWatchdog.
func TestOrphan(t *testing.T) {
	dir := os.Getenv(orphanEnv)
	if dir == "" {
		return
	}
	c, err := pgcluster.Start(context.Background(), pgcluster.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Fprintln(os.Stdout, c.DSN("postgres"))
	p, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	_ = p.Kill()
	select {}
}

func TestWatchdog(t *testing.T) {
	t.Parallel()
	if _, err := pgcluster.Tool("initdb"); err != nil {
		pgtest.Require(t, "PostgreSQL's server", err.Error())
	}
	dir := reachable(t)
	// Every process of the cluster inherits the pipe: its end comes when all are gone.
	end, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = end.Close() }()
	cmd := exec.Command(os.Args[0], "-test.run=^TestOrphan$")
	cmd.Env = append(os.Environ(), orphanEnv+"="+dir)
	cmd.ExtraFiles = []*os.File{held}
	out, err := cmd.Output()
	_ = held.Close()
	dsn := strings.TrimSpace(string(out))
	if err == nil || !strings.HasPrefix(dsn, "postgres://") {
		t.Fatalf("the parent did not die with its cluster running: %v, %s", err, out)
	}
	if _, err := io.Copy(io.Discard, end); err != nil {
		t.Fatal(err)
	}
	if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the server still answers")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
