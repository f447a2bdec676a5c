package postgres

import (
	"strings"
	"testing"

	"github.com/realmport/realmport"
)

func TestSupported(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ number, version, encoding, want string }{
		"oldest":        {"120000", "12.0", "UTF8", ""},
		"newer":         {"180001", "18.1", "UTF8", ""},
		"too old":       {"110022", "11.22", "UTF8", "PostgreSQL 11.22, and realmport needs 12 or newer"},
		"very old":      {"90624", "9.6.24", "UTF8", "PostgreSQL 9.6.24"},
		"not a number":  {"", "?", "UTF8", "PostgreSQL ?"},
		"its encoding":  {"150000", "15.0", "LATIN1", "encoding is LATIN1"},
		"both mistaken": {"110000", "11.0", "SQL_ASCII", "PostgreSQL 11.0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := supported(tt.number, tt.version, tt.encoding)
			if tt.want == "" {
				if err != nil {
					t.Errorf("got error %v, want none", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || realmport.ErrorCode(err) != realmport.Unsupported {
				t.Errorf("got error %v, want one that says %q", err, tt.want)
			}
		})
	}
}
