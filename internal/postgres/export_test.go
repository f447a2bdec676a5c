package postgres

import (
	"context"
	"time"
)

// Setting is what a connection of a source has set.
func Setting(ctx context.Context, s *Source, name string) (string, error) {
	c, _, err := s.begin(ctx)
	if err != nil {
		return "", err
	}
	defer c.close()
	got, err := c.strings(ctx, "SELECT coalesce((SELECT setting FROM pg_settings WHERE name = '"+name+"'), '')")
	if err != nil {
		return "", err
	}
	return got[0], nil
}

// BusyWithin is Busy with another limit of time.
func BusyWithin(ctx context.Context, s *Source, b Bounds, within time.Duration) (string, error) {
	return s.busy(ctx, b, within)
}
