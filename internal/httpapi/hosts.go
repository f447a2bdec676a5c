package httpapi

import (
	"regexp"
	"slices"
	"strings"

	"github.com/realmport/realmport"
)

// Hosts says which organization a host name stands for, and the other way round (api.md §4).
type Hosts struct {
	// Scheme of the URLs: "https", or "http".
	Scheme string
	// ExternalHost is the server's root domain, with a port if it is not the scheme's own.
	ExternalHost string
	// RealmHosts are further host names of organizations, by string_id.
	RealmHosts map[string]string
	// RootAliases are subdomains that stand for the root domain: "www".
	RootAliases []string
	// Allowed are further host names that requests may have; one that begins with a dot allows all below it.
	Allowed []string
	// DefaultRealm is the string_id of the organization that the root domain stands for, as do localhost and 127.0.0.1; its URL is
	// then the root domain's. "" for a server whose root domain is an organization of its own, or none.
	DefaultRealm string
}

// validate reports what cannot be meant.
func (h *Hosts) validate() error {
	if h.Scheme != "http" && h.Scheme != "https" {
		return realmport.Errorf(realmport.Invalid, "scheme %q is not http or https", h.Scheme)
	}
	if _, ok := hostname(strings.ToLower(h.ExternalHost)); !ok {
		return realmport.Errorf(realmport.Invalid, "external host %q is not a host name with an optional port", h.ExternalHost)
	}
	return nil
}

// hostPattern is what a Host header may look like, in lower case.
var hostPattern = regexp.MustCompile(`^([a-z0-9.-]+|\[[a-f0-9]*:[a-f0-9.:]+\])(:[0-9]{1,5})?$`)

// hostname cuts the port off a host in lower case.
func hostname(host string) (name string, ok bool) {
	m := hostPattern.FindStringSubmatch(host)
	if m == nil || len(host) > 300 {
		return "", false
	}
	name = strings.TrimSuffix(m[1], ".")
	return name, name != ""
}

// Resolve returns the string_id that a Host header stands for, whether there is such an organization or not; "" is the
// root domain. ok is false for a host that is not this server's.
func (h *Hosts) Resolve(host string) (stringID string, ok bool) {
	host = strings.ToLower(host)
	name, ok := hostname(host)
	if !ok || !h.allowed(name) {
		return "", false
	}
	stringID = h.subdomain(host)
	if stringID == "" {
		stringID = h.DefaultRealm
	}
	return stringID, true
}

// allowed tells whether requests may have the host of that name, without its port.
func (h *Hosts) allowed(name string) bool {
	own, _ := hostname(strings.ToLower(h.ExternalHost))
	if name == own || strings.HasSuffix(name, "."+own) || name == "localhost" || name == "127.0.0.1" {
		return true
	}
	for _, host := range h.RealmHosts {
		if other, _ := hostname(strings.ToLower(host)); name == other {
			return true
		}
	}
	return slices.ContainsFunc(h.Allowed, func(pattern string) bool {
		pattern = strings.ToLower(pattern)
		return pattern == "*" || name == pattern || strings.HasPrefix(pattern, ".") && (strings.HasSuffix(name, pattern) || name == pattern[1:])
	})
}

// subdomain finds the organization of a host in lower case.
func (h *Hosts) subdomain(host string) string {
	if sub, ok := strings.CutSuffix(cutPort(host, h.ExternalHost), "."+strings.ToLower(h.ExternalHost)); ok {
		if slices.Contains(h.RootAliases, sub) {
			return ""
		}
		return sub
	}
	for stringID, realmHost := range h.RealmHosts {
		if cutPort(host, realmHost) == strings.ToLower(realmHost) {
			return stringID
		}
	}
	return ""
}

// cutPort cuts the port off a host, unless the host ends in the wanted one as it is.
func cutPort(host, wanted string) string {
	if strings.HasSuffix(host, strings.ToLower(wanted)) {
		return host
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.Contains(host[i:], "]") {
		return host[:i]
	}
	return host
}

// URL returns the URL of an organization, without a slash at its end.
func (h *Hosts) URL(stringID string) string {
	host := stringID + "." + h.ExternalHost
	if stringID == "" || stringID == h.DefaultRealm {
		host = h.ExternalHost
	} else if other := h.RealmHosts[stringID]; other != "" {
		host = other
	}
	return h.Scheme + "://" + host
}
