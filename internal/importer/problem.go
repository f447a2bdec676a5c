package importer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/realmport/realmport"
)

// place is where in the archive something is; what is not known is empty.
type place struct {
	file, list string
	row        int64 // counted from 1
	id         int64
}

// String names the place: "realm.json: zerver_stream 7".
func (p place) String() string {
	s := printable(p.file)
	switch {
	case p.list == "":
	case p.id > 0:
		s += fmt.Sprintf(": %s %d", printable(p.list), p.id)
	case p.row > 0:
		s += fmt.Sprintf(": %s, row %d", printable(p.list), p.row)
	default:
		s += ": " + printable(p.list)
	}
	return s
}

// fault is what is wrong with something in the archive, without its place.
type fault string

func (f fault) Error() string { return string(f) }

func faultf(format string, args ...any) error { return fault(fmt.Sprintf(format, args...)) }

// at gives a fault its place; any other error is returned as it is.
func (p place) at(err error) error {
	var e *realmport.Error
	var f fault
	if !errors.As(err, &e) && errors.As(err, &f) {
		return realmport.Errorf(realmport.Invalid, "%s: %w", p, err)
	}
	return err
}

// of gives an error of the store its place.
func (p place) of(err error) error {
	if code := realmport.ErrorCode(err); code != realmport.Interrupted {
		return realmport.Errorf(code, "%s: %w", p, err)
	}
	return err
}

func invalid(format string, args ...any) error {
	return realmport.Errorf(realmport.Invalid, format, args...)
}

func internal(format string, args ...any) error {
	return realmport.Errorf(realmport.Internal, format, args...)
}

func interrupted(ctx context.Context) error {
	return realmport.Errorf(realmport.Interrupted, "the import was interrupted, and nothing of it is kept: %w", context.Cause(ctx))
}

func sentence(format string, args ...any) string { return fmt.Sprintf(format, args...) }

const maxQuoted = 120

// quoted quotes what an archive says, cut to a length that fits in a line.
func quoted(s string) string {
	if q := strconv.Quote(s); len(q) <= maxQuoted {
		return q
	}
	n := maxQuoted / 2
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return strconv.Quote(s[:min(n, len(s))]) + "..."
}

// printable returns s as it is if it is fit for a line of a terminal, and else quoted.
func printable(s string) string {
	if len(s) <= maxQuoted && strconv.Quote(s) == `"`+s+`"` {
		return s
	}
	return quoted(s)
}
