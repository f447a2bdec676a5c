package main

import "regexp"

// What follows in a connection string, up to the last @ of a URL: whoever forgets to encode a
// password may have any character in it.
var (
	urlPassword   = regexp.MustCompile(`(?i)(postgres(?:ql)?://[^:@/\s]*:).*@`)
	namedPassword = regexp.MustCompile(`(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^'&\s"]+)`)
)

// redacted returns a message without the passwords of connection strings in it. No message is meant to
// hold one, but some repeat what stood in the command line at the wrong place.
func redacted(s string) string {
	return namedPassword.ReplaceAllString(urlPassword.ReplaceAllString(s, "${1}***@"), "${1}***")
}
