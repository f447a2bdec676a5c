package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// token names an exported snapshot.
type token struct {
	id      string    // of pg_export_snapshot: hex digits and dashes
	server  string    // digest of which server and database has it, since which start
	instant string    // digest of which transactions it sees
	taken   time.Time // by the server's clock, to the microsecond
}

// tokenForm begins each token, and says how to read the rest.
const tokenForm = "pg1"

// maxID is longer than any snapshot's id.
const maxID = 64

func (t token) String() string {
	return strings.Join([]string{tokenForm, t.id, t.server, t.instant, strconv.FormatInt(t.taken.UnixMicro(), 10)}, ".")
}

// parseToken reads what String wrote, and nothing else: the id goes into SQL.
func parseToken(text string) (token, bool) {
	words := strings.Split(text, ".")
	if len(words) != 5 || words[0] != tokenForm || !isID(words[1]) || !isDigest(words[2]) || !isDigest(words[3]) {
		return token{}, false
	}
	micros, err := strconv.ParseInt(words[4], 10, 64)
	if err != nil {
		return token{}, false
	}
	t := token{id: words[1], server: words[2], instant: words[3], taken: time.UnixMicro(micros)}
	return t, t.String() == text
}

// digest shortens what is only compared.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

func isID(s string) bool {
	return s != "" && len(s) <= maxID && strings.Trim(s, "0123456789abcdefABCDEF-") == ""
}

func isDigest(s string) bool { return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == "" }
