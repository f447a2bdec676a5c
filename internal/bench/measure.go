package main

import (
	"fmt"
	"os"
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
	args = append([]string{
		measureVerb, b.binary, "export", "--source", dsn, "--realm", realm, "--type", "full", "--zulip-version", "11.0", "--quiet", "--force",
		"--out", filepath.Join(b.folder, "bench.tar.gz"),
	}, args...)
	var m measurement
	self, err := os.Executable()
	if err != nil {
		return m, err
	}
	text, err := exec.Command(self, args...).Output()
	if err != nil {
		return m, fmt.Errorf("measure %s: %w: %s", strings.Join(args[1:], " "), err, text)
	}
	_, err = fmt.Sscan(string(text), &m.seconds, &m.peak)
	return m, err
}

// measureVerb makes this program run another one and print its seconds and peak memory. The
// system counts a process's memory from that of the one that starts it, so a large one, such as a
// generator of databases, cannot measure a small one itself.
const measureVerb = "measure"

func measure(args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	begun := clock.Now()
	output, err := cmd.CombinedOutput()
	seconds := clock.Now().Sub(begun).Seconds()
	if err != nil && cmd.ProcessState.ExitCode() != exitPartial {
		return fmt.Errorf("%w: %s", err, output)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return fmt.Errorf("no resource usage on %s", runtime.GOOS)
	}
	_, err = fmt.Fprintln(os.Stdout, seconds, float64(usage.Maxrss)/1024)
	return err
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
