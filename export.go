package realmport

import "time"

// ExportType says whose data an export holds. The values are Zulip's own.
type ExportType int

// The three types of an export.
const (
	// Public holds the history of public channels and nobody's private data.
	Public ExportType = 1
	// Standard adds the private data of the members who consented.
	Standard ExportType = 2
	// Full holds everything, consent or not.
	Full ExportType = 3
)

// ParseExportType reads the name of an export type: public, standard or full.
func ParseExportType(s string) (ExportType, error) {
	for _, t := range []ExportType{Public, Standard, Full} {
		if s == t.String() {
			return t, nil
		}
	}
	return 0, Errorf(Invalid, "export type %q is not one of public, standard, full", s)
}

// String returns the type's name.
func (t ExportType) String() string {
	switch t {
	case Public:
		return "public"
	case Standard:
		return "standard"
	case Full:
		return "full"
	default:
		return "unknown"
	}
}

// Realm is an organization of a Zulip server.
type Realm struct {
	ID       int64
	StringID string // the subdomain; "" for the server's root domain
	Name     string
	Created  time.Time

	// The rest is what a server tells of the organization before a login; the engine does not read it.

	Deactivated bool
	Description string // Markdown
	IconVersion int
	IconGiven   bool // an icon was uploaded
	WebPublic   bool // spectators may look in
}

// Missing is a row or a file that an export had to leave out.
type Missing struct {
	// Kind is upload, avatar, emoji, realm_icon, row or reference. A row was left
	// out because it points to something that is not in the archive; of a reference
	// only the pointing column was emptied.
	Kind string `json:"kind"`
	// Table is the row's table; the owner's table for a file.
	Table string `json:"table"`
	// ID is the row's id (for an avatar: the user's); 0 where there is none.
	ID int64 `json:"id"`
	// Path is the file's path below the server's upload folder, or the
	// column of a reference.
	Path string `json:"path,omitempty"`
	// Reason says why, in a sentence fit for an administrator.
	Reason string `json:"reason"`
}

// Summary is what an export did.
type Summary struct {
	Realm        string         `json:"realm"`
	Type         string         `json:"type"`
	Messages     int64          `json:"messages"`
	UserMessages int64          `json:"usermessages"`
	Users        int64          `json:"users"`
	Rows         int64          `json:"rows"` // of all tables
	Files        int64          `json:"files"`
	FileBytes    int64          `json:"file_bytes"`
	Bytes        int64          `json:"bytes"` // of the archive
	SHA256       string         `json:"sha256"`
	Seconds      float64        `json:"seconds"`
	Missing      map[string]int `json:"missing"` // count by kind; empty when complete
	Examples     []Missing      `json:"missing_examples,omitempty"`
	Warnings     []string       `json:"warnings,omitempty"`
}

// Partial tells whether something was left out.
func (s *Summary) Partial() bool { return len(s.Missing) > 0 }
