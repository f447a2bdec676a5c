// Command realmport exports the organizations of Zulip servers, and checks the archives.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
)

// collectAt is by how many percent the heap may grow before garbage is collected, half of what is usual. Rows
// stream, so there is little of it: this saves a fifth of the memory and costs next to no time.
const collectAt = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(sig) { // as nohup does
			signal.Notify(signals, sig)
		}
	}
	go func() {
		sig := <-signals
		cancel(realmport.Errorf(realmport.Interrupted, "stopped by %s", name(sig)))
		signal.Stop(signals) // a second one ends the process at once
	}()
	// An export goes on, and cleans up, when nobody reads its progress any more.
	signal.Ignore(syscall.SIGPIPE)
	m := &Main{
		Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv, EnvNames: envNames(), Now: clock.Now,
		Terminal: term.IsTerminal(int(os.Stderr.Fd())), Width: width,
	}
	os.Exit(m.Run(ctx, os.Args[1:]))
}

func name(sig os.Signal) string {
	switch sig {
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGHUP:
		return "SIGHUP"
	default:
		return "SIGINT"
	}
}

// width is the terminal's, or a usual one.
func width() int {
	if w, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && w > 0 {
		return w
	}
	return 80
}

// envNames are the names of the environment's variables.
func envNames() []string {
	var names []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name)
	}
	return names
}
