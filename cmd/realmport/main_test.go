package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// measureEnv makes the test program run its arguments and print the most memory they took.
const measureEnv = "REALMPORT_TEST_MEASURE"

func TestMain(m *testing.M) {
	if os.Getenv(measureEnv) != "" {
		os.Exit(measure(os.Args[1:]))
	}
	if staged() {
		os.Exit(runStaged())
	}
	dir, err := os.MkdirTemp("", "realmport-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programDir = dir
	status := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

// measure runs a command and prints its peak of resident memory in KiB. A process of its own does
// it, since a command counts the memory of the process that starts it, up to the start.
func measure(args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		return 127
	}
	fmt.Fprintln(os.Stdout, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	return cmd.ProcessState.ExitCode()
}

var programDir string // removed at the end of the tests

// buildProgram builds the real program once.
var buildProgram = sync.OnceValues(func() (string, error) {
	name := filepath.Join(programDir, "realmport")
	out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return name, err
})

// program returns the path of the real program. Short tests are those of the race detector, which sees nothing of another process.
func program(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("the real program takes long")
	}
	name, err := buildProgram()
	if err != nil {
		t.Fatalf("build realmport: %v", err)
	}
	return name
}

// stream collects what is written to it.
type stream struct {
	mu      sync.Mutex
	text    bytes.Buffer // +checklocks:mu
	waiters []*waiter    // +checklocks:mu
}

// waiter waits for a text.
type waiter struct {
	text string
	seen chan struct{}
}

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	s.notify()
	return len(p), nil
}

// +checklocks:s.mu
func (s *stream) notify() {
	rest := s.waiters[:0]
	for _, w := range s.waiters {
		if strings.Contains(s.text.String(), w.text) {
			close(w.seen)
		} else {
			rest = append(rest, w)
		}
	}
	s.waiters = rest
}

// has returns a channel that is closed when the text was written.
func (s *stream) has(text string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &waiter{text, make(chan struct{})}
	s.waiters = append(s.waiters, w)
	s.notify()
	return w.seen
}

// String returns what was written so far.
func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// cli is the program in the test's process.
type cli struct {
	stdout, stderr stream
	env            map[string]string
	terminal       bool
}

// result is how a command line ended.
type result struct {
	status         int
	stdout, stderr string
}

// run runs a command line in the test's process.
func run(t *testing.T, args ...string) result {
	t.Helper()
	return (&cli{}).run(t.Context(), t, args...)
}

func (c *cli) run(ctx context.Context, t *testing.T, args ...string) result {
	t.Helper()
	m := &Main{
		Stdout: &c.stdout, Stderr: &c.stderr, Env: func(key string) string { return c.env[key] }, Now: clock.Now,
		Terminal: c.terminal, Width: func() int { return 80 },
	}
	r := result{status: m.Run(ctx, args)}
	r.stdout, r.stderr = c.stdout.String(), c.stderr.String()
	if password(t) != "" && strings.Contains(r.stdout+r.stderr, password(t)) {
		t.Errorf("the password of the connection string is in the output:\n%s%s", r.stdout, r.stderr)
	}
	return r
}

// want checks a result: its status, and what the streams say. A stream of which nothing is wanted must be
// empty, unless it is not named.
func (r result) want(t *testing.T, status int, stdout, stderr []string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status: got %d, want %d", r.status, status)
	}
	for _, s := range []struct {
		name, got string
		want      []string
	}{{"standard output", r.stdout, stdout}, {"standard error", unprogressed(r.stderr), stderr}} {
		if len(s.want) == 0 && s.got != "" {
			t.Errorf("%s: got %q, want nothing", s.name, s.got)
		}
		for _, part := range s.want {
			if !strings.Contains(s.got, part) {
				t.Errorf("%s: got %q, want %q in it", s.name, s.got, part)
			}
		}
	}
	if t.Failed() {
		t.Logf("standard output:\n%s\nstandard error:\n%s", r.stdout, r.stderr)
	}
}

var progressLine = regexp.MustCompile(`(?m)^ *\d+%  .*\n`)

// unprogressed is what a program said but for lines of progress, which a slow machine brings on.
func unprogressed(text string) string { return progressLine.ReplaceAllString(text, "") }

// says are the texts that a stream is to hold.
func says(parts ...string) []string { return parts }

// objects decodes a stream of one JSON object per line.
func objects(t *testing.T, text string) []map[string]any {
	t.Helper()
	var list []map[string]any
	for line := range strings.Lines(text) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if kind, ok := o["message_type"].(string); !ok || kind == "" {
			t.Errorf("line %q has no message_type", line)
		}
		list = append(list, o)
	}
	return list
}

// ofType returns the objects of a type.
func ofType(list []map[string]any, kind string) []map[string]any {
	var found []map[string]any
	for _, o := range list {
		if o["message_type"] == kind {
			found = append(found, o)
		}
	}
	return found
}

const madeUpPassword = "s3cret-of-the-database"

// password is the one in the connection strings of the tests.
func password(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(os.Getenv(pgtest.ServerEnv))
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := u.User.Password(); ok {
		return p
	}
	return madeUpPassword
}

// withPassword puts a password into a connection string, if it has none: the tests' own server takes any.
func withPassword(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme == "" {
		t.Fatalf("%s is not a URL", pgtest.ServerEnv)
	}
	u.User = url.UserPassword(u.User.Username(), password(t))
	return u.String()
}

// as returns the connection string of another user.
func as(t *testing.T, dsn, user string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, password(t))
	return u.String()
}

// fixture is the fixture organization's server.
type fixture struct {
	dsn, uploads string
	out          string // where to write an archive, in a folder of its own
}

func setup(t *testing.T) fixture {
	t.Helper()
	dsn := pgtest.Template(t, "rules", func(dsn string) error { return demo.CreateRules(context.Background(), dsn) })
	f := fixture{dsn: withPassword(t, dsn), uploads: t.TempDir(), out: filepath.Join(t.TempDir(), "demo.tar.gz")}
	if err := demo.WriteRulesUploads(f.uploads); err != nil {
		t.Fatal(err)
	}
	return f
}

// args are those of an export of the fixture that warns of nothing it need not.
func (f fixture) args(t *testing.T, more ...string) []string {
	t.Helper()
	return append([]string{
		"export", "--source", f.dsn, "--realm", demo.RulesStringID, "--type", "standard", "--out", f.out,
		"--uploads", f.uploads, "--avatar-salt", demo.AvatarSalt, "--migration-status", migrationStatus(t),
	}, more...)
}

const statusText = `{"migrations_by_app": {"zerver": ["[X] 0001_initial"]}, "zulip_version": "11.0-test"}`

func migrationStatus(t *testing.T) string {
	t.Helper()
	return writeFile(t, filepath.Join(t.TempDir(), "migration_status.json"), statusText)
}

// writeFile writes a file and returns its name.
func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// complete gives the fixture what it lacks, so that an export of it misses nothing.
func (f fixture) complete(t *testing.T) {
	t.Helper()
	var path string
	conn := connect(t, f.dsn)
	if _, err := conn.Exec(t.Context(), "UPDATE zulip.zerver_realmemoji SET file_name = 'late.png' WHERE file_name IS NULL"); err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRow(t.Context(), "SELECT path_id FROM zulip.zerver_attachment WHERE path_id LIKE '%/lost.txt'").Scan(&path); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"files/" + path, "avatars/2/emoji/images/late.png", "avatars/2/emoji/images/late.png.original"} {
		name = filepath.Join(f.uploads, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, name, "found again")
	}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// files lists a folder.
func files(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
