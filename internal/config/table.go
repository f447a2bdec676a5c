package config

import (
	"log/slog"
	"math"
	"net/netip"
	"time"
)

// oldestLevel of Zulip's API has types of exports (api.md §8).
const oldestLevel = 304

// Bounds of parallel work.
const (
	mostWorkers = 256
	mostExports = 64
)

// table is every setting, in the order in which help and documentation show them.
func table() []setting {
	all := append(server(), organizations()...)
	all = append(all, work()...)
	all = append(all, zulipFiles()...)
	all = append(all, storage()...)
	all = append(all, policy()...)
	all = append(all, scale()...)
	all = append(all, limits()...)
	return append(all, rest()...)
}

func server() []setting {
	return []setting{
		bind(Setting{
			Key: "listen", Default: "127.0.0.1:8420",
			Help: "Where the service listens for HTTP. TLS is for the proxy before it.",
		}, listenAt(), func(c *Config) *string { return &c.Listen }),
		bind(Setting{
			Key:  "metrics_listen",
			Help: "Where metrics are served for Prometheus, at /metrics: an address that only it reaches. None without it.",
		}, listenAt(), func(c *Config) *string { return &c.MetricsListen }),
		bind(Setting{
			Key: "data", Default: "./realmport-data",
			Help: "realmport's own folder: the embedded store and whatever has no place of its own.",
		}, path("DIR"), func(c *Config) *string { return &c.Data }),
		bind(Setting{
			Key: "source", Secret: true, Otherwise: "the embedded store in data",
			Help: "The database of a Zulip server. What it leaves open comes from PG* variables and ~/.pgpass.",
		}, dsn(), func(c *Config) *Secret { return &c.Source }),
		fileFor("source", "A file that holds source, since that may hold a password."),
		bind(Setting{
			Key: "replica", Secret: true, Otherwise: "the source",
			Help: "A replica of the source, from which exports read; requests and their state stay with the source.",
		}, dsn(), func(c *Config) *Secret { return &c.Replica }),
		fileFor("replica", "A file that holds replica."),
		bind(Setting{
			Key: "uploads", Otherwise: "embedded: uploads in data; else LOCAL_UPLOADS_DIR",
			Help: "The server's upload folder, with files and avatars in it.",
		}, path("DIR"), func(c *Config) *string { return &c.Uploads }),
		bind(Setting{
			Key: "archives", Otherwise: "avatars in uploads, as in Zulip; with files in S3 a bucket, as s3.archives_bucket says",
			Help: "The folder below which archives are, in exports/.",
		}, path("DIR"), func(c *Config) *string { return &c.Archives }),
		bind(Setting{
			Key: "work", Otherwise: "tmp in data",
			Help: "The folder for temporary files. It needs room for the largest files.",
		}, path("DIR"), func(c *Config) *string { return &c.Work }),
	}
}

func organizations() []setting {
	return []setting{
		bind(Setting{
			Key: "external_host", Otherwise: "EXTERNAL_HOST; embedded: localhost with the port of listen",
			Help: "The server's host. Organizations are at its subdomains.",
		}, host(), func(c *Config) *string { return &c.ExternalHost }),
		bind(Setting{
			Key: "scheme", Otherwise: "EXTERNAL_URI_SCHEME; else https, embedded: http",
			Help: "How browsers reach the server; links begin with it.",
		}, oneOf("https", "http"), func(c *Config) *string { return &c.Scheme }),
		bind(Setting{
			Key: "realm_hosts", Otherwise: "REALM_HOSTS",
			Help: "Organizations that have a host of their own.",
		}, hostsByRealm(), func(c *Config) *map[string]string { return &c.RealmHosts }),
		bind(Setting{
			Key: "root_subdomain_aliases", Default: "www",
			Help: "Subdomains that stand for the server's root. Zulip: ROOT_SUBDOMAIN_ALIASES.",
		}, listOf(label()), func(c *Config) *[]string { return &c.RootSubdomainAliases }),
		bind(Setting{
			Key: "root_domain_landing_page", Default: "false",
			Help: "Whether there is no organization at the server's root. Zulip: ROOT_DOMAIN_LANDING_PAGE.",
		}, boolean(), func(c *Config) *bool { return &c.RootLandingPage }),
		bind(Setting{
			Key: "allowed_hosts", Otherwise: "ALLOWED_HOSTS",
			Help: "Further hosts that requests may name. Those of organizations and localhost always may.",
		}, listOf(allowedHost()), func(c *Config) *[]string { return &c.AllowedHosts }),
		bind(Setting{
			Key: "trusted_proxies", Default: "127.0.0.0/8,::1/128",
			Help: "From where X-Forwarded-For is believed.",
		}, listOf(network()), func(c *Config) *[]netip.Prefix { return &c.TrustedProxies }),
		bind(Setting{
			Key: "administrator", Default: "zulip-admin@example.com",
			Help: "Whom refused requests name for help. A name before the address is left out. Zulip: ZULIP_ADMINISTRATOR.",
		}, address(), func(c *Config) *string { return &c.Administrator }),
		bind(Setting{
			Key: "avatar_salt", Secret: true, Otherwise: "avatar_salt of zulip.secrets; embedded: the store's own",
			Help: "What the names of avatar files are made with. Without it avatars are left out.",
		}, secret("text of printable characters", printableText), func(c *Config) *Secret { return &c.AvatarSalt }),
		fileFor("avatar_salt", "A file that holds avatar_salt."),
		bind(Setting{
			Key: "zulip_version", Otherwise: "as zulip.deployment says; embedded: the store's own",
			Help: "The server's version, which archives and server_settings name.",
		}, line("VERSION", "a version of printable characters"), func(c *Config) *string { return &c.ZulipVersion }),
		bind(Setting{
			Key: "zulip_merge_base", Otherwise: "as zulip.deployment says",
			Help: "The version that a server from Git is based on.",
		}, line("VERSION", "a version of printable characters"), func(c *Config) *string { return &c.ZulipMergeBase }),
		bind(Setting{
			Key: "zulip_feature_level", Default: "372",
			Help: "The level of Zulip's API that is announced and spoken. With zulip.deployment the server's own.",
		}, whole(oldestLevel, math.MaxInt32), func(c *Config) *int { return &c.ZulipFeatureLevel }),
	}
}

func work() []setting {
	return []setting{
		bind(Setting{
			Key: "profile", Default: "realmport",
			Help: "Defaults of policy: realmport's, or zulip for those of Zulip's own export.",
		}, oneOf(Realmport, Reference), func(c *Config) *Profile { return &c.Profile }),
		bind(Setting{
			Key: "workers", Otherwise: "one per processor, at most 8; embedded: one less",
			Help: "Parallel workers of one export, each with a connection; one more reads tables.",
		}, whole(1, mostWorkers), func(c *Config) *int { return &c.Workers }),
		bind(Setting{
			Key: "compression", Default: "2",
			Help: "From 1 (fast) to 9 (small).",
		}, whole(1, 9), func(c *Config) *int { return &c.Compression }),
		bind(Setting{
			Key: "concurrent_exports", Otherwise: "2; embedded: 1",
			Help: "How many exports a process works on at once. The others wait.",
		}, whole(1, mostExports), func(c *Config) *int { return &c.ConcurrentExports }),
		bind(Setting{
			Key: "rate_limit", Default: "60:200",
			Help: "How many requests a user may make, as Zulip writes it: in 60 seconds 200. Zulip: api_by_user of RATE_LIMITING_RULES.",
		}, rates(), func(c *Config) *Rates { return &c.RateLimit }),
		bind(Setting{
			Key: "max_body", Default: "25MiB",
			Help: "The largest request that is read.",
		}, size(1<<10), func(c *Config) *int64 { return &c.MaxBody }),
		bind(Setting{
			Key: "heartbeat", Default: "2s",
			Help: "How often a worker shows that it is alive, and how far it is.",
		}, duration(time.Second), func(c *Config) *time.Duration { return &c.Heartbeat }),
		bind(Setting{
			Key: "stale", Default: "1m",
			Help: "After how long without a heartbeat another worker takes over. At least three heartbeats.",
		}, duration(time.Second), func(c *Config) *time.Duration { return &c.Stale }),
		bind(Setting{
			Key: "shutdown", Default: "30s",
			Help: "How long requests and exports may take to end when the service is stopped.",
		}, duration(0), func(c *Config) *time.Duration { return &c.Shutdown }),
	}
}

func zulipFiles() []setting {
	return []setting{
		bind(Setting{
			Key:  "zulip.settings",
			Help: "The server's settings, usually /etc/zulip/settings.py. They hold for what is not set here. Only values that are written out are read; the file is not run.",
		}, path("FILE"), func(c *Config) *string { return &c.Zulip.Settings }),
		bind(Setting{
			Key:  "zulip.secrets",
			Help: "The server's secrets, usually /etc/zulip/zulip-secrets.conf. Of them, avatar_salt is read, and s3_key and s3_secret_key if anything is in S3.",
		}, path("FILE"), func(c *Config) *string { return &c.Zulip.Secrets }),
		bind(Setting{
			Key:  "zulip.deployment",
			Help: "The server's code, usually /home/zulip/deployments/current: its version is read, and its manage.py asked for migrations.",
		}, path("DIR"), func(c *Config) *string { return &c.Zulip.Deployment }),
		bind(Setting{
			Key:  "zulip.migration_status",
			Help: "migration_status.json of an earlier archive of the same server, for which manage.py need not be asked.",
		}, path("FILE"), func(c *Config) *string { return &c.Zulip.MigrationStatus }),
	}
}

func policy() []setting {
	return []setting{
		bind(Setting{
			Key: "policy.max_messages", Default: "10000000", Reference: "250000",
			Help: "The most messages of an organization that is exported on request; 0 for no limit.",
		}, whole[int64](0, math.MaxInt64), func(c *Config) *int64 { return &c.Policy.MaxMessages }),
		bind(Setting{
			Key: "policy.max_upload_bytes", Default: "1TiB", Reference: "20GiB",
			Help: "The most bytes of uploads of an organization that is exported on request; 0 for no limit.",
		}, size(0), func(c *Config) *int64 { return &c.Policy.MaxUploadBytes }),
		bind(Setting{
			Key: "policy.exports_per_week", Default: "5",
			Help: "How many exports an organization may ask for in seven days; 0 for no limit.",
		}, whole(0, math.MaxInt32), func(c *Config) *int { return &c.Policy.ExportsPerWeek }),
		bind(Setting{
			Key: "policy.count_failed", Default: "false", Reference: "true",
			Help: "Whether exports that failed count among them.",
		}, boolean(), func(c *Config) *bool { return &c.Policy.CountFailed }),
		bind(Setting{
			Key: "policy.who", Default: "administrators",
			Help: "Who may ask for exports: administrators and owners, or owners alone.",
		}, oneOf(Administrators, Owners), func(c *Config) *Who { return &c.Policy.Who }),
		bind(Setting{
			Key: "policy.full", Default: "false",
			Help: "Whether owners may ask for full exports too, which do not ask members for their consent.",
		}, boolean(), func(c *Config) *bool { return &c.Policy.Full }),
		bind(Setting{
			Key: "policy.resend_window", Default: "1m", Reference: "0s",
			Help: "A request that is sent again within this time, as clients do after an error of the network, gets the same export.",
		}, duration(0), func(c *Config) *time.Duration { return &c.Policy.ResendWindow }),
		bind(Setting{
			Key: "policy.redelivery", Default: "keep", Reference: "fail",
			Help: "What becomes of an export whose job comes twice: keep makes it if it has not ended, fail marks it as failed whatever it was.",
		}, oneOf(Keep, Fail), func(c *Config) *Redelivery { return &c.Policy.Redelivery }),
		bind(Setting{
			Key: "policy.attempts", Default: "3", Reference: "1",
			Help: "How often an export is tried before it fails.",
		}, whole(1, 100), func(c *Config) *int { return &c.Policy.Attempts }),
	}
}

func rest() []setting {
	return []setting{
		bind(Setting{
			Key: "download.require_login", Default: "false",
			Help: "Whether archives are for logged-in administrators only. Else whoever has the secret link may fetch one, as in Zulip.",
		}, boolean(), func(c *Config) *bool { return &c.Download.RequireLogin }),
		bind(Setting{
			Key: "download.ttl", Default: "0s",
			Help: "How long a link to an archive works. Each list of exports has new ones. 0 for as long as the archive is there, in a bucket of its own a week, which is the longest there.",
		}, duration(0), func(c *Config) *time.Duration { return &c.Download.TTL }),
		bind(Setting{
			Key: "download.key", Secret: true, Otherwise: "data's own",
			Help: "What links that expire are signed with, where several processes serve the same archives: the same for all, of 32 characters or more.",
		}, secret("text of at least 32 printable characters", func(s string) bool { return len(s) >= 32 && printableText(s) }),
			func(c *Config) *Secret { return &c.Download.Key }),
		fileFor("download.key", "A file that holds download.key."),
		bind(Setting{
			Key: "jobs.database", Secret: true, Otherwise: "the source's database; embedded: a file in data",
			Help: "The PostgreSQL database of the queue and of the state of running exports.",
		}, dsn(), func(c *Config) *Secret { return &c.Jobs.Database }),
		fileFor("jobs.database", "A file that holds jobs.database."),
		bind(Setting{
			Key: "jobs.schema", Default: "realmport",
			Help: "The schema of the queue's tables. It is made if the role may do that.",
		}, schema(), func(c *Config) *string { return &c.Jobs.Schema }),
		bind(Setting{
			Key: "log.level", Default: "info",
			Help: "The least that is logged.",
		}, level(), func(c *Config) *slog.Level { return &c.Log.Level }),
		bind(Setting{
			Key: "log.format", Default: "text",
			Help: "text for key=value, json for an object in each line.",
		}, oneOf("text", "json"), func(c *Config) *string { return &c.Log.Format }),
	}
}
