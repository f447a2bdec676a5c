package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var (
	hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)
	subLabel = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$`)
)

// validPort tells whether s is a port's number.
func validPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == s
}

// host is a name by which browsers reach the server.
func host() codec[string] {
	return codec[string]{
		form: "HOST", rule: "a host, with a port if it is not the usual one, as in chat.example.com or localhost:8420",
		parse:  parseHost,
		format: same,
	}
}

func parseHost(s string) (string, bool) {
	s = strings.ToLower(s)
	name, port, hasPort := s, "", false
	if h, p, err := net.SplitHostPort(s); err == nil {
		name, port, hasPort = h, p, true
	} else if inner, ok := strings.CutPrefix(s, "["); ok { // [::1]
		name = strings.TrimSuffix(inner, "]")
	}
	_, err := netip.ParseAddr(name)
	return s, (err == nil || len(name) <= 253 && hostName.MatchString(name)) && (!hasPort || validPort(port))
}

// allowedHost is a host, all hosts below a domain, or all.
func allowedHost() codec[string] {
	return codec[string]{
		form: "HOST", rule: "a host such as chat.example.com, a domain with all below it such as .example.com, or *",
		parse: func(s string) (string, bool) {
			if s == "*" {
				return s, true
			}
			name, isDomain := strings.CutPrefix(s, ".")
			name, ok := parseHost(name)
			if isDomain {
				name = "." + name
			}
			return name, ok
		},
		format: same,
	}
}

// label is a subdomain's name.
func label() codec[string] {
	return codec[string]{
		form: "NAME", rule: "a subdomain such as www",
		parse:  func(s string) (string, bool) { s = strings.ToLower(s); return s, subLabel.MatchString(s) },
		format: same,
	}
}

// listenAt is an address to listen at.
func listenAt() codec[string] {
	return codec[string]{
		form: "HOST:PORT", rule: "an address and a port, as in 127.0.0.1:8420 or [::1]:8420",
		parse: func(s string) (string, bool) {
			name, port, err := net.SplitHostPort(s)
			if err != nil || !validPort(port) {
				return s, false
			}
			_, err = netip.ParseAddr(name)
			return s, name == "" || err == nil || hostName.MatchString(strings.ToLower(name))
		},
		format: same,
	}
}

// network is a range of addresses.
func network() codec[netip.Prefix] {
	return codec[netip.Prefix]{
		form: "CIDR", rule: "an address or a range of them, but not of all, as in 127.0.0.1 or 10.1.0.0/16",
		parse: func(s string) (netip.Prefix, bool) {
			if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
				return netip.PrefixFrom(a, a.BitLen()), true
			}
			p, err := netip.ParsePrefix(s)
			return p.Masked(), err == nil && p.Bits() > 0
		},
		format: netip.Prefix.String,
	}
}

// keyword is a word of a connection string of PostgreSQL: host=localhost, or password='it”s'.
var keyword = regexp.MustCompile(`^\s*[a-z_]+\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^'\s\\]|\\.)*)(?:\s+|$)`)

// isDSN tells whether s has the form of a connection string of PostgreSQL.
func isDSN(s string) bool {
	if !printableText(s) {
		return false
	}
	if strings.Contains(s, "://") {
		u, err := url.Parse(s)
		if err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") {
			return true
		}
	}
	if !strings.Contains(s, "=") {
		return false
	}
	for s = strings.TrimSpace(s); s != ""; {
		word := keyword.FindString(s)
		if word == "" {
			return false
		}
		s = s[len(word):]
	}
	return true
}

func dsn() codec[Secret] {
	c := secret("a connection string of PostgreSQL, as in postgres://realmport@127.0.0.1/zulip or host=/run/postgresql dbname=zulip", isDSN)
	c.form = "URL"
	return c
}

// schema is a name of PostgreSQL that needs no quotes.
func schema() codec[string] {
	name := regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)
	return codec[string]{
		form: "NAME", rule: "a name of lower-case letters, digits and _ that does not begin with pg_",
		parse:  func(s string) (string, bool) { return s, name.MatchString(s) && !strings.HasPrefix(s, "pg_") },
		format: same,
	}
}
