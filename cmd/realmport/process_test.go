package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// The size of the organization that the real program exports.
const (
	manyMessages     = 20_000
	manyUserMessages = 16 * manyMessages
	manyAttachments  = 2_000
)

// halfWay is about how much the server has said when half of the messages are read.
const halfWay = 8 << 20

// TestProgram runs the real program on an organization of some size, while things go wrong.
func TestProgram(t *testing.T) {
	t.Parallel()
	uploads := t.TempDir()
	dsn := pgtest.Database(t)
	err := demo.Generate(t.Context(), dsn, demo.Size{
		Users: 200, Streams: 20, Messages: manyMessages, UserMessages: manyUserMessages, Reactions: 4_000,
		Attachments: manyAttachments, AuditRows: 1_000, UploadsDir: uploads,
	})
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{dsn: withPassword(t, dsn), uploads: uploads}
	t.Run("signals", func(t *testing.T) {
		t.Parallel()
		for _, tt := range []struct {
			signal syscall.Signal
			name   string
		}{{syscall.SIGINT, "SIGINT"}, {syscall.SIGTERM, "SIGTERM"}, {syscall.SIGHUP, "SIGHUP"}} {
			for _, force := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s force=%v", tt.name, force), func(t *testing.T) {
					t.Parallel()
					testSignal(t, f.elsewhere(t), tt.signal, force, exitInterrupted, "realmport: stopped by "+tt.name+": no archive was written\n")
				})
			}
		}
	})
	t.Run("nohup", func(t *testing.T) {
		t.Parallel()
		testIgnored(t, f.elsewhere(t))
	})
	t.Run("kill", func(t *testing.T) {
		t.Parallel()
		testKill(t, f.elsewhere(t))
	})
	t.Run("nobody reads", func(t *testing.T) {
		t.Parallel()
		testNobodyReads(t, f.elsewhere(t))
	})
	t.Run("full disk", func(t *testing.T) {
		t.Parallel()
		for _, size := range []string{"256k", "1m"} {
			t.Run(size, func(t *testing.T) {
				t.Parallel()
				testFullDisk(t, f.elsewhere(t), size)
			})
		}
	})
	t.Run("little memory", func(t *testing.T) {
		t.Parallel()
		testMemory(t, f.elsewhere(t))
	})
}

// elsewhere is the same server, with an output of its own.
func (f fixture) elsewhere(t *testing.T) fixture {
	t.Helper()
	f.out = filepath.Join(t.TempDir(), "demo.tar.gz")
	return f
}

// started is the real program under way.
type started struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan struct{} // closed when ProcessState says how it ended
}

// start starts an export by the real program, against a server that says no more half way, and
// waits until then. The prefix is what starts the program; it may be nil.
func start(t *testing.T, f fixture, prefix []string, more ...string) *started {
	t.Helper()
	s := newStall(t, f.dsn, halfWay)
	f.dsn = s.dsn
	args := slices.Concat(prefix, []string{program(t)}, f.args(t, more...))
	p := &started{Cmd: exec.CommandContext(t.Context(), args[0], args[1:]...), ended: make(chan struct{})}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // if the test did not
	})
	select {
	case <-s.stalled:
	case <-p.ended:
		t.Fatalf("the export ended before it was half way: %v\n%s%s", p.ProcessState, p.stdout.String(), p.stderr.String())
	}
	return p
}

// testSignal stops an export half way.
func testSignal(t *testing.T, f fixture, signal syscall.Signal, force bool, status int, message string) {
	t.Helper()
	var flags, want []string
	if force {
		writeFile(t, f.out, "precious")
		flags, want = []string{"--force"}, []string{filepath.Base(f.out)}
	}
	p := start(t, f, nil, flags...)
	// What is under way is there, hidden, and not under the final name.
	if got := files(t, filepath.Dir(f.out)); len(got) != len(want)+1 || !strings.HasPrefix(got[0], ".demo.tar.gz.") {
		t.Errorf("half way: got files %q, want %q and a hidden one", got, want)
	}
	if err := p.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if got := p.ProcessState.ExitCode(); got != status {
		t.Errorf("got %v, want status %d", p.ProcessState, status)
	}
	if got := unprogressed(p.stderr.String()); got != message || p.stdout.Len() > 0 {
		t.Errorf("got %q and %q, want only %q", p.stdout.String(), got, message)
	}
	got := files(t, filepath.Dir(f.out))
	if len(got) != len(want) {
		t.Errorf("got files %q, want %q", got, want)
	}
	if force {
		if old, err := os.ReadFile(f.out); err != nil || string(old) != "precious" {
			t.Errorf("the old archive: got %q, %v, want it untouched", old, err)
		}
	}
}

// testIgnored checks that a signal which the surroundings ignore, as under nohup, stops nothing.
func testIgnored(t *testing.T, f fixture) {
	t.Helper()
	p := start(t, f, []string{"sh", "-c", `trap "" HUP INT && exec "$@"`, "sh"})
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		if err := p.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	<-p.ended
	if got, want := unprogressed(p.stderr.String()), "realmport: stopped by SIGTERM: no archive was written\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// testKill ends an export half way without a chance to clean up.
func testKill(t *testing.T, f fixture) {
	t.Helper()
	p := start(t, f, nil)
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	got := files(t, filepath.Dir(f.out))
	if len(got) != 1 || !regexp.MustCompile(`^\.demo\.tar\.gz\.partial$`).MatchString(got[0]) {
		t.Errorf("got files %q, want a hidden one that says what it is", got)
	}
	// It is in nobody's way.
	cmd := exec.CommandContext(t.Context(), program(t), f.args(t, "--quiet")...)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("the next run: got %v, %s, want success", err, out)
	}
	run(t, "verify", f.out).want(t, exitOK, says("is whole and consistent"), nil)
}

// testNobodyReads checks that an export whose output nobody reads any more is done all the same.
func testNobodyReads(t *testing.T, f fixture) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program(t), f.args(t, "--json")...)
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	_, _ = w.Close(), r.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("got %v, want success", err)
	}
	if got, want := files(t, filepath.Dir(f.out)), []string{"demo.tar.gz"}; !cmp.Equal(got, want) {
		t.Errorf("got files %q, want %q", got, want)
	}
}

// inNamespace returns a command that mounts a small disk on a folder, for itself alone, and
// runs the rest of its arguments; afterwards it lists the folder.
func inNamespace(ctx context.Context, t *testing.T, size, folder string, args ...string) *exec.Cmd {
	t.Helper()
	const script = `mount -t tmpfs -o size="$1" tmpfs "$2" && dir=$2 && shift 2 && { "$@"; status=$?; ls -A "$dir"; exit $status; }`
	return unshared(ctx, t, script, size, folder, args...)
}

// onSmallDisk is inNamespace for what runs until it is stopped: the command becomes the program.
func onSmallDisk(t *testing.T, size, folder string, args ...string) *exec.Cmd {
	t.Helper()
	const script = `mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"`
	return unshared(context.WithoutCancel(t.Context()), t, script, size, folder, args...)
}

func unshared(ctx context.Context, t *testing.T, script, size, folder string, args ...string) *exec.Cmd {
	t.Helper()
	for _, flags := range []string{"-m", "-rm"} { // as root, and with user namespaces
		try := exec.CommandContext(ctx, "unshare", flags, "sh", "-c", script, "sh", size, folder, "true")
		if err := try.Run(); err == nil {
			return exec.CommandContext(ctx, "unshare", append([]string{flags, "sh", "-c", script, "sh", size, folder}, args...)...)
		}
	}
	pgtest.Require(t, "a small disk", "unshare and mount are not allowed here")
	return nil
}

// testFullDisk exports to a disk that is too small.
func testFullDisk(t *testing.T, f fixture, size string) {
	t.Helper()
	cmd := inNamespace(t.Context(), t, size, filepath.Dir(f.out), append([]string{program(t)}, f.args(t)...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}.
		want(t, exitError, nil, says("realmport: no space left", filepath.Dir(f.out), "free some, or choose another place with --out\n"))
	if got := strings.Count(unprogressed(stderr.String()), "\n"); got != 1 {
		t.Errorf("got %d lines, want one:\n%s", got, stderr.String())
	}
}

// testMemory exports and verifies with little memory.
func testMemory(t *testing.T, f fixture) {
	t.Helper()
	const most = 64 << 10 // KiB
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{f.args(t, "--quiet"), {"verify", f.out}} {
		// The limit is on data of any kind, used or not: more than what is resident.
		cmd := exec.CommandContext(t.Context(), self, append([]string{"sh", "-c", `ulimit -d 262144 && exec "$@"`, "sh", program(t)}, args...)...)
		cmd.Env = append(os.Environ(), measureEnv+"=1", "GOMEMLIMIT=32MiB")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", args[0], err, stderr.Bytes())
		}
		peak, err := strconv.Atoi(strings.TrimSpace(string(out)))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d KiB", args[0], peak)
		if peak > most || peak < 1<<10 {
			t.Errorf("%s: got %d KiB at the peak, want at most %d", args[0], peak, most)
		}
	}
}
