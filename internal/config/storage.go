package config

import "time"

// S3 is a storage of buckets, and what of the server's is in which. Without names of buckets nothing is in S3.
type S3 struct {
	Endpoint   string // https://HOST or http://HOST:PORT; "" for AWS
	Region     string // "" for what the endpoint's name or AWS's variables say
	Addressing string // auto, path or virtual
	AccessKey  Secret // "" for AWS's standard places: environment, credentials file, role of the machine
	SecretKey  Secret // "" if there is no AccessKey
	Profile    string // of the credentials file; "" for the usual one
	SSE        string // "" (as the bucket says), AES256 or aws:kms
	KMSKey     string // "" for the account's
	Uploads    string // the bucket of uploaded files; with it there is one of avatars
	Avatars    string // the bucket of avatars, emoji and icons
	Archives   string // the bucket of archives; "" if ArchiveBucket says otherwise
	Parallel   int    // objects read at the same time
}

// Parts says which exports are made by several workers, and how.
type Parts struct {
	MinMessages    int64 // of an organization whose exports are made by all workers together
	MinUploadBytes int64 // or that many bytes of uploads
	Width          int   // parts of an export that are asked for at the same time
	Tries          int   // of a part
}

// Limits protect the databases. 0 is none.
type Limits struct {
	Exports         int           // at work at once, over all processes
	ExportsPerRealm int           // of these, of one organization
	RowsPerSecond   int64         // of a process
	BytesPerSecond  int64         // of a process
	ReplicationLag  time.Duration // exports pause while it is over that
	// ReplicationLagBytes and Statements, of others, are further bounds beyond which exports pause.
	ReplicationLagBytes int64
	Statements          int
	Connections         int           // percent of the server's connections in use; exports pause while it is over that
	SnapshotAge         time.Duration // after which an export is given up, since the database keeps dead rows for it
	StatementTimeout    time.Duration // whole milliseconds, as the others
	LockTimeout         time.Duration
	IdleTimeout         time.Duration // in a transaction
}

// ObjectUploads tells whether the server's files are in buckets.
func (c *Config) ObjectUploads() bool {
	return c.Uploads == "" && c.S3.Uploads != "" && c.S3.Avatars != ""
}

// ArchiveBucket is the bucket of archives; "" if they are in a folder. Shared says that it is Zulip's bucket of avatars, of which everybody
// can read what is below exports/ by its secret name.
func (c *Config) ArchiveBucket() (bucket string, shared bool) {
	switch {
	case c.Archives != "":
		return "", false
	case c.S3.Archives != "":
		return c.S3.Archives, c.S3.Archives == c.S3.Avatars
	case c.ObjectUploads():
		return c.S3.Avatars, true
	default:
		return "", false
	}
}

// Shared tells whether exports may be made by several processes: all of them have the source, the queue and the archives.
func (c *Config) Shared() bool {
	bucket, _ := c.ArchiveBucket()
	return !c.Embedded() && bucket != ""
}
