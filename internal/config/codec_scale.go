package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// optional is nothing, or what c is.
func optional[T comparable](c codec[T]) codec[T] {
	var none T
	parse := c.parse
	c.parse = func(s string) (T, bool) {
		if s == "" {
			return none, true
		}
		return parse(s)
	}
	return c
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	regionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
)

// bucket is the name of a bucket of S3.
func bucket() codec[string] {
	return optional(codec[string]{
		form: "BUCKET", rule: "a bucket's name: 3 to 63 small letters, digits, dots and hyphens, with a letter or digit at both ends",
		parse: func(s string) (string, bool) {
			_, err := netip.ParseAddr(s)
			return s, bucketName.MatchString(s) && !strings.Contains(s, "..") && err != nil
		},
		format: same,
	})
}

func region() codec[string] {
	return optional(codec[string]{
		form: "REGION", rule: "a region's name, as in eu-central-1",
		parse:  func(s string) (string, bool) { return s, regionName.MatchString(s) },
		format: same,
	})
}

// endpoint is the address of a storage. A slash at its end is cut off.
func endpoint() codec[string] {
	return optional(codec[string]{
		form: "URL", rule: "an address without a path, bucket or password in it, as in https://s3.example.com or http://127.0.0.1:9000",
		parse: func(s string) (string, bool) {
			u, err := url.Parse(s)
			if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || strings.Trim(u.Path, "/") != "" ||
				strings.ContainsAny(s, "?#") {
				return "", false
			}
			if strings.Contains(u.Host, "%") || strings.Count(u.Host, ":") > 1 && u.Host[0] != '[' { // a zone, or IPv6 without brackets
				return "", false
			}
			name, ok := parseHost(u.Host)
			return u.Scheme + "://" + name, ok
		},
		format: same,
	})
}

// timeout is a duration as PostgreSQL takes it: whole milliseconds in 31 bits.
func timeout() codec[time.Duration] {
	const most = 24 * day
	c := duration(0)
	parse := c.parse
	c.rule += ", of at most " + formatDuration(most) + " and of whole milliseconds"
	c.parse = func(s string) (time.Duration, bool) {
		d, ok := parse(s)
		return d, ok && d <= most && d%time.Millisecond == 0
	}
	return c
}
