package pgcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// BinEnv names the environment variable with the folder of the server's programs.
const BinEnv = "REALMPORT_TEST_POSTGRES_BIN"

// errNoServer is returned where PostgreSQL's server programs are not installed.
var errNoServer = errors.New("find PostgreSQL's server programs (initdb, pg_ctl, postgres): install the package postgresql, " +
	"or name their folder in " + BinEnv)

// tools are the programs of one PostgreSQL version and the user who runs them.
type tools struct {
	bin string
	// as is the user to run as; nil is the present one. PostgreSQL refuses to run as root.
	as *syscall.Credential
}

// Tool returns the path of one of PostgreSQL's programs, psql for example: the one beside
// the server that Start would use, or the one on PATH.
func Tool(name string) (string, error) {
	if bin, err := findBin(); err == nil {
		path := filepath.Join(bin, name)
		if isProgram(path) {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("find program %s: install PostgreSQL's client package, or name its folder in %s", name, BinEnv)
	}
	return path, nil
}

// findOrInstall returns the tools, installing them where that is possible.
func findOrInstall(ctx context.Context, log io.Writer) (tools, error) {
	bin, err := findBin()
	if errors.Is(err, errNoServer) && canInstall() {
		if err := install(ctx, log); err != nil {
			return tools{}, fmt.Errorf("install PostgreSQL: %w", err)
		}
		bin, err = findBin()
	}
	if err != nil {
		return tools{}, err
	}
	as, err := serverUser()
	return tools{bin: bin, as: as}, err
}

// findBin returns the folder of the server's programs.
func findBin() (string, error) {
	if bin := os.Getenv(BinEnv); bin != "" {
		if !isProgram(filepath.Join(bin, "initdb")) {
			return "", fmt.Errorf("find initdb in %q, which %s names: no such program", bin, BinEnv)
		}
		return bin, nil
	}
	if bin := newestDebian("/usr/lib/postgresql"); bin != "" {
		return bin, nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	return "", errNoServer
}

// newestDebian returns the folder of programs of the newest version below root,
// where Debian keeps the versions side by side; "" if there is none.
func newestDebian(root string) string {
	found, _ := filepath.Glob(filepath.Join(root, "*", "bin"))
	best, newest := "", -1.0
	for _, bin := range found {
		version, err := strconv.ParseFloat(filepath.Base(filepath.Dir(bin)), 64)
		if err == nil && version > newest && isProgram(filepath.Join(bin, "initdb")) {
			best, newest = bin, version
		}
	}
	return best
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// run runs one of the programs to its end. The error holds what it printed.
func (t tools) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(t.bin, name), args...)
	out, err := t.output(cmd)
	if err != nil {
		return fmt.Errorf("run %s: %w: %s", name, err, out)
	}
	return nil
}

// output runs cmd as the server's user, away from the terminal's signals. What it
// prints goes through a file: a server that pg_ctl starts would keep a pipe open.
func (t tools) output(cmd *exec.Cmd) (string, error) {
	f, err := os.CreateTemp("", "realmport-pg-out-")
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close(); _ = os.Remove(f.Name()) }()
	cmd.Dir = "/"
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: t.as, Setpgid: true}
	runErr := cmd.Run()
	text, err := os.ReadFile(f.Name())
	return string(bytes.TrimSpace(text)), errors.Join(runErr, err)
}

// environment is the process's own without what PostgreSQL's programs would
// take for settings.
func environment() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "PG") && !strings.HasPrefix(kv, "LC_") {
			env = append(env, kv)
		}
	}
	return append(env, "LC_ALL=C")
}
