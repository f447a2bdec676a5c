package datadir

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/realmport/realmport"
)

// Secrets are a data folder's own.
type Secrets struct {
	AvatarSalt string // that avatar files are named by, as on a Zulip server
	Key        string // of API keys that are made, and of signatures
}

// SecretsFile is the file of the secrets below a data folder. It is written as a Zulip server's is.
func SecretsFile(path string) string { return filepath.Join(path, "secrets") }

// ReadSecrets reads the secrets below a data folder.
func ReadSecrets(path string) (Secrets, error) {
	name := SecretsFile(path)
	text, err := os.ReadFile(name)
	if err != nil {
		return Secrets{}, err
	}
	values := options(text)
	s := Secrets{AvatarSalt: values["avatar_salt"], Key: values["realmport_key"]}
	if s.AvatarSalt == "" || s.Key == "" {
		return s, realmport.Errorf(realmport.Invalid, "%s lacks avatar_salt or realmport_key: restore it, or remove %s and start anew", name, path)
	}
	return s, nil
}

// Secrets returns the folder's secrets, which it invents the first time.
func (d *Dir) Secrets() (Secrets, error) {
	s, err := ReadSecrets(d.path)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if has, err := d.HasOrganization(); err != nil || has {
		return s, errors.Join(err, realmport.Errorf(realmport.NotFound, "%s is gone, and the organization's avatars and links depend on it: restore it from a backup",
			SecretsFile(d.path)))
	}
	s = Secrets{AvatarSalt: rand.Text(), Key: rand.Text() + rand.Text()}
	text := fmt.Sprintf("[secrets]\navatar_salt = %s\nrealmport_key = %s\n", s.AvatarSalt, s.Key)
	return s, writeFile(SecretsFile(d.path), []byte(text))
}

// options reads the lines "key = value" of an INI file.
func options(text []byte) map[string]string {
	values := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		key, value, ok := strings.Cut(lines.Text(), "=")
		if ok {
			values[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return values
}

// writeFile makes or replaces a file that only its owner may read, all at once.
func writeFile(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".realmport-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
