package importer

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

// APIKey is the key that an import gives a user: 32 letters and digits that only who has the secret can work out.
func APIKey(secret []byte, user int64) string { return alphanumerics(secret, "api_key", user) }

// ownerSecret is an organization's credential of the push service (demo-organization.md §4.2).
func ownerSecret(secret []byte, realm int64) string {
	return "zuliprealm_" + alphanumerics(secret, "uuid_owner_secret", realm)
}

// alphanumerics makes 32 letters and digits, all equally likely.
func alphanumerics(secret []byte, what string, id int64) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	out := make([]byte, 0, 32)
	for round := 0; ; round++ {
		for _, b := range digest(secret, fmt.Sprintf("%s %d %d", what, id, round)) {
			if len(out) == cap(out) {
				return string(out)
			}
			if int(b) < 256/len(letters)*len(letters) {
				out = append(out, letters[int(b)%len(letters)])
			}
		}
	}
}

// madeUUID makes a random-looking UUID of version 4.
func madeUUID(secret []byte, what string, id int64) string {
	d := digest(secret, fmt.Sprintf("uuid %s %d", what, id))
	d[6], d[8] = d[6]&0x0f|0x40, d[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", d[:4], d[4:6], d[6:8], d[8:10], d[10:16])
}

func digest(secret []byte, text string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(text))
	return h.Sum(nil)
}
