package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/realmport/realmport/internal/clock"
)

// measurement is what one export took.
type measurement struct {
	seconds float64
	peak    float64 // MiB of memory
}

// exitPartial is the program's status when files were left out, as they are here.
const exitPartial = 3

// export runs the program once, as a process of its own.
func (b *bench) export(dsn, realm string, args ...string) (measurement, error) {
	cmd := exec.Command(b.binary, append([]string{
		"export", "--source", dsn, "--realm", realm, "--type", "full", "--zulip-version", "11.0", "--quiet", "--force",
		"--out", filepath.Join(b.folder, "bench.tar.gz"),
	}, args...)...)
	begun := clock.Now()
	output, err := cmd.CombinedOutput()
	m := measurement{seconds: clock.Now().Sub(begun).Seconds()}
	if err != nil && cmd.ProcessState.ExitCode() != exitPartial {
		return m, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, output)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return m, fmt.Errorf("no resource usage on %s", runtime.GOOS)
	}
	m.peak = float64(usage.Maxrss) / 1024
	return m, nil
}

// median runs the program several times.
func (b *bench) median(dsn, realm string, args ...string) (measurement, error) {
	var seconds, peak []float64
	for range b.runs {
		m, err := b.export(dsn, realm, args...)
		if err != nil {
			return m, err
		}
		seconds, peak = append(seconds, m.seconds), append(peak, m.peak)
	}
	slices.Sort(peak)
	return measurement{seconds: median(seconds), peak: peak[len(peak)-1]}, nil
}
