package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
)

var (
	_ realmport.Shared = (*Snapshot)(nil)
	_ realmport.Joiner = (*Source)(nil)
)

// Token implements realmport.Shared. That of a snapshot that was joined is the token it was joined by, and ends with the first one.
func (s *Snapshot) Token() string { return s.token.String() }

// Join implements realmport.Joiner. The first connection is opened at once, further ones when they are needed and only as
// long as the first snapshot is open. A server that does not answer is tried again for a minute.
func (s *Source) Join(ctx context.Context, text string) (realmport.Snapshot, error) {
	t, ok := parseToken(text)
	if !ok {
		return nil, realmport.Errorf(realmport.Unsupported, "the snapshot to join is not one of PostgreSQL that this version of realmport knows: "+
			"use the same version and the same source on all machines")
	}
	return s.persist(ctx, func(ctx context.Context) (*Snapshot, error) {
		lead, about, err := s.join(ctx, t)
		if err != nil {
			return nil, s.ended(err)
		}
		snap := s.with(lead, t, about.version)
		snap.guest, snap.opened = true, clock.Now().Add(-about.age)
		return snap, nil
	})
}

// endedError says that the server does not have a snapshot (any more).
type endedError struct{ err error }

func (e *endedError) Error() string { return e.err.Error() }
func (e *endedError) Unwrap() error { return e.err }

// Why a server does not have a snapshot, beside what it says itself.
var (
	errAnotherInstant = errors.New("another snapshot has its id")
	errRestarted      = errors.New("the server was started after the snapshot")
)

// unknown marks the errors of a server that does not have a snapshot.
func unknown(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case invalidParameter, undefinedObject, notInState:
			return &endedError{err}
		}
	}
	return err
}

// ended explains why the snapshot of another process cannot be joined.
func (s *Source) ended(err error) error {
	var ended *endedError
	if !errors.As(err, &ended) {
		return err
	}
	return wrap(realmport.NotFound, err, "the snapshot has ended on PostgreSQL at %s, with the process that had it: what is not read yet cannot be read "+
		"from it any more; the export starts over with a new one", s.address())
}

// unjoined explains why a second connection could not take the snapshot of the first, which has just been made.
func (s *Source) unjoined(err error) error {
	var ended *endedError
	if !errors.As(err, &ended) {
		return err
	}
	return s.elsewhere("connections seem to reach different servers (" + cause(err) + ")")
}

// vanished explains why one more connection could not take a snapshot that others had taken.
func (s *Source) vanished(err error, standby bool) error {
	var ended *endedError
	if !errors.As(err, &ended) {
		return err
	}
	advice := ""
	if standby {
		advice = "; a standby ends snapshots that keep it from replaying its primary's changes: if it happens again, " + standbyAdvice
	}
	return wrap(realmport.Unavailable, err, "the snapshot of PostgreSQL at %s is gone, since its connection was lost (%s): the export cannot go on; run it again%s",
		s.address(), cause(err), advice)
}
