package zulip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/realmport/realmport"
)

// Bounds of what a deployment may say.
const (
	mostOutput = 4 << 20
	mostShown  = 300
	// grace is how long output is waited for after manage.py ended: what it started may hold it open.
	grace = 5 * time.Second
)

// AskDeployment asks a server's own code, in its deployment folder, for its version and migrations. It
// runs the folder's manage.py, which reads the server's settings and database. When ctx ends, so do manage.py
// and what it started.
func AskDeployment(ctx context.Context, folder string) (Status, error) {
	var s Status
	folder, err := filepath.Abs(folder)
	if err != nil {
		return s, err
	}
	version, err := ReadVersion(folder)
	if err != nil {
		return s, err
	}
	s.ZulipVersion = version.Zulip
	out, err := showMigrations(ctx, folder)
	if err != nil {
		return s, err
	}
	s.MigrationsByApp, err = parseMigrations(out)
	return s, err
}

// showMigrations returns what manage.py says of migrations.
func showMigrations(ctx context.Context, folder string) ([]byte, error) {
	var stdout, stderr bounded
	cmd := exec.CommandContext(ctx, filepath.Join(folder, "manage.py"), "showmigrations", "--list", "--no-color")
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = grace
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		said := ""
		if line := lastLine(stderr.kept); line != "" {
			said = ": " + line
		}
		return nil, realmport.Errorf(realmport.Internal, "%s showmigrations failed (%w)%s; run realmport as the user of the server (zulip), "+
			"or give a migration_status.json (--migration-status, zulip.migration_status)", cmd.Path, withoutPath(err), said)
	}
	if stdout.over {
		return nil, realmport.Errorf(realmport.Unsupported, "showmigrations printed more than %d MiB: is it a Zulip server's?", mostOutput>>20)
	}
	return stdout.kept, nil
}

// withoutPath is an error of starting a program without its path.
func withoutPath(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// bounded keeps the beginning of what is written to it, and swallows the rest.
type bounded struct {
	kept []byte
	over bool
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	room := mostOutput - len(b.kept)
	b.over = b.over || len(p) > room
	b.kept = append(b.kept, p[:min(len(p), room)]...)
	return len(p), nil
}

// What showmigrations prints: the names of apps, and below each its migrations.
var (
	appLine       = regexp.MustCompile(`^[A-Za-z_]\w*$`)
	migrationLine = regexp.MustCompile(`^ (\[[X \-]\] \w[\w.\-]*( \(\d+ squashed migrations\))?|\(no migrations\))$`)
)

// parseMigrations reads what showmigrations --list prints.
func parseMigrations(out []byte) (map[string][]string, error) {
	apps := map[string][]string{}
	app := ""
	for line := range strings.Lines(string(out)) {
		line = strings.TrimRight(line, " \r\n")
		m := migrationLine.FindStringSubmatch(line)
		switch {
		case line == "":
		case appLine.MatchString(line) && apps[line] == nil:
			app = line
			apps[app] = []string{}
		case m != nil && app != "":
			apps[app] = append(apps[app], m[1])
		default:
			return nil, realmport.Errorf(realmport.Unsupported, "showmigrations printed a line that is neither an app nor a migration: %.80q; "+
				"give a migration_status.json (--migration-status, zulip.migration_status)", line)
		}
	}
	if len(apps["zerver"]) == 0 {
		return nil, realmport.Errorf(realmport.Unsupported, "showmigrations named no migrations of the app zerver: is it a Zulip server's?")
	}
	return apps, nil
}

// lastLine returns the last line of what a program printed, fit for a terminal.
func lastLine(text []byte) string {
	text = bytes.TrimSpace(text)
	line := string(text[bytes.LastIndexByte(text, '\n')+1:])
	line = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, line)
	if len(line) > mostShown {
		line = fmt.Sprintf("%.*s…", mostShown, line)
	}
	return line
}
