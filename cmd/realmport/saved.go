package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// eventsFile holds clients' event queues while the service is stopped: a clean restart loses none (api.md §3.5).
func (s *service) eventsFile() string { return filepath.Join(s.dir.Path(), "event-queues.json") }

func (s *service) saveEvents() error {
	f, err := os.OpenFile(s.eventsFile(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(s.hub.Save(f), f.Close())
}

// loadEvents reads the queues, once: after a crash those of the last clean stop would be stale.
func (s *service) loadEvents() error {
	f, err := os.Open(s.eventsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(s.hub.Load(f), f.Close(), os.Remove(s.eventsFile()))
}
