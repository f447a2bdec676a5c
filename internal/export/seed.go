package export

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/realmport/realmport"
)

// seed makes what an export has to invent: the same export invents the same.
type seed [sha256.Size]byte

func newSeed(realm realmport.Realm, t realmport.ExportType) seed {
	return sha256.Sum256(fmt.Appendf(nil, "realmport %d %q %s", realm.ID, realm.StringID, t))
}

// of is the digest of one invented thing.
func (s seed) of(what string, id int64) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(s[:], "%s %d", what, id))
}

// address is the local part of an address that stands in for a hidden one.
func (s seed) address(user int64) string {
	d := s.of("address", user)
	return "exported-user-" + hex.EncodeToString(d[:16])
}

// colour is one of the colours that Zulip gives to subscriptions.
func (s seed) colour(subscription int64) []byte {
	colours := []string{
		"#76ce90", "#fae589", "#a6c7e5", "#e79ab5", "#bfd56f", "#f4ae55", "#b0a5fd", "#addfe5",
		"#f5ce6e", "#c2726a", "#94c849", "#bd86e5", "#ee7e4a", "#a6dcbf", "#95a5fd", "#53a063",
		"#9987e1", "#e4523d", "#c2c2c2", "#4f8de4", "#c6a8ad", "#e7cc4d", "#c8bebf", "#a47462",
	}
	d := s.of("colour", subscription)
	return []byte(colours[int(d[0])%len(colours)])
}

// name is the archive's root folder.
func (s seed) name() string { return "zulip-export-" + hex.EncodeToString(s[:4]) }
