package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/datadir"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/postgres"
	"github.com/realmport/realmport/internal/sqlite"
	"github.com/realmport/realmport/internal/zulip"
)

type exportCmd struct {
	Source string `placeholder:"URL" help:"The server's database: postgres://USER@HOST:PORT/DATABASE, or sqlite:DIR for the embedded store in a data folder. Default: $REALMPORT_SOURCE. What it leaves open comes from PG* variables and ~/.pgpass, where passwords are better kept than in a command line."`
	Realm  string `required:"" placeholder:"NAME" help:"The organization's string_id, which is its subdomain (\"\" for the one at the server's root)."`
	Type   string `required:"" enum:"public,standard,full" placeholder:"public|standard|full" help:"public: public channels only. standard: also the private data of members who consent. full: everything."`
	Out    string `required:"" placeholder:"FILE.tar.gz" help:"The archive to write: a file, or s3://BUCKET/KEY."`

	Uploads      string `type:"path" placeholder:"DIR" help:"The server's upload folder, with files and avatars in it (LOCAL_UPLOADS_DIR). Without it all files are left out."`
	AvatarSalt   string `placeholder:"SALT" xor:"salt" help:"The server's avatar_salt, which avatar files are named by. Prefer --zulip-secrets, or $REALMPORT_AVATAR_SALT: command lines are visible to others."`
	ZulipSecrets string `type:"path" placeholder:"FILE" xor:"salt" help:"Read the avatar salt from the server's zulip-secrets.conf."`

	ExternalHost    string `placeholder:"HOST" help:"The server's EXTERNAL_HOST, which the made-up e-mail addresses that replace hidden ones end in. Default: as in those that the server made."`
	ZulipVersion    string `placeholder:"V" help:"The server's version, such as 11.0. The importing server must be of the same major version."`
	MigrationStatus string `type:"path" placeholder:"FILE" xor:"migrations" help:"migration_status.json of an earlier archive of the same server."`
	ZulipDeployment string `type:"path" placeholder:"DIR" xor:"migrations" help:"Ask the server's own code for version and migrations, by its manage.py: /home/zulip/deployments/current."`

	AllowUnusable bool    `help:"Export even if no owner could log in after an import."`
	Workers       int     `placeholder:"N" help:"Parallel workers, each with a database connection; one more reads tables. Default: one per processor, at most 8."`
	Compression   int     `placeholder:"LEVEL" default:"2" help:"1 (fast) to 9 (small). Default: 2."`
	Jobs          string  `placeholder:"URL" help:"The PostgreSQL database of a service's jobs (jobs.database): processes started with realmport work help with the export, on any machine. [REALMPORT_JOBS_DATABASE]"`
	JobsSchema    string  `placeholder:"NAME" default:"realmport" help:"The schema of the jobs. Default: realmport."`
	S3            s3Flags `embed:"" prefix:"s3-" group:"Buckets:"`
	Force         bool    `help:"Replace an existing archive."`
	JSON          bool    `name:"json" help:"Print JSON objects, one per line."`
	Quiet         bool    `short:"q" help:"Only warnings, errors and what is missing; with --json also the summary."`
}

// Help is shown by export --help.
func (exportCmd) Help() string {
	return `Example, on a Zulip server, as user zulip:

  realmport export --source postgres:///zulip --realm community --type standard \
    --uploads /home/zulip/uploads --zulip-secrets /etc/zulip/zulip-secrets.conf \
    --zulip-deployment /home/zulip/deployments/current --out community.tar.gz

The server may stay in use: all rows are read from one snapshot of its database. Files that
are missing do not stop the export; they are listed in missing.json in the archive.

` + statuses
}

const (
	mostWorkers    = 256
	defaultWorkers = 8 // at most
)

// Run exports.
func (c *exportCmd) Run(ctx context.Context, m *Main) error {
	if c.Workers < 0 || c.Workers > mostWorkers {
		return realmport.Errorf(realmport.Invalid, "--workers is %d: it must be between 1 and %d", c.Workers, mostWorkers)
	}
	if c.Compression < 1 || c.Compression > 9 {
		return realmport.Errorf(realmport.Invalid, "--compression is %d: it must be between 1 and 9", c.Compression)
	}
	if c.Out == "-" {
		return realmport.Errorf(realmport.Invalid, "--out is -: an archive needs a file, since its name must not appear before it is whole")
	}
	c.environment(m.Env)
	c.embedded()
	if c.Workers == 0 {
		c.Workers = min(runtime.GOMAXPROCS(0), defaultWorkers)
	}
	summary, err := c.try(ctx, m)
	if err != nil {
		return err
	}
	c.report(m, summary)
	if summary.Partial() {
		return errPartial
	}
	return nil
}

// conflictTries is how often an export is begun that a standby breaks off, since its snapshot was in the way of what it had to replay.
const conflictTries = 3

// try exports, and once more if a standby was in the way.
func (c *exportCmd) try(ctx context.Context, m *Main) (*realmport.Summary, error) {
	for n := 1; ; n++ {
		out, err := c.create(ctx, m)
		if err != nil {
			return nil, err
		}
		summary, err := c.export(ctx, m, out)
		if err == nil {
			return summary, nil
		}
		err = errors.Join(c.explain(ctx, err), out.Abort())
		if n == conflictTries || ctx.Err() != nil || !inConflict(err) {
			return nil, err
		}
		slog.New(&messages{main: m, json: c.JSON}).Warn("the export is begun anew", "err", err)
	}
}

// inConflict tells whether a standby broke the export off.
func inConflict(err error) bool {
	var e *realmport.Error
	return errors.As(err, &e) && e.Details[postgres.ConflictWithRecovery] == true
}

// explain says what stopped an export, where the error itself does not.
func (c *exportCmd) explain(ctx context.Context, err error) error {
	var known *realmport.Error
	switch {
	case ctx.Err() != nil:
		return realmport.Errorf(realmport.Interrupted, "%w: no archive was written", context.Cause(ctx))
	case errors.As(err, &known):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &realmport.Error{
			Code: realmport.Internal, Err: err,
			Message: fmt.Sprintf("no space left for temporary files in %s: free some, or choose another place with --out", filepath.Dir(c.Out)),
		}
	default:
		return err
	}
}

// environment takes from the environment what the command line leaves open.
func (c *exportCmd) environment(env func(string) string) {
	if c.Source == "" {
		c.Source = env("REALMPORT_SOURCE")
	}
	if c.Jobs == "" {
		c.Jobs = env("REALMPORT_JOBS_DATABASE")
	}
	c.S3.environment(env)
	if c.AvatarSalt == "" && c.ZulipSecrets == "" {
		c.AvatarSalt = env("REALMPORT_AVATAR_SALT")
	}
}

// embeddedScheme begins the name of a source that is a data folder.
const embeddedScheme = "sqlite:"

// embedded takes from a data folder what the command line leaves open.
func (c *exportCmd) embedded() {
	dir, ok := strings.CutPrefix(c.Source, embeddedScheme)
	if !ok {
		return
	}
	there := func(name string) bool { _, err := os.Stat(name); return err == nil }
	if name := datadir.Uploads(dir); c.Uploads == "" && there(name) {
		c.Uploads = name
	}
	if name := datadir.SecretsFile(dir); c.AvatarSalt == "" && c.ZulipSecrets == "" && there(name) {
		c.ZulipSecrets = name
	}
	if name := datadir.MigrationStatus(dir); c.MigrationStatus == "" && c.ZulipDeployment == "" && there(name) {
		c.MigrationStatus = name
	}
}

// export runs the engine with progress.
func (c *exportCmd) export(ctx context.Context, m *Main, out *target) (summary *realmport.Summary, err error) {
	log := slog.New(&messages{main: m, json: c.JSON})
	opts, err := c.options(ctx, log)
	if err != nil {
		return nil, err
	}
	closeFiles, err := c.openFiles(ctx, m, &opts, log)
	if err != nil {
		return nil, err
	}
	defer closeFiles()
	if c.Jobs != "" {
		leave, err := c.joinTeam(ctx, log, &opts, out.stock)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, leave()) }()
	}
	opts.Output = out.Output
	reporter := m.reporter(opts.Meter, c.JSON, c.Quiet)
	reporter.Start()
	defer reporter.Stop()
	if summary, err = export.Run(ctx, opts); err != nil {
		return nil, err
	}
	if out.digest != nil {
		summary.SHA256 = out.digest()
	}
	summary.Seconds = reporter.Elapsed().Seconds()
	return summary, nil
}

// openFiles opens the place of the server's files, if one was named.
func (c *exportCmd) openFiles(ctx context.Context, m *Main, opts *export.Options, log *slog.Logger) (closeFiles func(), err error) {
	switch {
	case (c.S3.Uploads == "") != (c.S3.Avatars == ""):
		return nil, realmport.Errorf(realmport.Invalid, "a server has its files in two buckets: give both --s3-uploads-bucket and --s3-avatars-bucket")
	case c.Uploads != "" && c.S3.Uploads != "":
		return nil, realmport.Errorf(realmport.Invalid, "--uploads is a folder and --s3-uploads-bucket a bucket: a server has its files in one of them")
	case c.S3.Uploads != "":
		client, err := c.S3.open(ctx, m.Env, c.S3.Uploads, c.S3.Avatars)
		if err != nil {
			return nil, err
		}
		opts.Files = s3.OpenFiles(client, s3.FilesConfig{Uploads: c.S3.Uploads, Avatars: c.S3.Avatars})
	case c.Uploads != "":
		files, err := local.OpenFiles(c.Uploads)
		if err != nil {
			return nil, err
		}
		opts.Files = files
		return func() { _ = files.Close() }, nil
	default:
		log.Warn("no --uploads: uploaded files, avatars, custom emoji and icons are left out")
	}
	return func() {}, nil
}

func (c *exportCmd) options(ctx context.Context, log *slog.Logger) (export.Options, error) {
	opts := export.Options{
		Realm: c.Realm, AvatarSalt: c.AvatarSalt, ExternalHost: c.ExternalHost, AllowUnusable: c.AllowUnusable,
		Workers: c.Workers, Compression: c.Compression, Spool: c.spool(), Meter: &realmport.Meter{}, Log: log,
	}
	var err error
	if opts.Type, err = realmport.ParseExportType(c.Type); err != nil {
		return opts, err
	}
	if opts.Source, err = c.open(log); err != nil {
		return opts, err
	}
	if c.ZulipSecrets != "" {
		if opts.AvatarSalt, err = zulip.AvatarSalt(c.ZulipSecrets); err != nil {
			return opts, err
		}
	}
	if dir, ok := strings.CutPrefix(c.Source, embeddedScheme); ok {
		if opts.AvatarNames, err = datadir.ReadAvatars(dir); err != nil {
			return opts, err
		}
	}
	opts.Migrations, err = c.migrations(ctx, log)
	return opts, err
}

// spool is the folder for temporary files: beside the archive, or the system's.
func (c *exportCmd) spool() string {
	if strings.HasPrefix(c.Out, bucketScheme) {
		return os.TempDir()
	}
	return filepath.Dir(c.Out)
}

// open opens the source, with one connection more than workers: tables are read beside the messages.
func (c *exportCmd) open(log *slog.Logger) (realmport.Source, error) {
	if dir, ok := strings.CutPrefix(c.Source, embeddedScheme); ok {
		return sqlite.Open(datadir.Organization(dir), sqlite.Options{Connections: c.Workers + 1, Log: log})
	}
	return postgres.Open(c.Source, postgres.Options{Connections: c.Workers + 1, Log: log})
}

// migrations makes migration_status.json from the best source there is.
func (c *exportCmd) migrations(ctx context.Context, log *slog.Logger) ([]byte, error) {
	var s zulip.Status
	var err error
	switch {
	case c.ZulipDeployment != "":
		s, err = zulip.AskDeployment(ctx, c.ZulipDeployment)
	case c.MigrationStatus != "":
		s, err = zulip.ReadStatus(c.MigrationStatus)
	default:
		log.Warn("no --zulip-deployment or --migration-status: the importing server cannot check that its migrations are the same")
	}
	if err != nil {
		return nil, err
	}
	if c.ZulipVersion != "" {
		s.ZulipVersion = c.ZulipVersion
	}
	if s.ZulipVersion == "" {
		s.ZulipVersion = "unknown"
		log.Warn("the server's version is unknown: Zulip will refuse to import the archive; give --zulip-version")
	}
	return s.JSON()
}
