package config

import (
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"runtime"
	"slices"
)

// defaultWorkers is the most workers of an export if nobody says how many.
const defaultWorkers = 8

// derive fills in the defaults that follow from other settings.
func (l *loader) derive(c *Config) {
	embedded := c.Embedded() && !l.bad["source"]
	otherwise(&c.Work, filepath.Join(c.Data, "tmp"))
	if embedded {
		otherwise(&c.Workers, max(1, min(runtime.GOMAXPROCS(0)-1, defaultWorkers))) // one processor is for requests
		otherwise(&c.Uploads, filepath.Join(c.Data, "uploads"))
		otherwise(&c.Scheme, "http")
		otherwise(&c.ConcurrentExports, 1)
		if _, port, err := net.SplitHostPort(c.Listen); err == nil && port != "0" {
			otherwise(&c.ExternalHost, net.JoinHostPort("localhost", port))
		}
	}
	otherwise(&c.Workers, min(runtime.GOMAXPROCS(0), defaultWorkers))
	otherwise(&c.Scheme, "https")
	otherwise(&c.ConcurrentExports, 2)
	if c.Uploads != "" && c.S3.Archives == "" {
		otherwise(&c.Archives, filepath.Join(c.Uploads, "avatars"))
	}
}

// otherwise sets a value that is not set.
func otherwise[T comparable](v *T, other T) {
	var zero T
	if *v == zero {
		*v = other
	}
}

// rule notes a problem of the first key if it is broken, unless one of the keys has a problem of its own.
func (l *loader) rule(broken bool, rule string, keys ...string) {
	if broken && !slices.ContainsFunc(keys, func(key string) bool { return l.bad[key] }) {
		s := l.byKey[keys[0]]
		l.problem(Problem{Key: keys[0], Value: s.shown(l.chosen[keys[0]].text), Where: l.chosen[keys[0]].where, Rule: rule})
	}
}

// check finds settings that do not go together. It leaves out those with a problem of their own.
func (l *loader) check(c *Config) {
	l.checkStorage(c)
	rule := l.rule
	zulipSource := !c.Embedded()
	rule(zulipSource && c.ExternalHost == "", "is needed with a source: set it to the server's EXTERNAL_HOST, or set zulip.settings",
		"external_host", "source", "zulip.settings")
	rule(c.Stale < 3*c.Heartbeat, fmt.Sprintf("must be at least three heartbeats, which are %s", formatDuration(3*c.Heartbeat)),
		"stale", "heartbeat")
	rule(c.Policy.Redelivery == Fail && c.Policy.Attempts > 1,
		"must be 1 if policy.redelivery is fail: another attempt is a job that comes twice", "policy.attempts", "policy.redelivery")
	rule(c.Replica != "" && !zulipSource, "is for a source in PostgreSQL: leave it out with the embedded store", "replica", "source")
	rule(c.Jobs.Database != "" && !zulipSource, "is for a source in PostgreSQL: leave it out with the embedded store",
		"jobs.database", "source")
	first, second := sameHost(c.RealmHosts)
	rule(second != "", fmt.Sprintf("has one host for %s and %s: each needs its own", first, second), "realm_hosts")
	rule(c.Data == "", "must not be empty", "data")
}

// sameHost returns two organizations that have one host; "" if each has its own.
func sameHost(hosts map[string]string) (first, second string) {
	owners := map[string]string{}
	for _, realm := range slices.Sorted(maps.Keys(hosts)) {
		if owner, ok := owners[hosts[realm]]; ok {
			return owner, realm
		}
		owners[hosts[realm]] = realm
	}
	return "", ""
}

// warn notes what archives will lack, and who may read them.
func (c *Config) warn() {
	c.warnStorage()
	if c.Embedded() {
		return
	}
	if c.Uploads == "" && !c.ObjectUploads() {
		c.Warnings = append(c.Warnings, "no uploads: uploaded files, avatars, custom emoji and icons are left out of archives")
	}
	if c.AvatarSalt == "" {
		c.Warnings = append(c.Warnings, "no avatar_salt or zulip.secrets: avatars are left out of archives")
	}
	if c.Zulip.Deployment == "" && c.Zulip.MigrationStatus == "" {
		c.Warnings = append(c.Warnings, "no zulip.deployment or zulip.migration_status: servers that import an archive cannot check that its migrations are the same")
	}
	if c.ZulipVersion == "" {
		c.Warnings = append(c.Warnings, "no zulip_version: Zulip will refuse to import the archives")
	}
}
