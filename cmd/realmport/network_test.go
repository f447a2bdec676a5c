package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/realmport/realmport/internal/parts"
	"github.com/realmport/realmport/internal/pgcluster"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

// insideEnv says that the test runs in a network of its own.
const insideEnv = "TEST_INSIDE_NETWORK"

// TestNetworks has workers in networks of their own, and takes one of them off the net in the middle of a part: nothing is refused or reset, it
// is just silent. All of it, with the servers, is in a network that the machine's own knows nothing of.
func TestNetworks(t *testing.T) {
	if os.Getenv(insideEnv) != "" {
		testNetworks(t)
		return
	}
	t.Parallel()
	program(t) // the inner test builds it too, if it is not left out
	pgtest.Server(t)
	s3test.Server(t)
	if _, err := exec.LookPath("ip"); err != nil {
		pgtest.Require(t, "ip", "iproute2 is not installed; run scripts/install-test-tools.sh")
	}
	if err := exec.CommandContext(t.Context(), "unshare", "-n", "ip", "link", "add", "type", "veth").Run(); err != nil {
		pgtest.Require(t, "a network namespace", "unshare -n and veth pairs are not allowed here")
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "-n", self(t), "-test.run=^TestNetworks$", "-test.v")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, pgtest.ServerEnv+"=") || strings.HasPrefix(v, s3test.ServerEnv+"=")
	})
	cmd.Env = append(cmd.Env, insideEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func testNetworks(t *testing.T) {
	ip(t, "link", "set", "lo", "up")
	pg, err := pgcluster.Start(t.Context(), pgcluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	t.Setenv(pgtest.ServerEnv, pg.DSN("postgres"))
	c := newCluster(t)
	others, own := c.gate(), c.gate()
	variable, value := others.at(parts.StepPartClaim)
	c.elsewhere(1, variable+"="+value)
	c.request()
	c.begun()
	variable, value = own.at(parts.StepPartMake)
	worker := c.elsewhere(2, variable+"="+value)
	c.says(worker, "msg=held")
	ip(t, "link", "set", "worker2", "down")
	others.open()
	c.whole()
	own.open()
	ip(t, "link", "set", "worker2", "up")
	c.until("the worker sees that it was cut off", func() bool {
		text := worker.stderr.String()
		return strings.Contains(text, "too late") || strings.Contains(text, "work on the part") || strings.Contains(text, "does not answer")
	})
	c.request() // which both are there for
	c.whole()
	c.stop()
}

// elsewhere starts a process that works in a network of its own, to which there is one link, worker with the number.
func (c *cluster) elsewhere(number int, env string) *server {
	c.Helper()
	here, there := fmt.Sprintf("10.99.%d.1", number), fmt.Sprintf("10.99.%d.2", number)
	link := fmt.Sprintf("worker%d", number)
	ip(c.T, "link", "add", link, "type", "veth", "peer", "name", "uplink")
	ip(c.T, "addr", "add", here+"/24", "dev", link)
	ip(c.T, "link", "set", link, "up")
	source, err := url.Parse(c.settings["source"])
	if err != nil {
		c.Fatal(err)
	}
	source.Host = forward(c.T, here, source.Host)
	endpoint := "http://" + forward(c.T, here, strings.TrimPrefix(c.config.Endpoint, "http://"))

	// It waits until it has the other end of the link.
	data := c.TempDir()
	args := append([]string{"-n", "sh", "-c", `read -r _ && exec "$@"`, "sh", self(c.T), "work", "--data", data},
		c.settings.with("source", source.String(), "s3-endpoint", endpoint).args()...)
	cmd := exec.CommandContext(context.WithoutCancel(c.Context()), "unshare", args...)
	connected, err := cmd.StdinPipe()
	if err != nil {
		c.Fatal(err)
	}
	s := spawn(c.T, cmd, []string{env}, data)
	c.machines = append(c.machines, s)
	inside := []string{"-t", fmt.Sprint(s.Process.Pid), "-n", "ip"}
	mine := namespace(c.T, os.Getpid())
	c.until("the process has its own network", func() bool { return namespace(c.T, s.Process.Pid) != mine })
	ip(c.T, "link", "set", "uplink", "netns", fmt.Sprint(s.Process.Pid))
	for _, args := range [][]string{{"addr", "add", there + "/24", "dev", "uplink"}, {"link", "set", "uplink", "up"}, {"link", "set", "lo", "up"}} {
		command(c.T, "nsenter", append(slices.Clone(inside), args...)...)
	}
	if _, err := io.WriteString(connected, "\n"); err != nil {
		c.Fatal(err)
	}
	s.ready(c.T, "msg=working")
	return s
}

// namespace names the network that a process is in.
func namespace(t *testing.T, pid int) string {
	t.Helper()
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	command(t, "ip", args...)
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
}

// forward listens at an address, on any port, for a server that is at the target, and returns where.
func forward(t *testing.T, address, target string) string {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go pipe(client, target)
		}
	}()
	return listener.Addr().String()
}

// pipe passes bytes on in both directions until either side ends.
func pipe(client net.Conn, target string) {
	server, err := net.Dial("tcp", target)
	if err != nil {
		_ = client.Close()
		return
	}
	end := sync.OnceFunc(func() {
		_ = client.Close()
		_ = server.Close()
	})
	defer end()
	go func() {
		defer end()
		_, _ = io.Copy(server, client)
	}()
	_, _ = io.Copy(client, server)
}
