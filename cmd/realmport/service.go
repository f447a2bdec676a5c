package main

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/config"
	"github.com/realmport/realmport/internal/datadir"
	"github.com/realmport/realmport/internal/events"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/exports"
	"github.com/realmport/realmport/internal/httpapi"
	"github.com/realmport/realmport/internal/jobs"
	"github.com/realmport/realmport/internal/pace"
	"github.com/realmport/realmport/internal/parts"
	"github.com/realmport/realmport/internal/postgres"
	"github.com/realmport/realmport/internal/store"
	"github.com/realmport/realmport/internal/zulip"
)

// service is all that serve runs.
type service struct {
	main    *Main
	cfg     *config.Config
	log     *slog.Logger
	demo    bool // a demo organization was asked for
	answers bool // it serves the API
	works   bool // it makes exports, and parts of them

	dir       *datadir.Dir
	secrets   datadir.Secrets
	rows, own *sql.DB // the organizations', and the state's of the embedded store
	store     *store.Store
	runs      *store.Runs
	parts     *store.Parts // nil with the embedded store
	buckets   *s3.Client   // nil until it is needed
	archives  realmport.Archives
	stock     realmport.Stock // the archives, if they are in a bucket; else nil
	partStock realmport.Stock // the same, for parts
	place     exports.Place
	former    []exports.Former
	queue     *jobs.Queue
	worker    *exports.Worker
	// team and partWorker are nil where each process makes its exports alone.
	team       *parts.Coordination
	partWorker *parts.Worker
	gate       *pace.Gate // nil without bounds
	// primary and replica are nil unless exports read from a replica.
	primary, replica *postgres.Source
	metrics          *metrics
	hub              *events.Hub
	api              *httpapi.API

	realm   *realmport.Realm // of the embedded store
	closers []func() error
}

// close frees everything, in the reverse order of its making.
func (s *service) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i](); err != nil {
			s.log.Debug("not closed well", "error", err)
		}
	}
}

func (s *service) closeLater(fn func() error) { s.closers = append(s.closers, fn) }

// How many connections serve requests, besides those of snapshots and of the queue.
const requestConnections = 8

// consentsEvery is how often the consents of organizations are compared whose administrators listen.
const consentsEvery = 2 * time.Second

// assemble opens everything and ties it together.
func (s *service) assemble(ctx context.Context, address net.Addr, demoSize int) error {
	s.metrics = newMetrics(func() *pace.Gate { return s.gate })
	if err := s.serveMetrics(ctx); err != nil {
		return err
	}
	var err error
	if s.dir, err = datadir.Open(s.cfg.Data); err != nil {
		return err
	}
	s.closeLater(s.dir.Close)
	if s.secrets, err = s.dir.Secrets(); err != nil {
		return err
	}
	if s.cfg.Work == s.dir.Work() { // nobody else's
		if err := os.RemoveAll(s.cfg.Work); err != nil {
			return err
		}
	}
	engine := export.Options{
		AvatarSalt: string(s.cfg.AvatarSalt), ExternalHost: s.cfg.ExternalHost, Workers: s.cfg.Workers, Compression: s.cfg.Compression,
	}
	if s.cfg.Embedded() {
		err = s.openEmbedded(ctx, &engine, address, demoSize)
	} else {
		err = s.openServer(ctx, &engine)
	}
	if err != nil {
		return err
	}
	if err := s.openStorage(ctx, &engine); err != nil {
		return err
	}
	s.openTeam(engine)
	return s.connect(ctx, engine)
}

// openServer opens the databases of a Zulip server.
func (s *service) openServer(ctx context.Context, engine *export.Options) error {
	limits := s.cfg.Limits
	source, err := postgres.Open(string(cmp.Or(s.cfg.Replica, s.cfg.Source)), postgres.Options{
		Connections: s.cfg.Workers + 1, Log: s.log,
		StatementTimeout: limits.StatementTimeout, LockTimeout: limits.LockTimeout, IdleTimeout: limits.IdleTimeout,
	})
	if err != nil {
		return err
	}
	engine.Source = s.paced(source)
	if s.cfg.Replica != "" {
		if s.primary, err = postgres.Open(string(s.cfg.Source), postgres.Options{}); err != nil {
			return err
		}
		s.replica = source
	}
	if s.rows, err = postgres.OpenDB(ctx, string(s.cfg.Source), requestConnections); err != nil {
		return err
	}
	s.closeLater(s.rows.Close)
	if s.store, err = store.New(ctx, s.rows, store.PostgreSQL, store.Options{}); err != nil {
		return err
	}
	state := s.rows
	if s.cfg.Jobs.Database != "" {
		if state, err = postgres.OpenDB(ctx, string(s.cfg.Jobs.Database), requestConnections); err != nil {
			return err
		}
		s.closeLater(state.Close)
	}
	if s.runs, err = store.NewRuns(ctx, state, store.PostgreSQL, store.RunsOptions{Schema: s.cfg.Jobs.Schema}); err != nil {
		return err
	}
	s.parts, err = store.NewParts(ctx, state, store.PartsOptions{Schema: s.cfg.Jobs.Schema})
	return err
}

// connect ties together what was opened.
func (s *service) connect(ctx context.Context, engine export.Options) error {
	var notifier exports.Notifier = nobody{}
	var options httpapi.Options
	if s.answers {
		var err error
		if options, notifier, err = s.prepareAPI(ctx); err != nil {
			return err
		}
	}
	s.worker = &exports.Worker{
		Service: &exports.Service{
			Directory: s.store, Exports: s.store, Runs: s.runs, Archives: s.archives, Place: s.place, Former: s.former, Notifier: notifier,
			Policy: policyOf(s.cfg), Now: s.main.Now, Log: s.log, Later: s.later(),
		},
		Engine: engine, Prepare: s.prepare, Team: s.teamFor, Work: s.cfg.Work, Beat: s.cfg.Heartbeat, Stale: s.cfg.Stale, At: s.main.At,
		ServerLimit: s.cfg.Limits.Exports, RealmLimit: s.cfg.Limits.ExportsPerRealm, Slots: s.cfg.ConcurrentExports,
	}
	var err error
	if s.queue, err = jobs.Open(ctx, s.jobOptions()); err != nil {
		return err
	}
	s.closeLater(func() error { return s.queue.Stop(context.WithoutCancel(ctx)) })
	s.worker.Queue = s.queue
	if s.cfg.Embedded() { // only one process can be at work
		if err := s.worker.TakeOver(ctx); err != nil {
			return err
		}
	}
	s.queue.Periodic("reaper", s.cfg.Stale/2, func(ctx context.Context) {
		if err := s.worker.Reap(ctx, s.queue); err != nil && ctx.Err() == nil {
			s.log.Warn("exports were not all looked after", "error", err)
		}
	})
	if s.team != nil {
		s.team.Queue = s.queue
		s.queue.Periodic("silent parts", s.cfg.Stale/2, s.reapParts)
	}
	if s.stock != nil {
		s.queue.Periodic("bucket", bucketEvery, s.cleanBucket)
	}
	if !s.answers {
		return nil
	}
	s.queue.Periodic("consents", consentsEvery, s.watchConsents)
	if !s.cfg.Embedded() { // others may be at work
		s.queue.Periodic("exports", exportsEvery, s.watchExports)
	}
	options.Exports = s.worker.Service
	s.api, err = httpapi.New(options)
	return err
}

// prepareAPI makes what the API needs before there is anything to serve.
func (s *service) prepareAPI(ctx context.Context) (httpapi.Options, exports.Notifier, error) {
	s.hub = events.New(events.Options{})
	if err := s.loadEvents(); err != nil {
		s.log.Warn("event queues of the last run are lost: clients register anew", "error", err)
	}
	bot, err := s.store.NotificationBot(ctx)
	if err != nil && realmport.ErrorCode(err) != realmport.NotAllowed {
		return httpapi.Options{}, nil, err
	}
	options := s.apiOptions(bot)
	notifier, err := httpapi.NewNotifier(options)
	return options, notifier, err
}

// grace is how long a job may run before its first sign of life.
const grace = 15 * time.Second

func (s *service) jobOptions() jobs.Options {
	o := jobs.Options{Schema: s.cfg.Jobs.Schema, InsertOnly: !s.works, SoftStop: s.cfg.Shutdown, Grace: min(grace, s.cfg.Stale), Log: s.log}
	if s.works {
		o.Work, o.Workers = s.metrics.work(s.worker.Do), s.cfg.ConcurrentExports
	}
	if s.works && s.partWorker != nil {
		o.Part, o.PartWorkers = s.metrics.part(s.partWorker.Do), s.cfg.Workers
	}
	switch {
	case s.cfg.Embedded():
		o.DB, o.Alone = s.own, true
	case s.cfg.Jobs.Database != "":
		o.PostgreSQL = string(s.cfg.Jobs.Database)
	default:
		o.PostgreSQL = string(s.cfg.Source)
	}
	return o
}

func policyOf(cfg *config.Config) exports.Policy {
	p := cfg.Policy
	return exports.Policy{
		MaxMessages: p.MaxMessages, MaxUploadBytes: p.MaxUploadBytes, PerWeek: p.ExportsPerWeek, CountFailed: p.CountFailed,
		OwnersOnly: p.Who == config.Owners, Full: p.Full, ResendWindow: p.ResendWindow, Attempts: p.Attempts,
		FailRedelivered: p.Redelivery == config.Fail, Contact: cfg.Administrator,
	}
}

// apiOptions are those of the API, without the exports.
func (s *service) apiOptions(bot int64) httpapi.Options {
	cfg := s.cfg
	o := httpapi.Options{
		Events: s.hub, Log: s.log,
		Hosts: httpapi.Hosts{
			Scheme: cfg.Scheme, ExternalHost: cfg.ExternalHost, RealmHosts: cfg.RealmHosts, RootAliases: cfg.RootSubdomainAliases,
			Allowed: cfg.AllowedHosts,
		},
		FeatureLevel: cfg.ZulipFeatureLevel, ZulipVersion: cfg.ZulipVersion, MergeBase: cfg.ZulipMergeBase,
		RootLandingPage: cfg.RootLandingPage, NotificationBot: bot, RateLimit: cfg.RateLimit.String(), MaxBody: cfg.MaxBody,
		PlainRefusals: cfg.Profile == config.Reference, Link: s.link(),
		Download: httpapi.Download{RequireLogin: cfg.Download.RequireLogin, TTL: cfg.Download.TTL, Key: s.downloadKey()},
		ClientIP: clientIP(cfg.TrustedProxies), Health: s.health,
	}
	if s.realm != nil {
		o.Hosts.DefaultRealm = s.realm.StringID
		o.Login = &httpapi.Login{Key: s.key("sessions")}
	}
	return o
}

// downloadKey signs links that expire.
func (s *service) downloadKey() []byte {
	if s.cfg.Download.Key != "" {
		return purpose(string(s.cfg.Download.Key), "downloads")
	}
	return s.key("downloads")
}

// key makes a key of its own for each purpose.
func (s *service) key(what string) []byte { return purpose(s.secrets.Key, what) }

// purpose makes one key from another.
func purpose(key, what string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(what))
	return h.Sum(nil)
}

// health tells whether the databases answer.
func (s *service) health(ctx context.Context) error {
	err := s.rows.PingContext(ctx)
	if s.own != nil {
		err = errors.Join(err, s.own.PingContext(ctx))
	}
	return err
}

// consentEvent is the type of events that tell of a changed consent.
const consentEvent = "realm_export_consent"

// watchConsents tells administrators who listen of changed consents.
func (s *service) watchConsents(ctx context.Context) {
	for _, realm := range s.hub.Realms(consentEvent) {
		if err := s.worker.WatchConsents(ctx, realm); err != nil && ctx.Err() == nil {
			s.log.Warn("consents were not compared", "realm", realm, "error", err)
		}
	}
	s.worker.UnwatchConsents(func(realm int64) bool { return s.hub.Wanted(realm, consentEvent) })
}

// exportEvent is the type of events that tell of exports, and exportsEvery how often they are compared for those who listen.
const (
	exportEvent  = "realm_export"
	exportsEvery = time.Second
)

// watchExports tells administrators who listen of exports that other processes make.
func (s *service) watchExports(ctx context.Context) {
	for _, realm := range s.hub.Realms(exportEvent) {
		if err := s.worker.WatchExports(ctx, realm); err != nil && ctx.Err() == nil {
			s.log.Warn("exports were not compared", "realm", realm, "error", err)
		}
	}
	s.worker.UnwatchExports(func(realm int64) bool { return s.hub.Wanted(realm, exportEvent) })
}

// nobody is who listens to a process without an API. Those that have one see by themselves what has changed.
type nobody struct{}

func (nobody) ExportsChanged(*realmport.Realm, []realmport.Export, []int64) {}
func (nobody) ExportsWanted(int64) bool                                     { return false }
func (nobody) ConsentChanged(realmport.Consent, []int64)                    {}
func (nobody) SettingChanged(int64, string, bool)                           {}
func (nobody) MessageSent(*realmport.User, int64)                           {}

// prepare adds to an export's options what a Zulip server tells anew after each upgrade.
func (s *service) prepare(ctx context.Context, opts *export.Options) error {
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	status, err := s.status(ctx)
	if err != nil {
		return err
	}
	if s.cfg.ZulipVersion != "" {
		status.ZulipVersion = s.cfg.ZulipVersion
	}
	status.ZulipVersion = cmp.Or(status.ZulipVersion, "unknown")
	opts.Migrations, err = status.JSON()
	return err
}

// tryStatus says early what each export would fail by. It asks the server's code, which takes seconds.
func (s *service) tryStatus(ctx context.Context) {
	if _, err := s.status(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("exports will fail: the server's migrations cannot be told", "error", err)
	}
}

func (s *service) status(ctx context.Context) (zulip.Status, error) {
	switch {
	case s.cfg.Zulip.MigrationStatus != "":
		return zulip.ReadStatus(s.cfg.Zulip.MigrationStatus)
	case s.cfg.Zulip.Deployment != "":
		return zulip.AskDeployment(ctx, s.cfg.Zulip.Deployment)
	case s.cfg.Embedded():
		status, err := zulip.ReadStatus(datadir.MigrationStatus(s.cfg.Data))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return status, err
	default:
		return zulip.Status{}, nil
	}
}

// later returns a function that has others run one after another, so that many requests at a time do not compete with what they leave
// to be done. What does not fit in its queue is dropped: the reaper does it.
func (s *service) later() func(func()) {
	queue, stop, stopped := make(chan func(), 1024), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case fn := <-queue:
				fn()
			case <-stop:
				return
			}
		}
	}()
	s.closeLater(func() error {
		close(stop)
		<-stopped
		return nil
	})
	return func(fn func()) {
		select {
		case queue <- fn:
		default:
		}
	}
}
