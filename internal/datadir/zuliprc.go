package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/realmport/realmport"
)

// Account is what a client needs to log in.
type Account struct {
	Email, Key string
}

// The files of accounts.
const (
	AdministratorFile = "zuliprc"
	MemberFile        = "zuliprc-member"
	NetrcFile         = "netrc"
)

// check refuses what would be more than one word, or more than one line, of a file: an address may come from an archive.
func (a Account) check() error {
	for _, text := range []string{a.Email, a.Key} {
		if text == "" || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
			return realmport.Errorf(realmport.Invalid, "the address %q and its key cannot be written into a file for clients", a.Email)
		}
	}
	return nil
}

// WriteAccount writes the account into a file in the format of Zulip's own clients.
func (d *Dir) WriteAccount(file string, a Account, site string) error {
	if err := a.check(); err != nil {
		return err
	}
	text := fmt.Sprintf("[api]\nemail=%s\nkey=%s\nsite=%s\n", a.Email, a.Key, site)
	return writeFile(filepath.Join(d.path, file), []byte(text))
}

// Account reads a file that WriteAccount wrote. ok is false if there is none.
func (d *Dir) Account(file string) (a Account, ok bool, err error) {
	text, err := os.ReadFile(filepath.Join(d.path, file))
	if errors.Is(err, fs.ErrNotExist) {
		return Account{}, false, nil
	}
	values := options(text)
	a = Account{Email: values["email"], Key: values["key"]}
	return a, err == nil && a.Email != "" && a.Key != "", err
}

// WriteNetrc writes the account into a file that curl reads, for each of the hosts.
func (d *Dir) WriteNetrc(a Account, hosts ...string) error {
	if err := a.check(); err != nil {
		return err
	}
	var text strings.Builder
	for _, host := range hosts {
		fmt.Fprintf(&text, "machine %s login %s password %s\n", host, a.Email, a.Key)
	}
	return writeFile(filepath.Join(d.path, NetrcFile), []byte(text.String()))
}
