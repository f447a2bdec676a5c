package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Options say how to start a cluster. The zero Options are good for tests.
type Options struct {
	// Settings are added to the server's configuration, name to value, and win
	// over the package's own.
	Settings map[string]string
	// Dir is where the cluster's directory is made; "" means the system's temporary
	// folder. The user that the server runs as must be able to reach it.
	Dir string
	// Log takes what the installation of PostgreSQL prints, where one is needed; nil
	// drops it.
	Log io.Writer
}

// Cluster is a running PostgreSQL server. Its methods are safe for
// concurrent use.
type Cluster struct {
	tools    tools
	settings map[string]string
	dir      string // holds the data directory and the log; gone after Stop
	port     int
	watch    *watchdog

	mu       sync.Mutex
	running  bool       // +checklocks:mu
	stopped  bool       // +checklocks:mu
	standbys []*Cluster // +checklocks:mu
}

// startAttempts is how many ports Start tries: between choosing a free port and
// binding it another process may take it.
const startAttempts = 3

// Start makes a new cluster and starts its server. It returns when the server
// accepts connections. The caller stops the cluster; ctx governs the start only.
//
// The server's programs are those of the folder REALMPORT_TEST_POSTGRES_BIN, of
// the newest version below /usr/lib/postgresql, or of PATH. When there are none, and the
// process is root on a machine with apt-get, Debian's package is installed.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	t, err := findOrInstall(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	c := &Cluster{tools: t, settings: o.Settings}
	err = c.folder(o.Dir)
	if err == nil {
		err = c.initialise(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create cluster: %w", err), c.Stop())
	}
	if err := c.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start cluster: %w", err), c.Stop())
	}
	return c, nil
}

// begin starts the server on a port that is free.
func (c *Cluster) begin(ctx context.Context) error {
	var err error
	for range startAttempts {
		if err = c.configure(c.settings); err != nil {
			return err
		}
		c.mu.Lock()
		err = c.up(ctx)
		c.mu.Unlock()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// DSN returns the address of a database of the cluster, for its superuser.
func (c *Cluster) DSN(db string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", superuser, c.port, db)
}

// Port returns the port that the server listens on, on 127.0.0.1.
func (c *Cluster) Port() int { return c.port }

// Stop ends all sessions, stops the server and its standbys and removes their directories. It is
// idempotent; a stopped cluster cannot be started again.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	c.stopped = true
	var errs []error
	for _, standby := range c.standbys {
		errs = append(errs, standby.Stop())
	}
	if c.running {
		// Without the caller's context: a cancelled test must still clean up.
		errs = append(errs, c.down(context.Background(), "fast"))
	}
	// The watchdog first: it also stops a server whose start was broken off.
	if c.watch != nil {
		errs = append(errs, c.watch.dismiss())
	}
	if c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}

// Restart stops the server in an orderly way if it runs, and starts it on the same
// port with the same data. All sessions end.
func (c *Cluster) Restart(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return errors.New("restart cluster: it is stopped")
	}
	if c.running {
		if err := c.down(ctx, "fast"); err != nil {
			return fmt.Errorf("restart cluster: %w", err)
		}
	}
	if err := c.up(ctx); err != nil {
		return fmt.Errorf("restart cluster: %w", err)
	}
	return nil
}

// Kill stops the server at once, as a crash would: sessions break in the middle of
// what they do, nothing is written back. Restart recovers the cluster.
func (c *Cluster) Kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running {
		return nil
	}
	if err := c.down(context.Background(), "immediate"); err != nil {
		return fmt.Errorf("kill cluster: %w", err)
	}
	return nil
}

func (c *Cluster) data() string    { return filepath.Join(c.dir, "data") }
func (c *Cluster) logFile() string { return filepath.Join(c.dir, "log") }

// folder makes the directory and has it watched.
func (c *Cluster) folder(parent string) error {
	dir, err := os.MkdirTemp(parent, "realmport-pg-")
	if err != nil {
		return err
	}
	c.dir = dir
	if err := c.tools.giveAway(dir); err != nil {
		return err
	}
	c.watch, err = watch(dir, c.data())
	return err
}

// initialise makes the data of a new cluster.
func (c *Cluster) initialise(ctx context.Context) error {
	var err error
	for _, locale := range []string{"C.UTF-8", "C"} {
		if err = c.tools.run(ctx, "initdb", "-D", c.data(), "-U", superuser, "-E", "UTF8",
			"--locale", locale, "-A", "trust", "--no-sync"); err == nil {
			return nil
		}
	}
	return err
}

// up starts the server and waits until it answers.
//
// +checklocks:c.mu
func (c *Cluster) up(ctx context.Context) error {
	err := c.tools.run(ctx, "pg_ctl", "start", "-D", c.data(), "-l", c.logFile(), "-s", "-w", "-t", "60")
	if err != nil {
		return fmt.Errorf("%w\n%s", err, c.logTail())
	}
	c.running = true
	return nil
}

// down stops the server in the given mode of pg_ctl and waits until it is gone.
//
// +checklocks:c.mu
func (c *Cluster) down(ctx context.Context, mode string) error {
	if err := c.tools.run(ctx, "pg_ctl", "stop", "-D", c.data(), "-m", mode, "-s", "-w", "-t", "60"); err != nil {
		return err
	}
	c.running = false
	return nil
}

// configure chooses a port and writes the server's configuration.
func (c *Cluster) configure(extra map[string]string) error {
	port, err := freePort(c.port)
	if err != nil {
		return err
	}
	c.port = port
	files := map[string]string{
		"postgresql.conf": configuration(port, extra),
		"pg_hba.conf":     hostRules,
	}
	for name, text := range files {
		// The files exist and belong to the server's user; writing keeps that.
		if err := os.WriteFile(filepath.Join(c.data(), name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// logTail returns the end of the server's log.
func (c *Cluster) logTail() string {
	b, err := os.ReadFile(c.logFile())
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b[max(0, len(b)-2000):]))
}

// freePort finds a port that nobody listens on, other than the one given.
func freePort(not int) (int, error) {
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		if port != not {
			return port, nil
		}
	}
}
