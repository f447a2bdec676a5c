package exports

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
)

// URLPrefix is where the paths of archives begin (api.md §2).
const URLPrefix = "/user_avatars/"

// newPath invents the path of an archive (api.md §2): 144 random bits make the folder, which nobody can guess, and name is
// the archive's name.
func newPath(realmID int64) (path, name string) {
	secret := make([]byte, 18)
	_, _ = rand.Read(secret) // never fails
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	short := make([]byte, 8)
	_, _ = rand.Read(short)
	for i, c := range short {
		short[i] = alphabet[int(c)%len(alphabet)]
	}
	name = "zulip-export-" + string(short)
	return fmt.Sprintf("%sexports/%d/%s/%s.tar.gz", URLPrefix, realmID, base64.RawURLEncoding.EncodeToString(secret), name), name
}

// ArchiveName is the name under which the archive of that path is kept. ok is false for a path of another kind of storage.
func ArchiveName(path string) (name string, ok bool) {
	name, ok = strings.CutPrefix(path, URLPrefix)
	return name, ok && strings.HasPrefix(name, "exports/")
}
