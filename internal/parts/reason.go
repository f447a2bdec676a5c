package parts

import (
	"encoding/json"
	"errors"

	"github.com/realmport/realmport"
)

// reason is an error as the shared database has it.
type reason struct {
	Code    realmport.Code
	Message string
	Details map[string]any `json:",omitempty"`
}

func writeReason(err error) string {
	r := reason{Code: realmport.ErrorCode(err), Message: err.Error()}
	var e *realmport.Error
	if errors.As(err, &e) {
		r.Details = e.Details
	}
	text, err := json.Marshal(r)
	if err != nil {
		return ""
	}
	return string(text)
}

func readReason(text string) error {
	var r reason
	if json.Unmarshal([]byte(text), &r) != nil || r.Message == "" {
		return realmport.Errorf(realmport.Unavailable, "its workers fell silent")
	}
	return &realmport.Error{Code: r.Code, Message: r.Message, Details: r.Details}
}

// reasonText is a reason for the log.
func reasonText(text string) string { return readReason(text).Error() }
