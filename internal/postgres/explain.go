package postgres

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

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
	notInState            = "55000"
	serialization         = "40001"
	queryCanceled         = "57014"
	idleTimeout           = "25P03"
)

// ConflictWithRecovery is the detail of errors, true where it is there, that a standby ended a snapshot because of its primary's changes.
// The same may go well another time.
const ConflictWithRecovery = "conflict_with_recovery"

const standbyAdvice = "set hot_standby_feedback = on or a larger max_standby_streaming_delay on the standby"

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
		return wrap(realmport.Unavailable, err, "a table of PostgreSQL at %s was locked for over %s, as by an upgrade of the server: "+
			"try again when it is done", where, short(s.opts.LockTimeout))
	case serialization:
		// A read-only transaction meets it on a standby only.
		return &realmport.Error{
			Code: realmport.Unavailable, Err: err, Details: map[string]any{ConflictWithRecovery: true},
			Message: fmt.Sprintf("PostgreSQL at %s, a standby, gave up the snapshot to go on replaying its primary's changes (%s): run the export again; if it "+
				"happens again, %s", where, pg.Message, standbyAdvice),
		}
	case idleTimeout:
		return wrap(realmport.Unavailable, err, "PostgreSQL at %s: %s; the limit for a connection that waits is %s: raise it, or set none", where, pg.Message,
			short(s.opts.IdleTimeout))
	case queryCanceled:
		if s.opts.StatementTimeout > 0 {
			return wrap(realmport.Unavailable, err, "PostgreSQL at %s: %s; the limit for one statement is %s: raise it, or set none", where, pg.Message,
				short(s.opts.StatementTimeout))
		}
		fallthrough
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

// short writes a duration without its zeros: "1m" for a minute.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func wrap(code realmport.Code, err error, format string, args ...any) error {
	return &realmport.Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}
