package zulip

import (
	"bufio"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/realmport/realmport"
)

// AvatarSalt reads the avatar salt from a server's secrets file, usually /etc/zulip/zulip-secrets.conf.
func AvatarSalt(name string) (string, error) {
	found, err := secrets(name, "--avatar-salt", "avatar_salt")
	if err != nil {
		return "", err
	}
	salt, ok := found["avatar_salt"]
	switch {
	case !ok:
		return "", realmport.Errorf(realmport.NotFound, "%s has no line avatar_salt = … in its section secrets: is it the server's zulip-secrets.conf?", name)
	case salt == "":
		return "", realmport.Errorf(realmport.Invalid, "avatar_salt is empty in %s", name)
	}
	return salt, nil
}

// S3Keys reads from a server's secrets file the access key and the secret key of its storage: both, or neither if the
// server has none of its own there.
func S3Keys(name string) (access, secret string, err error) {
	found, err := secrets(name, "s3.access_key and s3.secret_key", "s3_key", "s3_secret_key")
	if err != nil {
		return "", "", err
	}
	access, secret = found["s3_key"], found["s3_secret_key"]
	there, missing := "s3_key", "s3_secret_key"
	if access == "" {
		there, missing = missing, there
	}
	if (access == "") != (secret == "") {
		return "", "", realmport.Errorf(realmport.Invalid, "%s has %s but no %s: the storage's keys belong together", name, there, missing)
	}
	return access, secret, nil
}

// secrets reads the options of those names, in lower case, from a server's secrets file: the first of each in its section secrets, or in no
// section. As the server does, it takes quotes and what looks like a comment after a value for parts of the value. Others are not kept.
// Instead is what one may give if the file cannot be read.
func secrets(name, instead string, wanted ...string) (map[string]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, realmport.Errorf(codeOf(err), "cannot read the server's secrets: %w; run realmport as root or zulip, or give %s", err, instead)
	}
	defer f.Close()
	found := map[string]string{}
	section := "secrets"
	lines := bufio.NewScanner(f)
	for len(found) < len(wanted) && lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if inner, ok := strings.CutPrefix(line, "["); ok {
			section, _, _ = strings.Cut(inner, "]")
			continue
		}
		key, value, ok := cutOption(line)
		key = strings.ToLower(key)
		if _, twice := found[key]; ok && !twice && section == "secrets" && slices.Contains(wanted, key) {
			found[key] = value
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, realmport.Errorf(realmport.Invalid, "%s has a line of more than %d KiB: is it the server's zulip-secrets.conf?",
			name, bufio.MaxScanTokenSize>>10)
	} else if err != nil {
		return nil, realmport.Errorf(realmport.Invalid, "cannot read the server's secrets: %w", err)
	}
	return found, nil
}

// cutOption splits a line at its first = or :, which both part a key from a value.
func cutOption(line string) (key, value string, ok bool) {
	i := strings.IndexAny(line, "=:")
	if i < 0 {
		return "", "", false
	}
	return strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+1:]), true
}
