package realmport

import (
	"errors"
	"fmt"
)

// Code says what kind of failure an Error is. One code maps to one exit status
// of the command line, and to one HTTP status of the service.
type Code string

// The codes. Whatever is not an Error is Internal.
const (
	Internal    Code = "internal"    // a fault of realmport or of the machine
	Invalid     Code = "invalid"     // what was asked for cannot be understood
	NotFound    Code = "not_found"   // the organization, database or file does not exist
	NotAllowed  Code = "not_allowed" // credentials, grants or a rule of the export forbid it
	Conflict    Code = "conflict"    // something is there already
	Running     Code = "running"     // the same is being done already
	Unavailable Code = "unavailable" // the other side does not answer; trying again may help
	Unsupported Code = "unsupported" // a server or schema that realmport does not know
	Interrupted Code = "interrupted" // the user or the system stopped the work
)

// Error is a failure that a user may see. Message says what happened, with which
// value, and what to do; it never holds a secret.
type Error struct {
	Code    Code
	Message string
	// Err is the cause, for errors.Is and logs; it may be nil, and it is not
	// part of what Error returns.
	Err error
	// Details are further facts for machines, fit for JSON: which limit, its value, the present one. Often nil.
	Details map[string]any
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error. A %w verb in the format sets the cause too.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// ErrorCode returns the code of the outermost Error in err's chain, Internal when there
// is none, and "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
