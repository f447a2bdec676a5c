package zulip

import (
	"bufio"
	"errors"
	"os"
	"strings"

	"github.com/realmport/realmport"
)

// AvatarSalt reads the avatar salt from a server's secrets file, usually /etc/zulip/zulip-secrets.conf: the
// value of avatar_salt in its section secrets, or in no section. As the server does, it takes quotes
// and what looks like a comment after a value for parts of the value.
func AvatarSalt(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", realmport.Errorf(codeOf(err), "cannot read the server's secrets: %w; run realmport as root or zulip, or give --avatar-salt", err)
	}
	defer f.Close()
	section := "secrets"
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if inner, ok := strings.CutPrefix(line, "["); ok {
			section, _, _ = strings.Cut(inner, "]")
			continue
		}
		if key, value, ok := cutOption(line); ok && section == "secrets" && strings.EqualFold(key, "avatar_salt") {
			if value == "" {
				return "", realmport.Errorf(realmport.Invalid, "avatar_salt is empty in %s", name)
			}
			return value, nil
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return "", realmport.Errorf(realmport.Invalid, "%s has a line of more than %d KiB: is it the server's zulip-secrets.conf?",
			name, bufio.MaxScanTokenSize>>10)
	} else if err != nil {
		return "", realmport.Errorf(realmport.Invalid, "cannot read the server's secrets: %w", err)
	}
	return "", realmport.Errorf(realmport.NotFound, "%s has no line avatar_salt = … in its section secrets: is it the server's zulip-secrets.conf?", name)
}

// cutOption splits a line at its first = or :, which both part a key from a value.
func cutOption(line string) (key, value string, ok bool) {
	i := strings.IndexAny(line, "=:")
	if i < 0 {
		return "", "", false
	}
	return strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+1:]), true
}
