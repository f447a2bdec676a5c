package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/postgres"
	"github.com/realmport/realmport/internal/progress"
	"github.com/realmport/realmport/internal/zulip"
)

type exportCmd struct {
	Source string `placeholder:"URL" env:"REALMPORT_SOURCE" help:"The server's database: postgres://USER@HOST:PORT/DATABASE. What it leaves open comes from PG* variables and ~/.pgpass, where passwords are better kept than in a command line."`
	Realm  string `required:"" placeholder:"NAME" help:"The organization's string_id, which is its subdomain (\"\" for the one at the server's root)."`
	Type   string `required:"" enum:"public,standard,full" placeholder:"public|standard|full" help:"public: public channels only. standard: also the private data of members who consent. full: everything."`
	Out    string `required:"" type:"path" placeholder:"FILE.tar.gz" help:"The archive to write."`

	Uploads      string `type:"path" placeholder:"DIR" help:"The server's upload folder, with files and avatars in it (LOCAL_UPLOADS_DIR). Without it all files are left out."`
	AvatarSalt   string `placeholder:"SALT" env:"REALMPORT_AVATAR_SALT" xor:"salt" help:"The server's avatar_salt, which avatar files are named by. Prefer --zulip-secrets: command lines are visible to others."`
	ZulipSecrets string `type:"path" placeholder:"FILE" xor:"salt" help:"Read the avatar salt from the server's zulip-secrets.conf."`

	ExternalHost    string `placeholder:"HOST" help:"The server's EXTERNAL_HOST, for made-up addresses in place of hidden ones. Default: as the server itself did."`
	ZulipVersion    string `placeholder:"V" help:"The server's version, such as 11.0. The importing server must be of the same major version."`
	MigrationStatus string `type:"path" placeholder:"FILE" xor:"migrations" help:"migration_status.json of an earlier archive of the same server."`
	ZulipDeployment string `type:"path" placeholder:"DIR" xor:"migrations" help:"Ask the server's own code for version and migrations, by its manage.py: /home/zulip/deployments/current."`

	AllowUnusable bool `help:"Export even if no owner could log in after an import."`
	Workers       int  `placeholder:"N" help:"Parallel workers, each with a database connection; one more reads tables. Default: one per processor, at most 8."`
	Compression   int  `placeholder:"LEVEL" default:"2" help:"1 (fast) to 9 (small)."`
	Force         bool `help:"Replace an existing archive."`
	JSON          bool `name:"json" help:"Print JSON objects, one per line."`
	Quiet         bool `short:"q" help:"No progress and no summary."`
}

// Help is shown by export --help.
func (exportCmd) Help() string {
	return `Example, on a Zulip server, as user zulip:

  realmport export --source postgres:///zulip --realm community --type standard
    --uploads /home/zulip/uploads --zulip-secrets /etc/zulip/zulip-secrets.conf
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
	if c.Workers == 0 {
		c.Workers = min(runtime.GOMAXPROCS(0), defaultWorkers)
	}
	out, err := local.Create(c.Out, c.Force)
	if err != nil {
		return err
	}
	summary, err := c.export(ctx, m, out)
	if err != nil {
		return errors.Join(err, out.Abort())
	}
	c.report(m, summary)
	if summary.Partial() {
		return errPartial
	}
	return nil
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
	reporter := progress.New(c.stream(m), c.style(m), opts.Meter, m.Now, m.Width)
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
	// One connection more than workers: tables are read beside the messages.
	if opts.Source, err = postgres.Open(c.Source, postgres.Options{Connections: c.Workers + 1, Log: log}); err != nil {
		return opts, err
	}
	if c.ZulipSecrets != "" {
		if opts.AvatarSalt, err = zulip.AvatarSalt(c.ZulipSecrets); err != nil {
			return opts, err
		}
	}
	opts.Migrations, err = c.migrations(ctx, log)
	return opts, err
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

// stream is where progress goes.
func (c *exportCmd) stream(m *Main) io.Writer {
	if c.JSON {
		return m.Stdout
	}
	return m.Stderr
}

func (c *exportCmd) style(m *Main) progress.Style {
	switch {
	case c.Quiet:
		return progress.None
	case c.JSON:
		return progress.JSON
	case m.Terminal:
		return progress.Bar
	default:
		return progress.Lines
	}
}

// report prints the summary.
func (c *exportCmd) report(m *Main, s *realmport.Summary) {
	if c.JSON {
		m.object(m.Stdout, struct {
			MessageType string `json:"message_type"`
			Out         string `json:"out"`
			*realmport.Summary
		}{"summary", c.Out, s})
		return
	}
	if c.Quiet && !s.Partial() {
		return
	}
	w := m.Stdout
	fmt.Fprintf(w, "exported %q (%s) to %s\n", s.Realm, s.Type, c.Out)
	fmt.Fprintf(w, "  %s with %s, %s, %s\n", progress.Plural(s.Messages, "message"), progress.Plural(s.UserMessages, "usermessage"),
		progress.Plural(s.Users, "user"), progress.Plural(s.Rows, "row")+" in all")
	fmt.Fprintf(w, "  %s (%s)\n", progress.Plural(s.Files, "file"), progress.Bytes(s.FileBytes))
	fmt.Fprintf(w, "  archive of %s in %.1f s\n", progress.Bytes(s.Bytes), s.Seconds)
	fmt.Fprintf(w, "  SHA-256 %s\n", s.SHA256)
	reportMissing(w, s)
}

func reportMissing(w io.Writer, s *realmport.Summary) {
	if !s.Partial() {
		fmt.Fprintln(w, "  nothing is missing")
		return
	}
	total := 0
	var kinds []string
	for kind, n := range s.Missing {
		total += n
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, n))
	}
	slices.Sort(kinds)
	fmt.Fprintf(w, "  left out: %v (all in missing.json of the archive)\n", kinds)
	const shown = 5
	for i, miss := range s.Examples {
		if i == shown {
			break
		}
		fmt.Fprintf(w, "    %s %d %q: %s\n", miss.Kind, miss.ID, miss.Path, miss.Reason)
	}
	if total > shown {
		fmt.Fprintf(w, "    and %s more\n", progress.Count(int64(total-shown)))
	}
}
