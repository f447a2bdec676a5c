package main

import (
	"context"
	"errors"

	"github.com/realmport/realmport"
)

type workCmd struct {
	settingFlags
}

// Help is shown below the flags.
func (workCmd) Help() string {
	return `It takes exports and parts of exports from the queue of a service, on this machine or another one. Any number of processes may work side by
side: each needs the same settings of source, jobs and s3, and a data folder of its own. A process that is killed loses nothing: its parts are made by
others, and an export that it coordinated starts over.

It is stopped by SIGTERM or SIGINT: what it works on goes back to the queue.`
}

// Run works until it is stopped.
func (c *workCmd) Run(ctx context.Context, m *Main) error {
	cfg, err := c.load(m)
	if err != nil {
		return err
	}
	if cfg.Embedded() {
		return realmport.Errorf(realmport.Invalid, "work is for a source in PostgreSQL: an embedded store is worked on by the one process that serves it")
	}
	log := m.serviceLog(cfg.Log)
	for _, warning := range cfg.Warnings {
		log.Warn(warning)
	}
	if !cfg.Shared() {
		log.Warn("archives are in a folder: this process makes whole exports, and needs the same folder as the service")
	}
	s := &service{main: m, cfg: cfg, log: log, works: true}
	defer s.close()
	if err := s.assemble(ctx, nil, 0); err != nil {
		return err
	}
	if err := s.queue.Start(ctx); err != nil {
		return err
	}
	go s.tryStatus(ctx)
	s.log.Info("working")
	<-ctx.Done()
	s.log.Info("stopping", "cause", context.Cause(ctx))
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Shutdown)
	defer cancel()
	if err := s.queue.Stop(limited); err != nil {
		return errors.Join(err)
	}
	s.log.Info("stopped")
	return nil
}
