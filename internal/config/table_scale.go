package config

import (
	"math"
	"time"
)

func storage() []setting {
	return []setting{
		bind(Setting{
			Key: "s3.endpoint", Otherwise: "S3_ENDPOINT_URL; else AWS",
			Help: "The storage's address, if it is not AWS.",
		}, endpoint(), func(c *Config) *string { return &c.S3.Endpoint }),
		bind(Setting{
			Key: "s3.region", Otherwise: "S3_REGION; else as the endpoint or AWS_REGION says",
			Help: "The region of the buckets.",
		}, region(), func(c *Config) *string { return &c.S3.Region }),
		bind(Setting{
			Key: "s3.addressing", Default: "auto",
			Help: "Whether requests name the bucket in the path or, virtual, in the host. Zulip: S3_ADDRESSING_STYLE.",
		}, oneOf("auto", "path", "virtual"), func(c *Config) *string { return &c.S3.Addressing }),
		bind(Setting{
			Key: "s3.access_key", Secret: true, Otherwise: "s3_key of zulip.secrets; else AWS's standard places",
			Help: "The key by which the storage knows realmport.",
		}, secret("text of printable characters", printableText), func(c *Config) *Secret { return &c.S3.AccessKey }),
		bind(Setting{
			Key: "s3.secret_key", Secret: true, Otherwise: "s3_secret_key of zulip.secrets",
			Help: "The secret that belongs to s3.access_key.",
		}, secret("text of printable characters", printableText), func(c *Config) *Secret { return &c.S3.SecretKey }),
		fileFor("s3.secret_key", "A file that holds s3.secret_key."),
		bind(Setting{
			Key: "s3.profile", Otherwise: "AWS_PROFILE",
			Help: "The profile in AWS's credentials file to use in place of keys.",
		}, line("NAME", "a name of printable characters"), func(c *Config) *string { return &c.S3.Profile }),
		bind(Setting{
			Key: "s3.sse", Otherwise: "as the bucket says",
			Help: "How the storage encrypts archives.",
		}, optional(oneOf("AES256", "aws:kms")), func(c *Config) *string { return &c.S3.SSE }),
		bind(Setting{
			Key: "s3.kms_key", Otherwise: "the account's",
			Help: "The key for s3.sse aws:kms: its ID, ARN or alias.",
		}, line("KEY", "a key's name of printable characters"), func(c *Config) *string { return &c.S3.KMSKey }),
		bind(Setting{
			Key: "s3.uploads_bucket", Otherwise: "S3_AUTH_UPLOADS_BUCKET, if there is no LOCAL_UPLOADS_DIR",
			Help: "The bucket of the server's uploaded files, in place of the folder uploads.",
		}, bucket(), func(c *Config) *string { return &c.S3.Uploads }),
		bind(Setting{
			Key: "s3.avatars_bucket", Otherwise: "S3_AVATAR_BUCKET, if there is no LOCAL_UPLOADS_DIR",
			Help: "The bucket of the server's avatars, emoji and icons.",
		}, bucket(), func(c *Config) *string { return &c.S3.Avatars }),
		bind(Setting{
			Key: "s3.archives_bucket", Otherwise: "S3_EXPORT_BUCKET; with files in S3 and no archives, s3.avatars_bucket, as in Zulip",
			Help: "The bucket of archives, in place of the folder archives. Several processes can share it. Without it, the bucket of avatars if the files are in buckets.",
		}, bucket(), func(c *Config) *string { return &c.S3.Archives }),
		bind(Setting{
			Key: "s3.parallel", Default: "32",
			Help: "How many objects an export reads at the same time.",
		}, whole(1, 256), func(c *Config) *int { return &c.S3.Parallel }),
	}
}

func scale() []setting {
	return []setting{
		bind(Setting{
			Key: "parts.min_messages", Default: "100000",
			Help: "An organization of that many messages is exported by all workers together, each making parts; smaller ones by a single worker. Needs archives in a bucket.",
		}, whole[int64](0, math.MaxInt64), func(c *Config) *int64 { return &c.Parts.MinMessages }),
		bind(Setting{
			Key: "parts.min_upload_bytes", Default: "1GiB",
			Help: "So is an organization with uploads of that size.",
		}, size(0), func(c *Config) *int64 { return &c.Parts.MinUploadBytes }),
		bind(Setting{
			Key: "parts.width", Default: "32",
			Help: "How many parts of an export are asked for at the same time.",
		}, whole(1, 1024), func(c *Config) *int { return &c.Parts.Width }),
		bind(Setting{
			Key: "parts.tries", Default: "3",
			Help: "How often a part is tried before the export fails.",
		}, whole(1, 20), func(c *Config) *int { return &c.Parts.Tries }),
	}
}

func limits() []setting {
	return []setting{
		bind(Setting{
			Key: "limits.exports", Default: "0",
			Help: "How many exports all processes together work on at once; 0 for no limit but concurrent_exports of each.",
		}, whole(0, math.MaxInt32), func(c *Config) *int { return &c.Limits.Exports }),
		bind(Setting{
			Key: "limits.exports_per_realm", Default: "1",
			Help: "How many exports of one organization are at work at once; 0 for no limit.",
		}, whole(0, math.MaxInt32), func(c *Config) *int { return &c.Limits.ExportsPerRealm }),
		bind(Setting{
			Key: "limits.rows_per_second", Default: "0",
			Help: "How many rows a process reads in a second from the source; 0 for no limit.",
		}, whole[int64](0, math.MaxInt64), func(c *Config) *int64 { return &c.Limits.RowsPerSecond }),
		bind(Setting{
			Key: "limits.bytes_per_second", Default: "0",
			Help: "How many bytes a process reads in a second from the source; 0 for no limit.",
		}, size(0), func(c *Config) *int64 { return &c.Limits.BytesPerSecond }),
		bind(Setting{
			Key: "limits.replication_lag", Default: "0s",
			Help: "Exports pause while a replica is further behind; 0 for no limit.",
		}, duration(0), func(c *Config) *time.Duration { return &c.Limits.ReplicationLag }),
		bind(Setting{
			Key: "limits.replication_lag_bytes", Default: "0",
			Help: "Exports pause while a replica lacks more of the log; 0 for no limit. A primary knows it also of a replica that replays nothing.",
		}, size(0), func(c *Config) *int64 { return &c.Limits.ReplicationLagBytes }),
		bind(Setting{
			Key: "limits.statements", Default: "0",
			Help: "Exports pause while others run more statements on the database; 0 for no limit.",
		}, whole(0, math.MaxInt32), func(c *Config) *int { return &c.Limits.Statements }),
		bind(Setting{
			Key: "limits.connections", Default: "0",
			Help: "Exports pause while more than this percentage of the database's connections is in use; 0 for no limit.",
		}, whole(0, 100), func(c *Config) *int { return &c.Limits.Connections }),
		bind(Setting{
			Key: "limits.snapshot_age", Default: "1d",
			Help: "An export whose snapshot is older is given up, since the database cannot clean up behind it; 0 for no limit.",
		}, duration(0), func(c *Config) *time.Duration { return &c.Limits.SnapshotAge }),
		bind(Setting{
			Key: "limits.statement_timeout", Default: "0s",
			Help: "PostgreSQL's statement_timeout for exports; 0 for none. The statements of an export are long.",
		}, timeout(), func(c *Config) *time.Duration { return &c.Limits.StatementTimeout }),
		bind(Setting{
			Key: "limits.lock_timeout", Default: "1m",
			Help: "PostgreSQL's lock_timeout: how long an export waits behind a change of a table; 0 for no limit.",
		}, timeout(), func(c *Config) *time.Duration { return &c.Limits.LockTimeout }),
		bind(Setting{
			Key: "limits.idle_timeout", Default: "0s",
			Help: "PostgreSQL's idle_in_transaction_session_timeout; 0 for none. The transaction that holds a snapshot is idle for as long as others make the parts.",
		}, timeout(), func(c *Config) *time.Duration { return &c.Limits.IdleTimeout }),
	}
}
