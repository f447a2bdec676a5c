package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// peakOf returns a process's peak memory in MiB.
func peakOf(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kib float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kib); err == nil {
			return kib / 1024, nil
		}
	}
	return 0, errors.New("the system does not tell the peak memory")
}

// ticks is how many units of processor time make a second: on every Linux that Go runs on.
const ticks = 100

// usage is what the system tells of a process.
type usage struct {
	parent    int
	own, past float64 // processor time in seconds: its own, and that of its children that have ended
}

func usageOf(pid int) (u usage, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	// The name before may hold anything. What follows it: state, parent, …
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(f) < 16 {
		return u, fmt.Errorf("read /proc/%d/stat: %d fields", pid, len(f))
	}
	var n [5]int
	for i, at := range []int{1, 11, 12, 13, 14} {
		if n[i], err = strconv.Atoi(f[at]); err != nil {
			return u, err
		}
	}
	return usage{n[0], float64(n[1]+n[2]) / ticks, float64(n[3]+n[4]) / ticks}, nil
}

// sampleEvery is how often it is looked whether processes are idle.
const sampleEvery = 40 * time.Millisecond

// idleness looks at processes now and then until ctx ends, and returns in which share of the looks a process neither ran nor was ready to, in the mean of
// all. What others take of the processors does not count as idle, unlike the difference of time and processor time.
func idleness(ctx context.Context, workers []*process) float64 {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	idle, looks := 0, 0
	for {
		select {
		case <-ctx.Done():
			return float64(idle) / float64(max(looks, 1))
		case <-tick.C:
		}
		for _, w := range workers {
			looks++
			if !ready(w.cmd.Process.Pid) {
				idle++
			}
		}
	}
}

// ready tells whether any thread of a process runs or could.
func ready(pid int) bool {
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return false
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err == nil && strings.HasPrefix(string(text[strings.LastIndexByte(string(text), ')')+1:]), " R") {
			return true
		}
	}
	return false
}

// postgresTime is the processor time that the PostgreSQL server has taken so far, in seconds.
func postgresTime(ctx context.Context, conn *pgx.Conn) (float64, error) {
	var backend int
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		return 0, err
	}
	u, err := usageOf(backend)
	if err != nil {
		return 0, fmt.Errorf("is the PostgreSQL server on another machine? %w", err)
	}
	return treeTime(u.parent)
}

// treeTime is the processor time of a process and its children, in seconds.
func treeTime(pid int) (float64, error) {
	root, err := usageOf(pid)
	if err != nil {
		return 0, err
	}
	total := root.own + root.past
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		child, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if u, err := usageOf(child); err == nil && u.parent == pid {
			total += u.own
		}
	}
	return total, nil
}
