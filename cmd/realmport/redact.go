package main

import "regexp"

// What follows in a connection string, up to the last @ of a URL: whoever forgets to encode a
// password may have any character in it.
var (
	urlPassword   = regexp.MustCompile(`(?i)(postgres(?:ql)?://[^:@/\s]*:).*@`)
	namedPassword = regexp.MustCompile(`(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^'&\s"]+)`)
)

// What lets anybody who knows it fetch an archive: the folder that nobody can guess, where all may read, and a link's signature. The
// name of an attempt gives its parts away.
var (
	archiveFolder = regexp.MustCompile(`((?:%2[Ff])?)[A-Za-z0-9_-]{24,}((?:/|%2[Ff])zulip-export-)`)
	attemptFolder = regexp.MustCompile(`(realmport-parts(?:/|%2[Ff]))[^\s"'?:;,()<>]+`)
	signedQuery   = regexp.MustCompile(`(?i)\?[^\s"'<>]*X-Amz-Signature=[^\s"'<>]*`)
	signature     = regexp.MustCompile(`(?i)(X-Amz-(?:Signature|Security-Token|Credential)(?:=|%3D))[^\s"'<>&]+`)
)

// redacted returns a message without the passwords of connection strings, and without what is enough to fetch an archive, in it. No
// message is meant to hold the first, but some repeat what stood in the command line at the wrong place; errors of buckets name objects.
func redacted(s string) string {
	s = namedPassword.ReplaceAllString(urlPassword.ReplaceAllString(s, "${1}***@"), "${1}***")
	s = signature.ReplaceAllString(signedQuery.ReplaceAllString(s, "?***"), "${1}***")
	return attemptFolder.ReplaceAllString(archiveFolder.ReplaceAllString(s, "${1}***${2}"), "${1}***")
}
