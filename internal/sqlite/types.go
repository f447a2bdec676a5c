package sqlite

import (
	"math"
	"strconv"
	"strings"

	"github.com/realmport/realmport"
)

// typ is the type of a column.
type typ struct {
	kind    realmport.Kind
	bits    uint // the width of an integer
	length  int  // of a varchar, in characters; 0 for no limit
	foreign bool // a type that the shape does not have; its values are read as what json_quote makes of them
}

// typeDeclared describes a declared type. A row's own number has 64 bits, whatever the declared type says: SQLite wants exactly
// INTEGER there.
func typeDeclared(declared string, rowid bool) typ {
	name, rest, _ := strings.Cut(strings.ToLower(declared), "(")
	name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
	if rowid {
		return typ{kind: realmport.Int, bits: 64}
	}
	switch name {
	case "smallint":
		return typ{kind: realmport.Int, bits: 16}
	case "integer":
		return typ{kind: realmport.Int, bits: 32}
	case "bigint":
		return typ{kind: realmport.Int, bits: 64}
	case "boolean":
		return typ{kind: realmport.Bool}
	case "text":
		return typ{kind: realmport.Text}
	case "varchar":
		length, _, _ := strings.Cut(rest, ")")
		n, _ := strconv.Atoi(length)
		return typ{kind: realmport.Text, length: n}
	case "timestamptz":
		return typ{kind: realmport.Time}
	case "uuid":
		return typ{kind: realmport.UUID}
	case "jsonb":
		return typ{kind: realmport.JSON}
	case "tsvector":
		return typ{kind: realmport.TSVector}
	default:
		return typ{kind: realmport.JSON, foreign: true}
	}
}

// declaredType is the type by which a column of the kind is declared, "" if there is none.
func declaredType(kind realmport.Kind) string {
	switch kind {
	case realmport.Text:
		return "text"
	case realmport.Int:
		return "bigint"
	case realmport.Bool:
		return "boolean"
	case realmport.Time:
		return "timestamptz"
	case realmport.UUID:
		return "uuid text"
	case realmport.JSON:
		return "jsonb text"
	default:
		return ""
	}
}

// holds tells whether a column of the type can hold n.
func (t typ) holds(n int64) bool {
	high := int64(math.MaxInt64) >> (64 - t.bits)
	return -high-1 <= n && n <= high
}

// parseUUID reads the usual form of a UUID, in either case.
func parseUUID(s string) (id [16]byte, ok bool) {
	if len(s) != 36 {
		return id, false
	}
	n := 0
	for i := 0; i < len(s); {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return id, false
			}
			i++
		}
		high, low := hexDigit(s[i]), hexDigit(s[i+1])
		if high > 15 || low > 15 {
			return id, false
		}
		id[n] = high<<4 | low
		n, i = n+1, i+2
	}
	return id, true
}

// hexDigit is the value of a hexadecimal digit, more than 15 for another sign.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	default:
		return math.MaxUint8
	}
}
