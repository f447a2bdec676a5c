package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/realmport/realmport"
)

// What is not in the database of the rules organization but belongs to its server.
const (
	AvatarSalt   = "demo-avatar-salt"
	ExternalHost = "chat.demo.test"
)

// The organizations of the rules database. RulesRealm is the one to export;
// nothing of the others may get into its archive but the system bots' ids.
const (
	SystemRealm    int64 = 1
	RulesRealm     int64 = 2
	NeighbourRealm int64 = 3

	RulesStringID     = "demo"
	NeighbourStringID = "neighbour"
)

// The users of the rules database. Expected consents, see Expected: Owner, Alice, Dave, BotA, BotC
// and Frank.
const (
	NotificationBot int64 = 1
	EmailGateway    int64 = 2
	WelcomeBot      int64 = 3
	MonitorBot      int64 = 4 // a system bot that no archive lists

	Owner int64 = 10 // consents; visible to everyone
	Alice int64 = 11 // consents; visible to nobody
	Bob   int64 = 12 // does not; visible to nobody
	Carol int64 = 13 // does not, deactivated; visible to members
	Dave  int64 = 14 // a mirror dummy from an import, inactive
	Erin  int64 = 15 // does not, administrator; visible to administrators
	BotA  int64 = 16 // Alice's
	BotB  int64 = 17 // Bob's, sends to a web service
	BotC  int64 = 18 // Bob's, consents by itself
	Frank int64 = 19 // consents, deactivated and long idle, moderator; visible to moderators
	Grace int64 = 20 // a guest, does not consent, deactivated; visible to nobody

	Nina     int64 = 40 // of the neighbour, consents
	Ned      int64 = 41 // of the neighbour
	NinasBot int64 = 42
)

// The channels of the rules database. Their ids are user ids as well: a
// recipient's type_id means nothing without its type.
const (
	General       int64 = 11 // public
	Web           int64 = 12 // public on the web
	Shared        int64 = 13 // private, history shared: Alice, Bob
	Protected     int64 = 14 // private, history protected: Alice, Bob, Frank
	Unconsented   int64 = 15 // private: Bob, Erin
	Archived      int64 = 16 // public, deactivated
	Left          int64 = 17 // private: Bob, and Alice who left
	EmptyHall     int64 = 18 // public, no subscribers
	Zephyr        int64 = 19 // public, history protected: Alice, Bob
	NextDoor      int64 = 31 // public, the neighbour's
	NextDoorLocks int64 = 32 // private, the neighbour's
)

// The groups of users in the rules database.
const (
	MixedGroup   int64 = 11 // Alice, Bob, Erin
	SilentGroup  int64 = 12 // Bob, Erin, Carol: nobody consents
	BotGroup     int64 = 13 // Alice, Bob and the notification bot: unsafe
	ForeignGroup int64 = 14 // Alice, Bob and Nina of the neighbour: unsafe
	NextGroup    int64 = 15 // Nina, Ned and the neighbour's bot
)

// Texts that no archive of the rules organization may hold, whatever its type.
const (
	Foreign          = "not-of-this-realm"      // in the texts of other organizations' rows
	NeverExported    = "never-exported"         // in the texts of tables that are not exported
	SecretPassword   = "secret-password-hash"   //nolint:gosec // a marker, not a password
	SecretOwner      = "zuliprealm_secret00000" //nolint:gosec // uuid_owner_secret
	SecretZoom       = "secret-zoom-token"      //nolint:gosec // in zoom_token
	SecretExportPath = "/user_avatars/exports/2/secret-export-path/earlier.tar.gz"
	UnclaimedText    = "unclaimed-file" // the content of a file that no message names
	secretKeyPrefix  = "apikey_"
)

// Secrets returns the texts that no archive of the rules organization may hold.
func Secrets() []string {
	return []string{
		Foreign, NeverExported, SecretPassword, SecretOwner, SecretZoom, SecretExportPath, UnclaimedText,
		secretKeyPrefix + "0",
	}
}

// Marker returns the text that the content of a message of the rules organization
// begins with, and no other text holds.
func Marker(message int64) string { return fmt.Sprintf("[m%d]", message) }

// AvatarHash returns the base name of a user's avatar files in the rules database's upload folder.
func AvatarHash(user, version int64) string { return avatarHash(user, version, AvatarSalt) }

func avatarHash(user, version int64, salt string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%d:%s", user, version, salt))
	return hex.EncodeToString(sum[:])[:40]
}

// CreateRules makes the rules database in a database that has no schema zulip yet: the rules
// organization, a neighbour on the same server with rows in every table, and the system
// bots' organization. The files are made by WriteRulesUploads.
func CreateRules(ctx context.Context, dsn string) error {
	return build(ctx, dsn, func(s sink) error { return load(s, rulesFixture().rows) })
}

// LoadRules fills an empty embedded store with the same rows. The caller commits.
func LoadRules(ctx context.Context, l realmport.Loader) error {
	return embed(ctx, l, func(s sink) error { return load(s, rulesFixture().rows) })
}

// rulesFixture returns all rows of the rules database, each with the exports that hold it.
func rulesFixture() *fixture {
	f := &fixture{last: map[string]int64{}}
	f.addClients()
	f.addSystemRealm()
	r := f.addRulesRealm()
	n := f.addNeighbour()
	r.addRulesChannels()
	n.addNeighbourChannels()
	r.addRulesGroups()
	n.addNeighbourGroup()
	for _, m := range rulesMessages() {
		r.addMessage(m)
	}
	n.addNeighbourMessages()
	r.addRulesSettings()
	n.addNeighbourSettings()
	r.addRulesContent()
	n.addNeighbourContent()
	r.addUserRows()
	n.addNeighbourUserRows()
	f.addNeverExported()
	return f
}
