package parts

import (
	"strings"

	"github.com/realmport/realmport"
)

// A reason is an error as the shared database has it: its code and its text.

func writeReason(err error) string { return string(realmport.ErrorCode(err)) + ": " + err.Error() }

func readReason(text string) error {
	code, message, ok := strings.Cut(text, ": ")
	if !ok {
		return realmport.Errorf(realmport.Unavailable, "its workers fell silent")
	}
	return realmport.Errorf(realmport.Code(code), "%s", message)
}

// final tells whether an error will be the same whoever tries again.
func final(err error) bool {
	switch realmport.ErrorCode(err) {
	case realmport.Invalid, realmport.NotAllowed, realmport.Unsupported:
		return true
	default:
		return false
	}
}
