package main

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/realmport/realmport/internal/pgcluster"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

func TestRunExitStatus(t *testing.T) {
	t.Parallel()
	pgtest.Server(t)
	for name, test := range map[string]struct {
		args []string
		want int
	}{
		"no command":      {[]string{"--"}, exitUsage},
		"success":         {[]string{"--", "true"}, 0},
		"its own":         {[]string{"sh", "-c", "exit 7"}, 7},
		"ended by signal": {[]string{"sh", "-c", "kill -s TERM $$"}, 128 + int(syscall.SIGTERM)},
		"unknown command": {[]string{"/no/such/program"}, exitNoStart},
		"given server":    {[]string{"sh", "-c", "test -n \"$" + dsnEnv + "\""}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			if got := run(test.args, &stderr, nil); got != test.want {
				t.Errorf("got status %d, want %d: %s", got, test.want, &stderr)
			}
		})
	}
}

func TestRunPassesSignalsOn(t *testing.T) {
	t.Parallel()
	pgtest.Server(t)
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	// Whether the signal comes before or after the trap is set, the command ends by it.
	got := run([]string{"sh", "-c", "trap 'exit 143' TERM; while :; do sleep 1; done"}, os.Stderr, signals)
	if got != 143 {
		t.Errorf("got status %d, want 143", got)
	}
}

func TestRunStartsServer(t *testing.T) {
	t.Setenv(dsnEnv, "")
	if _, err := pgcluster.Tool("initdb"); err != nil {
		pgtest.Require(t, "PostgreSQL's server", err.Error())
	}
	psql, err := pgcluster.Tool("psql")
	if err != nil {
		pgtest.Require(t, "psql", err.Error())
	}
	var stderr bytes.Buffer
	got := run([]string{"sh", "-c", psql + ` -qAt -d "$` + dsnEnv + `" -c 'SELECT 1' | grep -qx 1`}, &stderr, nil)
	if got != 0 || strings.TrimSpace(stderr.String()) != "" {
		t.Errorf("got status %d, want 0: %s", got, &stderr)
	}
}
