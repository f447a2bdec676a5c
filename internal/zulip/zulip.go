// Package zulip reads what an export needs from a Zulip server's installation
// besides its database: secrets, version and migrations.
package zulip

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/realmport/realmport"
)

// Status is the content of migration_status.json (format.md §1.7).
type Status struct {
	MigrationsByApp map[string][]string `json:"migrations_by_app"`
	ZulipVersion    string              `json:"zulip_version"`
}

// JSON returns the file's content.
func (s Status) JSON() ([]byte, error) {
	if s.MigrationsByApp == nil {
		s.MigrationsByApp = map[string][]string{}
	}
	return json.MarshalIndent(s, "", "  ")
}

// ReadStatus reads a migration_status.json, as an earlier archive of the same server has it.
func ReadStatus(name string) (Status, error) {
	var s Status
	text, err := os.ReadFile(name)
	if err != nil {
		return s, realmport.Errorf(realmport.NotFound, "cannot read the migration status: %w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil || s.MigrationsByApp == nil || s.ZulipVersion == "" {
		return s, realmport.Errorf(realmport.Invalid, "%s is not a migration_status.json: it needs an object "+
			"\"migrations_by_app\" of lists and a text \"zulip_version\"", name)
	}
	return s, nil
}

// AskDeployment asks a server's own code, in its deployment folder, for its version and migrations. It
// runs the folder's manage.py, which reads the server's settings and database.
func AskDeployment(ctx context.Context, folder string) (Status, error) {
	var s Status
	version, err := readVersion(folder)
	if err != nil {
		return s, err
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(folder, "manage.py"), "showmigrations", "--list", "--no-color")
	cmd.Dir, cmd.Stderr = folder, &stderr
	out, err := cmd.Output()
	if err != nil {
		return s, realmport.Errorf(realmport.Internal, "%s showmigrations failed (%w): %s; run realmport as the user of the server (zulip), "+
			"or give --migration-status", cmd.Path, err, lastLine(stderr.String()))
	}
	s.ZulipVersion = version
	s.MigrationsByApp, err = parseMigrations(out)
	return s, err
}

var versionLine = regexp.MustCompile(`(?m)^ZULIP_VERSION\s*=\s*["']([^"'\n]+)["']`)

func readVersion(folder string) (string, error) {
	name := filepath.Join(folder, "version.py")
	text, err := os.ReadFile(name)
	if err != nil {
		return "", realmport.Errorf(realmport.NotFound, "%s is not a deployment of a Zulip server, such as "+
			"/home/zulip/deployments/current: %w", folder, err)
	}
	m := versionLine.FindSubmatch(text)
	if m == nil {
		return "", realmport.Errorf(realmport.Unsupported, "%s has no ZULIP_VERSION: give --zulip-version", name)
	}
	return string(m[1]), nil
}

var migrationLine = regexp.MustCompile(`^ (\[[X \-]\] \S.*|\(no migrations\))$`)

// parseMigrations reads what showmigrations --list prints: names of apps, and below each, indented, its migrations.
func parseMigrations(out []byte) (map[string][]string, error) {
	apps := map[string][]string{}
	app := ""
	for line := range strings.Lines(string(out)) {
		line = strings.TrimRight(line, " \r\n")
		switch {
		case line == "":
		case line[0] != ' ':
			app = line
			apps[app] = []string{}
		default:
			m := migrationLine.FindStringSubmatch(line)
			if m == nil || app == "" {
				return nil, realmport.Errorf(realmport.Unsupported, "showmigrations printed a line that is no migration: %.80q", line)
			}
			apps[app] = append(apps[app], m[1])
		}
	}
	if len(apps["zerver"]) == 0 {
		return nil, realmport.Errorf(realmport.Unsupported, "showmigrations named no migrations of the app zerver: is it a Zulip server's?")
	}
	return apps, nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// AvatarSalt reads the avatar salt from a server's secrets file, usually /etc/zulip/zulip-secrets.conf.
func AvatarSalt(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", realmport.Errorf(realmport.NotFound, "cannot read the server's secrets: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), "=")
		if ok && strings.TrimSpace(key) == "avatar_salt" {
			return strings.TrimSpace(value), nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return "", realmport.Errorf(realmport.NotFound, "%s has no line avatar_salt = …: is it the server's zulip-secrets.conf?", name)
}
