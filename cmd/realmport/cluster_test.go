package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

// The owner who asks for exports of the generated organization, and where.
const (
	clusterHost = demo.RulesStringID + ".chat.example.test"
	clusterKey  = "0123456789abcdefghijABCDEFGHIJKL"
)

// clusterPatience is how long a test waits for what must happen.
const clusterPatience = time.Minute

// cluster is a Zulip server with a bucket for archives, and processes of realmport that make its exports. Its settings are where the processes
// reach everything.
type cluster struct {
	*testing.T
	dsn      string
	config   s3.Config
	bucket   string
	settings settings
	front    *server
	email    string
	machines []*server
}

// settings are the flags of a process, by name.
type settings map[string]string

// with returns the settings with some changed: names and values in turn.
func (s settings) with(changes ...string) settings {
	changed := maps.Clone(s)
	for i := 0; i < len(changes); i += 2 {
		changed[changes[i]] = changes[i+1]
	}
	return changed
}

func (s settings) args() []string {
	var args []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		args = append(args, "--"+name, s[name])
	}
	return args
}

// newCluster makes a cluster with a process that serves, and none that works.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	return newClusterAt(t, pgtest.Template(t, "cluster", generateCluster))
}

// clusterMessages is how many messages the organization has that several processes export.
const clusterMessages = 48_000

func newClusterAt(t *testing.T, dsn string) *cluster {
	t.Helper()
	program(t) // before anything else is made for it
	c := &cluster{T: t, dsn: dsn}
	c.config, c.bucket = s3test.Bucket(t)
	c.settings = settings{
		"source": withPassword(t, dsn), "uploads": clusterUploads(), "avatar-salt": demo.AvatarSalt, "external-host": "chat.example.test",
		"scheme": "http", "zulip-migration-status": migrationStatus(t), "s3-endpoint": c.config.Endpoint, "s3-region": c.config.Region,
		"s3-access-key": c.config.AccessKey, "s3-secret-key": c.config.SecretKey, "s3-archives-bucket": c.bucket, "heartbeat": "1s", "stale": "3s",
		"parts-min-messages": "0", "parts-width": "8", "workers": "1", "policy-exports-per-week": "0", "policy-resend-window": "0s",
		"rate-limit": "60:100000",
	}
	query := "SELECT delivery_email FROM zulip.zerver_userprofile WHERE api_key = $1"
	if err := connect(t, dsn).QueryRow(t.Context(), query, clusterKey).Scan(&c.email); err != nil {
		t.Fatal(err)
	}
	c.front = c.serve(t.TempDir())
	t.Cleanup(func() {
		if t.Failed() {
			c.dump()
			for _, s := range slices.Concat([]*server{c.front}, c.machines) {
				t.Logf("%s:\n%s", strings.Join(s.Env[len(environment()):], " ")+" "+s.data, s.stderr.String())
			}
		}
	})
	return c
}

// dump logs what the database says of parts and their jobs.
func (c *cluster) dump() {
	c.Helper()
	conn, err := pgx.Connect(context.Background(), c.dsn)
	if err != nil {
		c.Log(err)
		return
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, query := range []string{
		"SELECT number, worker, heartbeat, now(), tries, length(result), given_up FROM realmport.parts",
		`SELECT id, kind, state, args, attempt, scheduled_at, attempted_at, finalized_at, attempted_by[1], errors, metadata
			FROM realmport.river_job ORDER BY id DESC LIMIT 40`,
	} {
		rows, err := conn.Query(context.Background(), query)
		if err != nil {
			c.Log(err)
			return
		}
		for rows.Next() {
			values, err := rows.Values()
			c.Log(values, err)
		}
	}
}

// serve starts the process that answers requests.
func (c *cluster) serve(data string) *server {
	c.Helper()
	return startServing(c.T, data, append([]string{"--no-work"}, c.settings.args()...)...)
}

// work starts a process that works, and waits until it does.
func (c *cluster) work(more ...string) *server {
	c.Helper()
	return c.launch(program(c.T), nil, c.TempDir(), c.settings.with(more...))
}

// staged starts one to which something happens, as the variable says.
func (c *cluster) staged(variable, value string, more ...string) *server {
	c.Helper()
	return c.launch(self(c.T), []string{variable + "=" + value}, c.TempDir(), c.settings.with(more...))
}

func (c *cluster) launch(name string, env []string, data string, with settings) *server {
	c.Helper()
	args := append([]string{"work", "--data", data}, with.args()...)
	s := spawn(c.T, exec.CommandContext(context.WithoutCancel(c.Context()), name, args...), env, data)
	c.machines = append(c.machines, s)
	s.ready(c.T, "msg=working")
	return s
}

// self is the path of the test program.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// gate is a file that processes wait for which are held at a step.
type gate struct {
	c    *cluster
	file string
}

func (c *cluster) gate() gate { return gate{c, filepath.Join(c.TempDir(), "open")} }

// at is what holds a process at a step until the gate is open.
func (g gate) at(step string) (variable, value string) { return holdEnv, step + "=" + g.file }

func (g gate) open() {
	g.c.Helper()
	writeFile(g.c.T, g.file, "")
}

// until waits until something is so.
func (c *cluster) until(what string, is func() bool) {
	c.Helper()
	limit, cancel := context.WithTimeout(c.Context(), clusterPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-limit.Done():
			c.Fatalf("it did not come that %s", what)
		}
	}
}

// says waits until a process has said the text.
func (c *cluster) says(s *server, text string) {
	c.Helper()
	seen := s.stderr.has(text)
	c.until(fmt.Sprintf("a process says %q", text), func() bool {
		select {
		case <-seen:
			return true
		default:
			return false
		}
	})
}

// tells waits until any process has said the text.
func (c *cluster) tells(text string) {
	c.Helper()
	c.until(fmt.Sprintf("some process says %q", text), func() bool {
		return slices.ContainsFunc(c.machines, func(s *server) bool { return strings.Contains(s.stderr.String(), text) })
	})
}

// dies waits until a process was killed.
func (c *cluster) dies(s *server) {
	c.Helper()
	c.until("a process is killed", func() bool {
		select {
		case <-s.ended:
			return true
		default:
			return false
		}
	})
	if s.ProcessState.ExitCode() != -1 {
		c.Fatalf("got %v, want that the process was killed:\n%s", s.ProcessState, s.stderr.String())
	}
}

// kill kills a process.
func (c *cluster) kill(s *server) {
	c.Helper()
	if err := s.Process.Kill(); err != nil {
		c.Fatal(err)
	}
	<-s.ended
}

// count asks the database for a number; -1 if it does not answer.
func (c *cluster) count(query string) int {
	conn, err := pgx.Connect(c.Context(), c.dsn)
	if err != nil {
		return -1
	}
	defer func() { _ = conn.Close(context.WithoutCancel(c.Context())) }()
	n := -1
	if err := conn.QueryRow(c.Context(), query).Scan(&n); err != nil {
		return -1
	}
	return n
}

// begun waits until parts are asked for.
func (c *cluster) begun() {
	c.Helper()
	c.until("parts are asked for", func() bool { return c.count("SELECT count(*) FROM realmport.parts") > 1 })
}

// stateOf is what Linux says a process is doing: T if it is stopped.
func stateOf(t *testing.T, s *server) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), ") ")
	return after[:1]
}
