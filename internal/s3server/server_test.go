package s3server_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/s3server"
)

// ownerEnv says that this process is to start a server, say where, and wait to be killed.
const ownerEnv = "REALMPORT_TEST_S3_OWNER"

func answers(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

func start(t *testing.T) *s3server.Server {
	t.Helper()
	s, err := s3server.Start(t.Context())
	if errors.Is(err, s3server.ErrNoProgram) {
		pgtest.Require(t, "an S3 server", err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStop(t *testing.T) {
	t.Parallel()
	s := start(t)
	addr := strings.TrimPrefix(s.Endpoint, "http://")
	if !answers(addr) {
		t.Error("does not answer after Start")
	}
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
	if answers(addr) {
		t.Error("still answers after Stop")
	}
}

// TestOwnerIsKilled starts a server in another process, which is then killed.
func TestOwnerIsKilled(t *testing.T) {
	if os.Getenv(ownerEnv) != "" {
		s := start(t)
		_, _ = fmt.Fprintln(os.Stderr, s.Endpoint)
		select {}
	}
	t.Parallel()
	if err := start(t).Stop(); err != nil { // skips where there is none
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestOwnerIsKilled$")
	cmd.Env = append(os.Environ(), ownerEnv+"=1", "TMPDIR="+t.TempDir())
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimPrefix(strings.TrimSpace(line), "http://")
	if !answers(addr) {
		t.Errorf("%q does not answer", addr)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for answers(addr) {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("still answers")
		}
	}
}
