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
		if err := s.createDemo(ctx, name, demoSize); err != nil {
			return err
		}
	}
	source, err := sqlite.Open(name, sqlite.Options{Connections: s.cfg.Workers + 1, Log: s.log})
	if err != nil {
		return err
	}
	engine.Source = source
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

// demoVersion is the version of Zulip whose shape the demo organization has.
const demoVersion = "11.0-dev+git"

// createDemo fills an empty store with the demo organization.
func (s *service) createDemo(ctx context.Context, name string, size int) error {
	fmt.Fprintf(s.main.Stdout, "making a demo organization in %s\n", shown(s.cfg.Data))
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
		file  string
		least realmport.Role
	}{{datadir.AdministratorFile, realmport.Owner}, {datadir.MemberFile, realmport.Member}} {
		a, ok, err := s.dir.Account(f.file)
		if err != nil {
			return "", err
		}
		if !ok {
			a.Email, a.Key, err = s.store.Account(ctx, s.realm.ID, f.least)
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
	rc, netrc := filepath.Join(data, datadir.AdministratorFile), filepath.Join(data, datadir.NetrcFile)
	fmt.Fprintf(s.main.Stdout, `realmport serves the organization %q at %s

Its administrator is %s: address and API key are in %s.
Ask for an export, see how far it is, and list all with their links:

  curl -sSX POST %s/api/v1/export/realm --netrc-file %s --data-urlencode export_type=2
  curl -sS %s/realmport/v1/exports/1 --netrc-file %s
  curl -sS %s/api/v1/export/realm --netrc-file %s

  python3 -c 'import zulip; print(zulip.Client(config_file=%q).call_endpoint(url="/export/realm", method="POST"))'

`, s.realm.Name, site, administrator, rc, site, netrc, site, netrc, site, netrc, rc)
}
