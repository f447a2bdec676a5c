package httpapi

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/realmport/realmport"
)

// Refusals of a login (api.md §3.2).
var (
	errNoLogin      = unauthorized("Not logged in: API authentication or user session required")
	errNotBasic     = &failure{status: http.StatusBadRequest, code: codeBadRequest, message: "This endpoint requires HTTP basic authentication."}
	errBadHeader    = unauthorized("Invalid authorization header for basic auth")
	errMalformedKey = unauthorized("Malformed API key")
	errInvalidKey   = unauthorized("Invalid API key")
	errRealmGone    = unauthorized("This organization has been deactivated")
	errUserGone     = unauthorized("Account is deactivated")
	errElsewhere    = unauthorized("Account is not associated with this subdomain")
	errWebhookBot   = unauthorized("This API is not available to incoming webhook bots.")
	errNoAdmin      = &failure{status: http.StatusBadRequest, code: codePrincipal, message: "Must be an organization administrator"}
)

func unauthorized(message string) *failure {
	return &failure{status: http.StatusUnauthorized, code: "UNAUTHORIZED", message: message}
}

// login finds out who asks, from the Authorization header alone, in the documented order of checks (api.md §1.1).
func (c *call) login() error {
	values, present := c.r.Header["Authorization"]
	if !present {
		return errNoLogin
	}
	email, key, err := basicCredentials(strings.Join(values, ","))
	if err != nil {
		return err
	}
	return c.loginWith(email, key)
}

// loginWith logs in with an address and an API key.
func (c *call) loginWith(email, key string) error {
	if !keyShape(key) {
		return errMalformedKey
	}
	user, err := c.directory().UserByKey(c.ctx(), key)
	if realmport.ErrorCode(err) == realmport.NotFound {
		return errInvalidKey
	}
	if err != nil {
		return err
	}
	if !strings.EqualFold(email, user.DeliveryEmail) {
		return errInvalidKey
	}
	return c.admit(user)
}

// admit checks that a known user may use the API here, and makes them the one who asks.
func (c *call) admit(user *realmport.User) error {
	realm, err := c.directory().Realm(c.ctx(), user.RealmID)
	switch {
	case err != nil:
		return err
	case realm.Deactivated:
		return errRealmGone
	case !user.Active:
		return errUserGone
	case realm.StringID != c.stringID:
		return errElsewhere
	case user.Bot == realmport.IncomingWebhook:
		return errWebhookBot
	}
	c.user, c.realm = user, realm
	return nil
}

// basicCredentials reads the value of an Authorization header.
func basicCredentials(header string) (email, key string, err error) {
	words := strings.Fields(header)
	if len(words) != 2 {
		return "", "", errBadHeader
	}
	if !strings.EqualFold(words[0], "basic") {
		return "", "", errNotBasic
	}
	text, ok := lenientBase64(words[1])
	if !ok || !utf8.Valid(text) {
		return "", "", errBadHeader
	}
	email, key, ok = strings.Cut(string(text), ":")
	if !ok || strings.Contains(key, ":") {
		return "", "", errBadHeader
	}
	return strings.TrimSpace(email), strings.TrimSpace(key), nil
}

// keyShape tells whether a text looks like an API key: 32 letters and digits.
func keyShape(key string) bool {
	if len(key) != 32 {
		return false
	}
	for _, c := range []byte(key) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// lenientBase64 decodes as the reference does: characters that are not of the alphabet are skipped, what follows the padding is
// not read, but the padding must be right (api.md §3.2).
func lenientBase64(s string) ([]byte, bool) {
	var out []byte
	var bits uint32
	var digits, pads int // in the present group of four
	for _, c := range []byte(s) {
		if c == '=' {
			if pads++; digits >= 2 && digits+pads >= 4 {
				return out, true
			}
			continue
		}
		v := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", c)
		if v < 0 {
			continue
		}
		pads = 0
		bits = bits<<6 | uint32(v)
		switch digits++; digits {
		case 2:
			out = append(out, byte(bits>>4))
		case 3:
			out = append(out, byte(bits>>2))
		case 4:
			out = append(out, byte(bits))
			digits = 0
		}
	}
	return out, digits == 0
}
