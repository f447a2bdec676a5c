package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/config"
)

type serveCmd struct {
	settingFlags
	Demo     bool `help:"Fill a data folder that has no organization with a demo organization. Without --data that is done anyway."`
	NoWork   bool `help:"Only serve: exports are made by other processes, started with realmport work."`
	DemoSize int  `default:"3000" placeholder:"MESSAGES" help:"How many messages the demo organization has: thousands to millions. Default: 3000."`
}

// Help is shown below the flags.
func (serveCmd) Help() string {
	return `With no configuration it starts on an embedded store with a demo organization, and says how to talk to it. With a source it serves the
organizations of a Zulip server: see docs/operations.md.

A setting comes from the first of these that gives it: its flag, its variable, the file, the server's own files named by the zulip settings.
It is stopped by SIGTERM or SIGINT: what it works on goes back to the queue, and downloads have some time to end.`
}

// Run serves until it is stopped.
func (c *serveCmd) Run(ctx context.Context, m *Main) error {
	cfg, err := c.load(m)
	if err != nil {
		return err
	}
	if c.Demo && !cfg.Embedded() {
		return realmport.Errorf(realmport.Invalid, "--demo is for the embedded store, and a source is configured: leave one of them out")
	}
	if c.NoWork && cfg.Embedded() {
		return realmport.Errorf(realmport.Invalid, "--no-work is for a source in PostgreSQL: an embedded store is worked on by the one process that serves it")
	}
	log := m.serviceLog(cfg.Log)
	for _, warning := range cfg.Warnings {
		log.Warn(warning)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return listenError(cfg.Listen, "--listen", err)
	}
	s := &service{main: m, cfg: cfg, log: log, demo: c.Demo, answers: true, works: !c.NoWork}
	defer s.close()
	if err := s.assemble(ctx, listener.Addr(), c.DemoSize); err != nil {
		return errors.Join(err, listener.Close())
	}
	debug.FreeOSMemory() // making the demo organization takes more than serving it
	return s.serve(ctx, listener)
}

func listenError(address, flag string, err error) error {
	return &realmport.Error{
		Code: realmport.Unavailable, Err: err,
		Message: "cannot listen on " + address + ": " + innermost(err).Error() + "; choose another address with " + flag,
	}
}

// innermost is the cause without what was done: that is said already.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// serviceLog makes the service's log, on standard error.
func (m *Main) serviceLog(c config.Log) *slog.Logger {
	return slog.New(logHandler(m.Stderr, c))
}

func logHandler(w io.Writer, c config.Log) slog.Handler {
	opts := &slog.HandlerOptions{Level: c.Level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if text, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(redacted(text.Error()))
		} else if a.Value.Kind() == slog.KindString {
			a.Value = slog.StringValue(redacted(a.Value.String()))
		}
		return a
	}}
	if c.Format == "json" {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}

// Bounds of the HTTP server. Answers may take as long as they do: archives are large, and readers of events wait.
const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
	headerSize = 64 << 10
)

// serve answers requests until ctx ends, and then stops in order: nobody waits any more, requests end, work goes back to the queue.
func (s *service) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: s.api, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: headerSize,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if err := s.queue.Start(ctx); err != nil {
		return errors.Join(err, server.Close())
	}
	s.announce()
	go s.tryStatus(ctx)
	s.log.Info("serving", "address", listener.Addr().String())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	s.log.Info("stopping", "cause", context.Cause(ctx))
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Shutdown)
	defer cancel()
	s.api.Close()
	// Side by side, so that a download that takes long takes no time from the work on exports.
	stopped := make(chan error, 1)
	go func() { stopped <- s.queue.Stop(limited) }()
	err := server.Shutdown(limited)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests, as downloads, were cut off", "after", s.cfg.Shutdown.String())
		err = server.Close()
	}
	if err = errors.Join(err, <-stopped, s.saveEvents()); err != nil {
		return err
	}
	s.log.Info("stopped")
	return nil
}
