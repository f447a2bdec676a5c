// Package zulip reads what an export needs from a Zulip server's installation
// besides its database: settings, secrets, version and migrations.
package zulip

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

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
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(s)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// ReadStatus reads a migration_status.json, as an earlier archive of the same server has it.
func ReadStatus(name string) (Status, error) {
	var s Status
	text, err := os.ReadFile(name)
	if err != nil {
		return s, realmport.Errorf(codeOf(err), "cannot read the migration status: %w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil || !s.complete() {
		return s, realmport.Errorf(realmport.Invalid, "%s is not a migration_status.json: it needs an object "+
			"\"migrations_by_app\" of lists and a text \"zulip_version\"", name)
	}
	return s, nil
}

func (s Status) complete() bool {
	for _, list := range s.MigrationsByApp {
		if list == nil { // null
			return false
		}
	}
	return s.MigrationsByApp != nil && s.ZulipVersion != ""
}

// codeOf returns the code of an error that opening or reading a file gave.
func codeOf(err error) realmport.Code {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return realmport.NotFound
	case errors.Is(err, fs.ErrPermission):
		return realmport.NotAllowed
	default:
		return realmport.Invalid
	}
}
