// Package s3server runs a throw-away S3 server for tests and benchmarks: versitygw on a folder of its own, a port of the
// loopback interface, made-up keys.
//
// A server never outlives the process that started it: a watchdog ends it and removes its folder, however that process ends.
package s3server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ProgramEnv names the environment variable with the path of versitygw.
const ProgramEnv = "REALMPORT_TEST_VERSITYGW"

// Domain is the domain below which the server answers to buckets as hosts, besides answering to paths everywhere.
const Domain = "s3.test"

// ErrNoProgram is returned by Start where versitygw is not installed.
var ErrNoProgram = errors.New("find versitygw: run scripts/install-test-tools.sh, or name the program in " + ProgramEnv)

// watchScript runs the server until it ends by itself, or until the script's input ends, which it does when the parent closes it
// or is no more. Then it removes the folder.
const watchScript = `
dir=$1
shift
exec 3<&0
"$@" </dev/null >"$dir/log" 2>&1 3<&- &
server=$!
{ cat >/dev/null; kill -s KILL "$server" 2>/dev/null; } <&3 &
wait "$server"
rm -rf -- "$dir"
`

// Server is a running S3 server. Its methods are safe for concurrent use.
type Server struct {
	Endpoint  string // http://HOST:PORT
	Region    string
	AccessKey string
	SecretKey string

	dir   string
	alive io.Closer     // the parent's end of the watchdog's input
	ended chan struct{} // closed when the watchdog, and so the server, has ended
	stop  sync.Once
}

// startAttempts is how many ports Start tries: between choosing a free port and binding it another process may take it.
const startAttempts = 3

// startPatience is how long a server may take until it answers.
const startPatience = 30 * time.Second

// Start starts a server without buckets. It returns when the server answers. The caller stops it; ctx governs the start only.
func Start(ctx context.Context) (*Server, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	for range startAttempts {
		var s *Server
		if s, err = start(ctx, program); err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("start S3 server: %w", err)
}

// find returns the path of versitygw: the one that ProgramEnv names, of PATH, or of where go install puts programs.
func find() (string, error) {
	if path := os.Getenv(ProgramEnv); path != "" {
		return path, nil
	}
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path, nil
	}
	out, err := exec.Command("go", "env", "GOBIN", "GOPATH").Output()
	if err != nil {
		return "", ErrNoProgram
	}
	bin, gopath, _ := strings.Cut(strings.TrimRight(string(out), "\n"), "\n")
	for _, path := range []string{filepath.Join(bin, "versitygw"), filepath.Join(gopath, "bin", "versitygw")} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && filepath.IsAbs(path) {
			return path, nil
		}
	}
	return "", ErrNoProgram
}

func start(ctx context.Context, program string) (*Server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "realmport-s3-")
	if err != nil {
		return nil, err
	}
	s := &Server{
		Endpoint: "http://" + addr, Region: "eu-test-1", AccessKey: "test" + rand.Text(), SecretKey: rand.Text(),
		dir: dir, ended: make(chan struct{}),
	}
	if err := s.run(program, addr); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.wait(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// run starts the watchdog with the server.
func (s *Server) run(program, addr string) error {
	data := filepath.Join(s.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	versions := filepath.Join(s.dir, "versions")
	if err := os.Mkdir(versions, 0o700); err != nil {
		return err
	}
	args := []string{
		"-c", watchScript, "watch", s.dir,
		program, "--port", addr, "--region", s.Region, "--quiet", "--virtual-domain", Domain, "posix", "--versioning-dir", versions,
	}
	if !keepsAttributes(data) {
		sidecar := filepath.Join(s.dir, "sidecar")
		if err := os.Mkdir(sidecar, 0o700); err != nil {
			return err
		}
		args = append(args, "--sidecar", sidecar)
	}
	cmd := exec.Command("/bin/sh", append(args, data)...)
	cmd.Dir = "/"
	// Not by its arguments, which everybody on the machine can read.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "ROOT_ACCESS_KEY_ID=" + s.AccessKey, "ROOT_SECRET_ACCESS_KEY=" + s.SecretKey}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that an interrupt from the terminal does not end it
	alive, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.alive = alive
	go func() {
		_ = cmd.Wait() // that it was killed is no news
		close(s.ended)
	}()
	return nil
}

// keepsAttributes tells whether files in dir can have extended attributes, where the server keeps what objects are besides bytes.
func keepsAttributes(dir string) bool {
	return syscall.Setxattr(dir, "user.realmport", []byte("x"), 0) == nil
}

// wait returns when the server answers.
func (s *Server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("the server does not answer"))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			return resp.Body.Close()
		}
		select {
		case <-s.ended:
			return errors.New("the server ended by itself")
		case <-ctx.Done():
			return fmt.Errorf("%w\n%s", context.Cause(ctx), s.log())
		case <-tick.C:
		}
	}
}

// log returns the end of what the server printed.
func (s *Server) log() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b[max(0, len(b)-2000):]))
}

// Stop ends the server and removes its folder. It is idempotent.
func (s *Server) Stop() error {
	var err error
	s.stop.Do(func() {
		err = s.alive.Close()
		<-s.ended
	})
	return err
}

// freeAddress finds a port that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
