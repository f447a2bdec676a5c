// Command withpg runs a command with a throw-away PostgreSQL server:
//
//	go run ./internal/pgcluster/withpg -- go test ./...
//
// The command finds the server's address, a superuser's DSN for the database
// postgres, in REALMPORT_TEST_POSTGRES. Where that variable is set already, withpg starts no
// server and only runs the command. It passes signals on, and ends with the command's
// exit status.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/realmport/realmport/internal/pgcluster"
)

// dsnEnv is the variable by which the tests find their server.
const dsnEnv = "REALMPORT_TEST_POSTGRES"

// Exit statuses that are not the command's own.
const (
	exitFailure = 1
	exitUsage   = 2
	exitNoStart = 127
)

func main() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	os.Exit(run(os.Args[1:], os.Stderr, signals))
}

// run is the whole program but for the process's own exit.
func run(args []string, stderr io.Writer, signals <-chan os.Signal) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		_, _ = fmt.Fprintln(stderr, "usage: withpg -- COMMAND [ARGUMENT...]")
		return exitUsage
	}
	env := os.Environ()
	if os.Getenv(dsnEnv) == "" {
		c, err := start(stderr, signals)
		if err != nil {
			_, _ = fmt.Fprintln(stderr, "withpg:", err)
			return exitFailure
		}
		defer func() {
			if err := c.Stop(); err != nil {
				_, _ = fmt.Fprintln(stderr, "withpg:", err)
			}
		}()
		env = append(env, dsnEnv+"="+c.DSN("postgres"))
	}
	return execute(args, env, stderr, signals)
}

// start starts the cluster, unless a signal comes first.
func start(stderr io.Writer, signals <-chan os.Signal) (*pgcluster.Cluster, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case s := <-signals:
			cancel(fmt.Errorf("stop on signal: %s", s))
		case <-done:
		}
	}()
	c, err := pgcluster.Start(ctx, pgcluster.Options{Log: stderr})
	if cause := context.Cause(ctx); cause != nil {
		if c != nil {
			err = c.Stop()
		}
		return nil, errors.Join(cause, err)
	}
	return c, err
}

// execute runs the command and returns its exit status.
func execute(args, env []string, stderr io.Writer, signals <-chan os.Signal) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		_, _ = fmt.Fprintln(stderr, "withpg:", err)
		return exitNoStart
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			// The command may be gone already, which Wait is about to tell.
			_ = cmd.Process.Signal(s)
		case err := <-done:
			return status(err)
		}
	}
}

// status turns the end of the command into an exit status, the way a shell does.
func status(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		return exitFailure
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return exit.ExitCode()
}
