package parts

import (
	"errors"
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

// final tells whether an error will be the same whoever tries again. What is not allowed to one may be to another, whose keys and clock are right.
func final(err error) bool {
	return realmport.ErrorCode(err) == realmport.Unsupported || errors.Is(err, errEnded) // which the coordinator, who only waits, does not see
}
