package postgres

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/realmport/realmport"
)

// SQLSTATE codes that have a message of their own.
const (
	invalidPassword       = "28P01"
	invalidAuthorization  = "28000"
	noSuchDatabase        = "3D000"
	insufficientPrivilege = "42501"
	tooManyConnections    = "53300"
	shuttingDown          = "57P01"
	crashed               = "57P02"
	startingUp            = "57P03"
	lockTimeout           = "55P03"
	invalidParameter      = "22023"
	undefinedObject       = "42704"
)

// transient tells whether an error may go away by itself.
func transient(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case tooManyConnections, shuttingDown, crashed, startingUp:
			return true
		}
		return false
	}
	var own *realmport.Error
	if errors.As(err, &own) {
		return false
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return !dns.IsNotFound
	}
	var certificate *tls.CertificateVerificationError
	return !errors.Is(err, context.Canceled) && !errors.As(err, &certificate)
}

// explain turns an error of the driver into one that says what to do. Errors that have a code keep it.
func (s *Source) explain(ctx context.Context, err error) error {
	var own *realmport.Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	where := s.address()
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return wrap(realmport.Unavailable, err, "cannot reach PostgreSQL at %s: %s; check the address, that the server runs, "+
			"and that it and any firewall let this machine in", where, cause(err))
	}
	switch pg.Code {
	case invalidPassword, invalidAuthorization:
		return wrap(realmport.NotAllowed, err, "PostgreSQL at %s refuses user %q: %s; check the password (PGPASSWORD, ~/.pgpass or the source) "+
			"and the server's pg_hba.conf", where, s.config.User, pg.Message)
	case noSuchDatabase:
		return wrap(realmport.NotFound, err, "PostgreSQL at %s has no database %q: a Zulip server's is usually named \"zulip\"",
			where, cmp.Or(s.config.Database, s.config.User))
	case insufficientPrivilege:
		return wrap(realmport.NotAllowed, err, "user %q may not read what the export needs (%s): docs/operations.md has the SQL "+
			"that gives a role the grants", s.config.User, pg.Message)
	case lockTimeout:
		return wrap(realmport.Unavailable, err, "a table of PostgreSQL at %s was locked for over a minute, as by an upgrade of the server: "+
			"try again when it is done", where)
	default:
		return wrap(realmport.Unavailable, err, "PostgreSQL at %s: %s (SQLSTATE %s)", where, pg.Message, pg.Code)
	}
}

// lost explains an error after the snapshot was established: it is gone with its connection, so nothing can be repeated.
func (s *Source) lost(ctx context.Context, table string, err error) error {
	var pg *pgconn.PgError
	var own *realmport.Error
	if ctx.Err() != nil || errors.As(err, &own) || errors.As(err, &pg) && !transient(err) {
		return s.explain(ctx, err)
	}
	return wrap(realmport.Unavailable, err, "lost the connection to PostgreSQL at %s while reading %s (%s): its snapshot is gone, "+
		"so the export cannot go on; run it again", s.address(), table, cause(err))
}

// unjoined explains why a connection could not take the snapshot of another.
func (s *Source) unjoined(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != invalidParameter && pg.Code != undefinedObject {
		return err
	}
	return wrap(realmport.Unsupported, err, "PostgreSQL at %s does not know the snapshot of another connection (%s): "+
		"connections seem to reach different servers; connect to PostgreSQL itself instead of a pooler or balancer", s.address(), pg.Message)
}

func (s *Source) address() string {
	if network, address := pgconn.NetworkAddress(s.config.Host, s.config.Port); network == "tcp" {
		return address
	}
	return s.config.Host
}

// cause is the innermost message: those around it repeat the connection's parameters. Of several errors, one for each
// way that was tried, it is the last.
func cause(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within a minute"
	}
	for {
		inner := errors.Unwrap(err)
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			all := several.Unwrap()
			inner = all[len(all)-1]
		}
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

func wrap(code realmport.Code, err error, format string, args ...any) error {
	return &realmport.Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}
