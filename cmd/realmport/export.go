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
	Out    string `required:"" type:"path" placeholder:"FILE.tar.gz" help:"The archive to write."`

	Uploads      string `type:"path" placeholder:"DIR" help:"The server's upload folder, with files and avatars in it (LOCAL_UPLOADS_DIR). Without it all files are left out."`
	AvatarSalt   string `placeholder:"SALT" xor:"salt" help:"The server's avatar_salt, which avatar files are named by. Prefer --zulip-secrets, or $REALMPORT_AVATAR_SALT: command lines are visible to others."`
	ZulipSecrets string `type:"path" placeholder:"FILE" xor:"salt" help:"Read the avatar salt from the server's zulip-secrets.conf."`

	ExternalHost    string `placeholder:"HOST" help:"The server's EXTERNAL_HOST, which the made-up e-mail addresses that replace hidden ones end in. Default: as in those that the server made."`
	ZulipVersion    string `placeholder:"V" help:"The server's version, such as 11.0. The importing server must be of the same major version."`
	MigrationStatus string `type:"path" placeholder:"FILE" xor:"migrations" help:"migration_status.json of an earlier archive of the same server."`
	ZulipDeployment string `type:"path" placeholder:"DIR" xor:"migrations" help:"Ask the server's own code for version and migrations, by its manage.py: /home/zulip/deployments/current."`

	AllowUnusable bool `help:"Export even if no owner could log in after an import."`
	Workers       int  `placeholder:"N" help:"Parallel workers, each with a database connection; one more reads tables. Default: one per processor, at most 8."`
	Compression   int  `placeholder:"LEVEL" default:"2" help:"1 (fast) to 9 (small). Default: 2."`
	Force         bool `help:"Replace an existing archive."`
	JSON          bool `name:"json" help:"Print JSON objects, one per line."`
	Quiet         bool `short:"q" help:"Only warnings, errors and what is missing; with --json also the summary."`
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
	out, err := local.Create(c.Out, c.Force)
	if err != nil {
		return err
	}
	summary, err := c.export(ctx, m, out)
	if err != nil {
		return errors.Join(c.explain(ctx, err), out.Abort())
	}
	c.report(m, summary)
	if summary.Partial() {
		return errPartial
	}
	return nil
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
func (c *exportCmd) export(ctx context.Context, m *Main, out realmport.Output) (*realmport.Summary, error) {
	log := slog.New(&messages{main: m, json: c.JSON})
	opts, err := c.options(ctx, log)
	if err != nil {
		return nil, err
	}
	if c.Uploads != "" {
		files, err := local.OpenFiles(c.Uploads)
		if err != nil {
			return nil, err
		}
		defer files.Close()
		opts.Files = files
	} else {
		log.Warn("no --uploads: uploaded files, avatars, custom emoji and icons are left out")
	}
	opts.Output = out
	reporter := m.reporter(opts.Meter, c.JSON, c.Quiet)
	reporter.Start()
	defer reporter.Stop()
	summary, err := export.Run(ctx, opts)
	if err != nil {
		return nil, err
	}
	summary.Seconds = reporter.Elapsed().Seconds()
	return summary, nil
}

func (c *exportCmd) options(ctx context.Context, log *slog.Logger) (export.Options, error) {
	opts := export.Options{
		Realm: c.Realm, AvatarSalt: c.AvatarSalt, ExternalHost: c.ExternalHost, AllowUnusable: c.AllowUnusable,
		Workers: c.Workers, Compression: c.Compression, Spool: filepath.Dir(c.Out), Meter: &realmport.Meter{}, Log: log,
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
