package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/datadir"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/progress"
	"github.com/realmport/realmport/internal/sqlite"
	"github.com/realmport/realmport/internal/store"
	"github.com/realmport/realmport/internal/zulip"
)

// openEmbedded opens the embedded store, and fills it the first time.
func (s *service) openEmbedded(ctx context.Context, engine *export.Options, address net.Addr, demoSize int) error {
	name := datadir.Organization(s.cfg.Data)
	has, err := s.dir.HasOrganization()
	if err != nil {
		return err
	}
	if !has {
		if err := s.mayCreate(demoSize); err != nil {
			return err
		}
		if err := s.createDemo(ctx, name, demoSize); err != nil {
			return err
		}
	}
	// No connection beyond those of workers, as other exports have: that leaves a processor for requests.
	source, err := sqlite.Open(name, sqlite.Options{Connections: s.cfg.Workers, Log: s.log})
	if err != nil {
		return err
	}
	engine.Source = source
	if engine.AvatarNames, err = datadir.ReadAvatars(s.cfg.Data); err != nil {
		return err
	}
	if engine.AvatarSalt == "" {
		engine.AvatarSalt = s.secrets.AvatarSalt
	}
	if s.rows, err = sqlite.OpenDB(ctx, name); err != nil {
		return err
	}
	s.closeLater(s.rows.Close)
	if s.own, err = sqlite.OpenState(ctx, s.dir.State()); err != nil {
		return err
	}
	s.closeLater(s.own.Close)
	if s.store, err = store.New(ctx, s.rows, store.SQLite, store.Options{Owned: true}); err != nil {
		return err
	}
	if s.runs, err = store.NewRuns(ctx, s.own, store.SQLite, store.RunsOptions{Now: s.main.Now}); err != nil {
		return err
	}
	realms, err := s.store.Realms(ctx)
	if err != nil {
		return err
	}
	if len(realms) != 1 {
		return realmport.Errorf(realmport.Unsupported, "%s holds %d organizations, and an embedded store has one", name, len(realms))
	}
	s.realm = &realms[0]
	if s.cfg.ExternalHost == "" {
		if tcp, ok := address.(*net.TCPAddr); ok {
			s.cfg.ExternalHost = net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
		}
	}
	return s.readStatus()
}

// readStatus takes from the store what is not configured.
func (s *service) readStatus() error {
	status, err := zulip.ReadStatus(datadir.MigrationStatus(s.cfg.Data))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if s.cfg.ZulipVersion == "" {
		s.cfg.ZulipVersion = status.ZulipVersion
	}
	return err
}

// mostDemo is the most messages of a demo organization, which takes minutes for each million.
const mostDemo = 50_000_000

// mayCreate refuses to make a demo organization where somebody expects another one.
func (s *service) mayCreate(size int) error {
	used, err := s.dir.WasUsed()
	least := demo.LeastMessages()
	switch {
	case err != nil:
		return err
	case used:
		return realmport.Errorf(realmport.NotFound, "%s is gone, though exports were made from it: restore it from a backup, or choose another folder with --data",
			datadir.Organization(s.cfg.Data))
	case !s.demo && s.cfg.Given("data"):
		return realmport.Errorf(realmport.NotFound, "there is no organization in %s: fill it from an archive with realmport import, or give --demo for a demo organization",
			shown(s.cfg.Data))
	case size < least || size > mostDemo:
		return realmport.Errorf(realmport.Invalid, "--demo-size is %d: it must be between %d, which are written by hand, and %d", size, least, mostDemo)
	}
	return nil
}

// demoVersion is the version of Zulip whose shape the demo organization has.
const demoVersion = "11.0-dev+git"

// slowDemo is from how many messages on a demo organization takes its time, and demoRate how many are made in a second or so.
const (
	slowDemo = 30_000
	demoRate = 8_000
)

// createDemo fills an empty store with the demo organization.
func (s *service) createDemo(ctx context.Context, name string, size int) error {
	fmt.Fprintf(s.main.Stdout, "making a demo organization of %s messages in %s\n", progress.Count(int64(size)), shown(s.cfg.Data))
	if size > slowDemo {
		fmt.Fprintf(s.main.Stdout, "that takes a while: some %d seconds\n", size/demoRate)
	}
	text, err := zulip.Status{ZulipVersion: demoVersion}.JSON()
	if err != nil {
		return err
	}
	if err := os.WriteFile(datadir.MigrationStatus(s.cfg.Data), text, 0o600); err != nil {
		return err
	}
	loader, err := sqlite.Create(ctx, name)
	if err != nil {
		return err
	}
	made, err := demo.LoadOrganization(ctx, loader, demo.OrganizationOptions{
		Messages: size, AvatarSalt: s.secrets.AvatarSalt, Secret: s.key("API keys"), UploadsDir: s.cfg.Uploads,
	})
	if err != nil {
		return errors.Join(err, loader.Abort())
	}
	// Before the store is there: then it never lacks them.
	for file, a := range map[string]demo.Account{datadir.AdministratorFile: made.Administrator, datadir.MemberFile: made.Member} {
		if err := s.dir.WriteAccount(file, datadir.Account{Email: a.Email, Key: a.APIKey}, ""); err != nil {
			return errors.Join(err, loader.Abort())
		}
	}
	if err := loader.Commit(ctx); err != nil {
		return errors.Join(err, loader.Abort())
	}
	return nil
}

// accounts writes the files to log in with, for whoever has none yet, and for the present address.
func (s *service) accounts(ctx context.Context, site string) (administrator string, err error) {
	for _, f := range []struct {
		file        string
		least, most realmport.Role
	}{{datadir.AdministratorFile, realmport.Owner, realmport.Administrator}, {datadir.MemberFile, realmport.Member, realmport.Guest}} {
		a, ok, err := s.dir.Account(f.file)
		if err != nil {
			return "", err
		}
		if !ok {
			a.Email, a.Key, err = s.store.Account(ctx, s.realm.ID, f.least, f.most)
			if realmport.ErrorCode(err) == realmport.NotFound {
				continue
			}
			if err != nil {
				return "", err
			}
		}
		if err := s.dir.WriteAccount(f.file, a, site); err != nil {
			return "", err
		}
		if f.file == datadir.AdministratorFile {
			administrator = a.Email
			if err := s.dir.WriteNetrc(a, "localhost", "127.0.0.1"); err != nil {
				return "", err
			}
		}
	}
	return administrator, nil
}

// announce says where the service is, and how to talk to it.
func (s *service) announce() {
	if s.realm == nil {
		fmt.Fprintf(s.main.Stdout, "realmport serves the organizations of %s\n", s.cfg.ExternalHost)
		return
	}
	site := s.cfg.Scheme + "://" + s.cfg.ExternalHost
	administrator, err := s.accounts(context.Background(), site)
	if err != nil {
		s.log.Warn("files to log in with were not written", "error", err)
	}
	data := shown(s.cfg.Data)
	if abs, err := filepath.Abs(s.cfg.Data); err == nil {
		data = shown(abs)
	}
	fmt.Fprintf(s.main.Stdout, "realmport serves the organization %q at %s\n\n", s.realm.Name, site)
	if administrator == "" {
		fmt.Fprint(s.main.Stdout, "It has no active administrator who could ask for an export.\n\n")
		return
	}
	rc, netrc := filepath.Join(data, datadir.AdministratorFile), filepath.Join(data, datadir.NetrcFile)
	standard := "2"
	if s.cfg.ZulipFeatureLevel >= stringTypes {
		standard = "full_with_consent"
	}
	fmt.Fprintf(s.main.Stdout, `Its administrator is %s: address and API key are in %s.
Ask for an export, list all with their links, and see how far the first is:

  curl -sSX POST %s/api/v1/export/realm --netrc-file %s --data-urlencode export_type=%s
  curl -sS %s/api/v1/export/realm --netrc-file %s
  curl -sS %s/realmport/v1/exports/1 --netrc-file %s

With Zulip's client (pip install zulip):

  python3 -c 'import zulip; print(zulip.Client(config_file=%q).call_endpoint(url="/export/realm", method="POST"))'

`, administrator, rc, site, netrc, standard, site, netrc, site, netrc, rc)
}

// stringTypes is the feature level from which on export types are words (api.md §8).
const stringTypes = 449
