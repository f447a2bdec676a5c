package config

import (
	"net/netip"
	"net/url"
	"strings"
)

// longestLink is how long S3 lets a link be valid.
const longestLink = 7 * day

// text is what was chosen for a key so far; "" for nothing.
func (l *loader) text(key string) string { return l.chosen[key].text }

// counts tells whether a setting of a Zulip server that stands for key holds. A server with a folder of uploads has nothing in S3, whatever
// its settings say of it. It relies on the order of zulip.ReadSettings: the folder, buckets, the rest.
func (l *loader) counts(key string) bool {
	switch key {
	case "uploads":
		return l.text("s3.uploads_bucket") == "" && l.text("s3.avatars_bucket") == ""
	case "s3.uploads_bucket", "s3.avatars_bucket":
		return l.filesInBuckets()
	case "s3.archives_bucket":
		return l.filesInBuckets() && l.text("archives") == ""
	case "s3.endpoint", "s3.region", "s3.addressing":
		return l.usesBuckets()
	default:
		return true
	}
}

// filesInBuckets tells whether a server's files can only be in buckets.
func (l *loader) filesInBuckets() bool {
	for _, key := range []string{"s3.uploads_bucket", "s3.avatars_bucket"} {
		if g, ok := l.chosen[key]; ok && g.text == "" { // somebody wants none
			return false
		}
	}
	embedded := l.text("source") == "" && !l.bad["source"]
	return !embedded && !l.isGiven("uploads")
}

func (l *loader) usesBuckets() bool {
	for _, key := range []string{"s3.uploads_bucket", "s3.avatars_bucket", "s3.archives_bucket"} {
		if l.text(key) != "" || l.bad[key] {
			return true
		}
	}
	return false
}

// wantsKeys tells whether keys of S3 are needed that nobody gave.
func (l *loader) wantsKeys() bool {
	return l.usesBuckets() && !l.isGiven("s3.access_key") && !l.isGiven("s3.secret_key") && l.text("s3.profile") == ""
}

// checkStorage finds problems of where files and archives are.
func (l *loader) checkStorage(c *Config) {
	rule, s3 := l.rule, c.S3
	zulipSource := !c.Embedded()
	bucket, _ := c.ArchiveBucket()
	rule(zulipSource && c.Archives == "" && bucket == "" && s3.Uploads == "" && s3.Avatars == "",
		"is needed with a source that has no uploads: set it, or s3.archives_bucket, or uploads, or zulip.settings",
		"archives", "source", "uploads", "zulip.settings", "s3.uploads_bucket", "s3.avatars_bucket", "s3.archives_bucket")
	rule(!zulipSource && s3.Uploads != "", "is for a source in PostgreSQL: leave it out with the embedded store, whose files are in uploads",
		"s3.uploads_bucket", "source")
	rule(!zulipSource && s3.Avatars != "", "is for a source in PostgreSQL: leave it out with the embedded store, whose files are in uploads",
		"s3.avatars_bucket", "source")
	rule(zulipSource && c.Uploads != "" && s3.Uploads != "", "is given together with uploads ("+l.chosen["uploads"].where+"): give one of them",
		"s3.uploads_bucket", "uploads", "source")
	rule(zulipSource && c.Uploads != "" && s3.Uploads == "" && s3.Avatars != "",
		"is given together with uploads ("+l.chosen["uploads"].where+"): give one of them", "s3.avatars_bucket", "uploads", "source", "s3.uploads_bucket")
	pair := zulipSource && c.Uploads == ""
	rule(pair && s3.Uploads == "" && s3.Avatars != "", "is needed with s3.avatars_bucket: a server's files are in two buckets",
		"s3.uploads_bucket", "s3.avatars_bucket", "uploads", "source")
	rule(pair && s3.Uploads != "" && s3.Avatars == "", "is needed with s3.uploads_bucket: a server's files are in two buckets",
		"s3.avatars_bucket", "s3.uploads_bucket", "uploads", "source")
	rule(c.Archives != "" && s3.Archives != "", "is given together with archives ("+l.chosen["archives"].where+"): give one of them",
		"s3.archives_bucket", "archives")
	rule(bucket != "" && c.Download.RequireLogin,
		"must be false with archives in a bucket, whose links carry their own permission: set archives to a folder if a login is needed",
		"download.require_login", "s3.archives_bucket", "s3.avatars_bucket", "s3.uploads_bucket")
	rule(bucket != "" && c.Download.TTL > longestLink,
		"must be at most "+formatDuration(longestLink)+" with archives in a bucket: no link of S3 is valid for longer",
		"download.ttl", "s3.archives_bucket", "s3.avatars_bucket", "s3.uploads_bucket")
	l.checkKeys(s3)
}

// checkKeys finds problems of how S3 is used.
func (l *loader) checkKeys(s3 S3) {
	rule := l.rule
	rule(s3.AccessKey != "" && s3.SecretKey == "", "is needed with s3.access_key", "s3.secret_key", "s3.access_key")
	rule(s3.AccessKey == "" && s3.SecretKey != "", "is needed with s3.secret_key", "s3.access_key", "s3.secret_key")
	rule(s3.Profile != "" && s3.AccessKey != "", "is given together with s3.access_key ("+l.chosen["s3.access_key"].where+"): give one of them",
		"s3.profile", "s3.access_key")
	rule(s3.KMSKey != "" && s3.SSE != "aws:kms", "is for s3.sse aws:kms: set that, or leave it out", "s3.kms_key", "s3.sse")
}

// warnStorage notes who else may read what is in buckets.
func (c *Config) warnStorage() {
	bucket, shared := c.ArchiveBucket()
	if bucket == "" && !c.ObjectUploads() {
		return
	}
	if shared {
		c.Warnings = append(c.Warnings, "archives are in the bucket of avatars, as in Zulip: whoever knows the secret name of an archive can read it; "+
			"s3.archives_bucket gives them a bucket of their own")
	}
	if inTheOpen(c.S3.Endpoint) {
		c.Warnings = append(c.Warnings, "s3.endpoint is not https: requests are signed, but files and archives are not encrypted on their way")
	}
}

// inTheOpen tells whether what is sent to an address leaves the machine without encryption.
func inTheOpen(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return u.Hostname() != "localhost" && !strings.HasSuffix(u.Hostname(), ".localhost")
	}
	return !ip.IsLoopback()
}
