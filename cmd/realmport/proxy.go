package main

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// clientIP finds out where a request comes from: from its connection, unless that is of a trusted proxy, which says it in
// X-Forwarded-For. Of several addresses there, the last that is no trusted proxy counts: others the client may have made up.
func clientIP(trusted []netip.Prefix) func(*http.Request) string {
	isTrusted := func(text string) bool {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return false
		}
		for _, p := range trusted {
			if p.Contains(address.Unmap()) {
				return true
			}
		}
		return false
	}
	return func(r *http.Request) string {
		ip, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			ip = r.RemoteAddr
		}
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0 && isTrusted(ip); i-- {
			if hop, err := netip.ParseAddr(strings.TrimSpace(hops[i])); err == nil {
				ip = hop.String()
			}
		}
		return ip
	}
}
