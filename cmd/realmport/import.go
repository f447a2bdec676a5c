package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/datadir"
	"github.com/realmport/realmport/internal/importer"
	"github.com/realmport/realmport/internal/progress"
	"github.com/realmport/realmport/internal/sqlite"
)

type importCmd struct {
	Archive  string `arg:"" type:"path" placeholder:"ARCHIVE.tar.gz" help:"The archive, of realmport or of any Zulip server; - for standard input."`
	Data     string `type:"path" default:"./realmport-data" placeholder:"DIR" help:"The data folder to fill, which has no organization yet. Default: ./realmport-data."`
	MaxBytes int64  `placeholder:"N" help:"The most that the archive may unpack to. Default: the free space of the disk."`
	JSON     bool   `help:"Print everything as JSON, one object per line."`
	Quiet    bool   `short:"q" help:"Print errors and warnings only."`
}

// Help is shown below the flags.
func (importCmd) Help() string {
	return `Everything is read in one pass and kept in one transaction: an archive that is hostile, damaged or contradicts itself leaves nothing behind.
Ids are kept. API keys, which archives do not hold, are made anew. Afterwards "realmport serve --data DIR" serves the organization, and
"realmport export --source sqlite:DIR" exports it again.`
}

// Run imports.
func (c *importCmd) Run(ctx context.Context, m *Main) error {
	var archive io.Reader = os.Stdin
	var total int64
	if c.Archive != "-" {
		f, err := os.Open(c.Archive)
		if err != nil {
			return realmport.Errorf(codeOfFile(err), "cannot read the archive: %w", err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			total = info.Size()
		}
		archive = f
	}
	dir, err := datadir.Open(c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	has, err := dir.HasOrganization()
	if err != nil {
		return err
	}
	if has {
		return realmport.Errorf(realmport.Conflict, "%s has an organization already: choose another folder with --data, or remove this one", shown(c.Data))
	}
	summary, err := c.fill(ctx, m, dir, archive, total)
	if err != nil {
		return err
	}
	c.report(m, summary)
	return nil
}

// fill runs the importer with progress.
func (c *importCmd) fill(ctx context.Context, m *Main, dir *datadir.Dir, archive io.Reader, total int64) (*importer.Summary, error) {
	secrets, err := dir.Secrets()
	if err != nil {
		return nil, err
	}
	loader, err := sqlite.Create(ctx, datadir.Organization(c.Data))
	if err != nil {
		return nil, err
	}
	meter := &realmport.Meter{}
	meter.FileBytesTotal.Store(total)
	meter.SetPhase("import")
	reporter := m.reporter(meter, c.JSON, c.Quiet)
	reporter.Start()
	defer reporter.Stop()
	summary, err := importer.Run(ctx, importer.Options{
		Archive: archive, Store: loader, Uploads: datadir.Uploads(c.Data), AvatarSalt: secrets.AvatarSalt,
		Secret: purpose(secrets.Key, "API keys"), Now: m.Now(), MaxBytes: c.MaxBytes, Meter: meter,
		Before: func(s *importer.Summary) error {
			if err := dir.WriteAvatars(s.Avatars); err != nil || s.Status.ZulipVersion == "" {
				return err
			}
			text, err := s.Status.JSON()
			if err != nil {
				return err
			}
			return os.WriteFile(datadir.MigrationStatus(c.Data), text, 0o600)
		},
		Log: slog.New(&messages{main: m, json: c.JSON}),
	})
	if err != nil {
		return nil, errors.Join(err, loader.Abort(), removeAll(datadir.MigrationStatus(c.Data), datadir.Avatars(c.Data)))
	}
	return summary, nil
}

// removeAll removes files, of which some may not be there.
func removeAll(names ...string) error {
	var errs []error
	for _, name := range names {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// report prints what was imported.
func (c *importCmd) report(m *Main, s *importer.Summary) {
	switch {
	case c.JSON:
		m.object(m.Stdout, struct {
			MessageType string `json:"message_type"`
			Data        string `json:"data"`
			*importer.Summary
		}{"summary", c.Data, s})
	case !c.Quiet:
		w := m.Stdout
		fmt.Fprintf(w, "imported organization %q into %s\n", s.Realm, shown(c.Data))
		reportCounts(w, s.Messages, s.UserMessages, s.Users, s.Rows, s.Files, s.FileBytes)
		fmt.Fprintf(w, "  archive   %s\n", progress.Bytes(s.Bytes))
		if n := s.LeftOut + s.MissingFiles; n > 0 {
			fmt.Fprintf(w, "  left out  %s, %s\n", progress.Plural(s.LeftOut, "row"), progress.Plural(s.MissingFiles, "file"))
		}
	}
}
