package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/realmport/realmport/internal/clock"
)

// What makes the test program run as realmport, with something that happens at a named step of the work on an export or a part.
const (
	killEnv  = "TEST_KILL_AT"     // STEP: it kills itself
	stopEnv  = "TEST_STOP_AT"     // STEP: it stops itself, once, until somebody sends SIGCONT
	holdEnv  = "TEST_HOLD_AT"     // STEP=FILE: it waits there until the file exists
	shiftEnv = "TEST_CLOCK_SHIFT" // DURATION: its clock is wrong by that
)

// staged tells whether this process is to run as realmport.
func staged() bool {
	for _, name := range []string{killEnv, stopEnv, holdEnv, shiftEnv} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// runStaged is the program with what the variables ask for.
func runStaged() int {
	shift := time.Duration(0)
	if text := os.Getenv(shiftEnv); text != "" {
		var err error
		if shift, err = time.ParseDuration(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return exitUsage
		}
	}
	m := &Main{
		Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv, Width: func() int { return 80 }, At: stage(),
		Now: func() time.Time { return clock.Now().Add(shift) },
	}
	return m.Run(context.Background(), os.Args[1:])
}

// stage returns what happens at each step.
func stage() func(step string) {
	kill, stop := os.Getenv(killEnv), os.Getenv(stopEnv)
	hold, file, _ := strings.Cut(os.Getenv(holdEnv), "=")
	stopped := make(chan struct{}, 1)
	return func(step string) {
		switch step {
		case "":
		case kill:
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until it arrives
		case stop:
			select {
			case stopped <- struct{}{}:
				_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
			default: // it was stopped before
			}
		case hold:
			fmt.Fprintln(os.Stderr, "msg=held step="+step)
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				if _, err := os.Stat(file); err == nil {
					return
				}
				<-tick.C
			}
		}
	}
}
