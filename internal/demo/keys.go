package demo

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

// apiKey derives a user's API key: 32 letters and digits.
func apiKey(secret []byte, user int64) string {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	// Larger bytes would make the first letters more frequent.
	const most = 256 - 256%len(letters)
	key := make([]byte, 0, 32)
	for block := 0; ; block++ {
		for _, b := range derive(secret, fmt.Sprintf("api key %d %d", user, block)) {
			if int(b) < most {
				key = append(key, letters[int(b)%len(letters)])
			}
			if len(key) == cap(key) {
				return string(key)
			}
		}
	}
}

// derive makes 32 bytes for a purpose.
func derive(secret []byte, purpose string) []byte {
	h := hmac.New(sha256.New, secret)
	_, _ = h.Write([]byte(purpose)) // never fails
	return h.Sum(nil)
}

// secretUUID derives a UUID, which only those know who have the secret.
func secretUUID(secret []byte, purpose string) string {
	b := derive(secret, purpose)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
