package realmport

import (
	"crypto/sha256"
	"fmt"
)

// Role is what a user may do. The values are Zulip's own.
type Role int

// The roles.
const (
	Owner         Role = 100
	Administrator Role = 200
	Moderator     Role = 300
	Member        Role = 400
	Guest         Role = 600
)

// Administers tells whether the role may do what administrators may.
func (r Role) Administers() bool { return r == Owner || r == Administrator }

// BotType says what kind of bot a user is. The values are Zulip's own, with 0 for people.
type BotType int

// The kinds.
const (
	Human           BotType = 0
	GenericBot      BotType = 1
	IncomingWebhook BotType = 2
	OutgoingWebhook BotType = 3
	EmbeddedBot     BotType = 4
)

// User is an account of an organization.
type User struct {
	ID            int64
	RealmID       int64
	DeliveryEmail string // the real address, by which users log in
	FullName      string
	Role          Role
	Bot           BotType
	Active        bool
	Consents      bool   // to the export of their private data
	Language      string // of messages to them: "en"
	// KeyDigest is the SHA-256 of the API key, by which one tells that the key was changed.
	KeyDigest [sha256.Size]byte
	// RateLimits are the user's own limits on API calls, as Zulip writes them: "60:200"; "" for the server's.
	RateLimits string
}

// String names the user in logs, without their address.
func (u *User) String() string { return fmt.Sprintf("user %d", u.ID) }

// Consent says whether a person consents to the export of their private data.
type Consent struct {
	UserID    int64
	Consented bool
	Active    bool // the account is not deactivated
	// EmailVisibility says who may see the user's address, in Zulip's values: 1 everyone to 5 moderators.
	EmailVisibility int
}
