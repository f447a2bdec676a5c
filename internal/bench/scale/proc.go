package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

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

// waitOf is for how many seconds so far the threads of a process were ready to run and had no processor, because others had it.
func waitOf(pid int) (float64, error) {
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		var running, waiting float64
		if _, err := fmt.Sscan(string(text), &running, &waiting); err != nil {
			return 0, fmt.Errorf("read %s: %w", name, err)
		}
		total += waiting / 1e9
	}
	return total, nil
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
