// Package config is the configuration of realmport's service: which settings there are, where they come from, what they
// must be, and what is wrong with them.
//
// A setting comes from the first of these that gives it: a flag, an environment variable, the configuration file, the files of a
// Zulip server that are named in zulip.settings, zulip.secrets and zulip.deployment, the default. The table in table.go describes them
// all; help, documentation and checks are made from it. Nothing here connects to anything.
package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"
)

// Config is a whole configuration, without problems. It belongs to the caller.
type Config struct {
	Listen string // address and port
	Data   string // realmport's own folder
	// MetricsListen is the address and port of the metrics; "" for none.
	MetricsListen string

	Replica  Secret // connection string of a replica of Source, from which exports read; "" for Source itself
	Source   Secret // PostgreSQL's connection string; "" for the embedded store below Data
	Uploads  string // the server's upload folder; "" if there is none
	Archives string // where archives are, below exports/; "" if they are in a bucket
	Work     string // for temporary files

	ExternalHost         string // in lower case, with a port if it has one; "" for what Listen turns out to be
	Scheme               string // http or https
	RealmHosts           map[string]string
	RootSubdomainAliases []string
	RootLandingPage      bool
	AllowedHosts         []string // beside those of organizations: hosts, .domains, or *
	TrustedProxies       []netip.Prefix
	Administrator        string // an e-mail address, without a name

	Zulip             Zulip
	AvatarSalt        Secret // "" if unknown: avatars are left out
	ZulipVersion      string // "" if unknown
	ZulipMergeBase    string
	ZulipFeatureLevel int

	Profile   Profile
	Policy    Policy
	RateLimit Rates
	Download  Download
	Jobs      Jobs

	S3     S3
	Parts  Parts
	Limits Limits

	Workers           int // of one export
	Compression       int // 1 to 9
	ConcurrentExports int
	MaxBody           int64 // bytes

	Heartbeat time.Duration
	Stale     time.Duration
	Shutdown  time.Duration

	Log Log

	// Warnings are what is no problem but will be missing from archives, for whoever starts the service.
	Warnings []string

	origin map[string]string // where the settings that were given are from, by key
}

// Given tells whether somebody has given that setting a value.
func (c *Config) Given(key string) bool { _, ok := c.origin[key]; return ok }

// Embedded tells whether organizations are in the embedded store.
func (c *Config) Embedded() bool { return c.Source == "" }

// Zulip is where the files of a Zulip server are; "" for none.
type Zulip struct {
	Secrets    string // zulip-secrets.conf
	Settings   string // settings.py
	Deployment string // the folder with version.py and manage.py
	// MigrationStatus is what to read instead of asking manage.py.
	MigrationStatus string
}

// Profile is a set of defaults.
type Profile string

// The profiles.
const (
	Realmport Profile = "realmport"
	Reference Profile = "zulip" // as Zulip's own export behaves
)

// Policy says which exports are made (api.md §1.3, §1.7). A limit of 0 is none.
type Policy struct {
	MaxMessages    int64
	MaxUploadBytes int64
	ExportsPerWeek int
	CountFailed    bool
	Who            Who
	Full           bool // owners may ask for full exports
	ResendWindow   time.Duration
	Redelivery     Redelivery
	Attempts       int
}

// Who may ask for exports.
type Who string

// Who there is.
const (
	Administrators Who = "administrators" // and owners
	Owners         Who = "owners"
)

// Redelivery is what happens to an export whose job comes twice.
type Redelivery string

// The ways.
const (
	Keep Redelivery = "keep" // what has ended stays, what has not is made again
	Fail Redelivery = "fail" // it becomes failed, whatever it was, as in Zulip
)

// Rate is how many requests a user may make in a time.
type Rate struct {
	Window time.Duration // whole seconds
	Calls  int
}

// Rates are limits that hold together, the one of the shortest time first.
type Rates []Rate

// String writes limits as Zulip does: 60:200,3600:4000.
func (r Rates) String() string {
	texts := make([]string, len(r))
	for i, rate := range r {
		texts[i] = fmt.Sprintf("%d:%d", rate.Window/time.Second, rate.Calls)
	}
	return strings.Join(texts, ",")
}

// Download says who may fetch archives.
type Download struct {
	RequireLogin bool
	TTL          time.Duration // of a link; 0 for as long as the archive is there
	Key          Secret        // signs links that expire; "" for the data folder\'s own
}

// Jobs is where the queue of exports is.
type Jobs struct {
	Database Secret // PostgreSQL's connection string; "" for the source's database, or a file of the embedded store
	Schema   string // of PostgreSQL
}

// Log is what the service writes about itself.
type Log struct {
	Level  slog.Level
	Format string // text or json
}

// Secret is a text that is not shown, except by converting it to a string.
type Secret string

const hidden = "***"

// String returns stars.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString returns stars.
func (s Secret) GoString() string { return s.String() }

// MarshalText returns stars, also for JSON and logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Value is a setting's value, fit for showing.
type Value struct {
	Key   string
	Text  string // as a file would have it; stars for a secret
	Where string // "" for a default
}

// Values lists the values of all settings, in the order of Describe.
func (c *Config) Values() []Value {
	var all []Value
	for _, s := range table() {
		if s.secretOf == "" {
			all = append(all, Value{s.Key, s.get(c), c.origin[s.Key]})
		}
	}
	return all
}

// LogValue lists the values that were given.
func (c *Config) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, v := range c.Values() {
		if v.Where != "" {
			attrs = append(attrs, slog.String(v.Key, v.Text))
		}
	}
	return slog.GroupValue(attrs...)
}
