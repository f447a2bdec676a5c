package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
)

// Standby makes a copy of the running cluster that follows it by streaming replication and answers reads, with the same
// settings but for those given. It returns when the standby accepts connections, which may be before it has replayed all. It stops with
// the cluster at the latest; ctx governs the start only.
func (c *Cluster) Standby(ctx context.Context, o Options) (*Cluster, error) {
	settings := maps.Clone(c.settings)
	if settings == nil {
		settings = map[string]string{}
	}
	maps.Copy(settings, o.Settings)
	s := &Cluster{tools: c.tools, settings: settings}
	if err := s.follow(ctx, c.port, o.Dir); err != nil {
		return nil, errors.Join(fmt.Errorf("start standby: %w", err), s.Stop())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil, errors.Join(errors.New("start standby: the cluster was stopped"), s.Stop())
	}
	c.standbys = append(c.standbys, s)
	return s, nil
}

// follow copies the server at that port and starts the copy.
func (c *Cluster) follow(ctx context.Context, port int, parent string) error {
	if err := c.folder(parent); err != nil {
		return err
	}
	address := fmt.Sprintf("host=127.0.0.1 port=%d user=%s", port, superuser)
	err := c.tools.run(ctx, "pg_basebackup", "-D", c.data(), "-d", address, "-R", "-X", "stream", "-c", "fast", "--no-sync", "--no-manifest")
	if err != nil {
		return err
	}
	return c.begin(ctx)
}
