package postgres

import (
	"math"

	"github.com/realmport/realmport"
)

// typ is the type of a column.
type typ struct {
	name string // in SQL
	kind realmport.Kind
	json bool // values are JSON texts as they are
	bits uint // the width of an integer
}

// typeNamed describes a type, by its schema and its name.
func typeNamed(space, name string) typ {
	t := typ{name: quote(space) + "." + quote(name), kind: realmport.JSON}
	if space != "pg_catalog" { // a type of that name may be anything
		return t
	}
	switch name {
	case "int2", "int4", "int8":
		t.kind, t.bits = realmport.Int, 8*uint(name[3]-'0')
	case "json", "jsonb":
		t.json = true
	default:
		t.kind = kind(name)
	}
	return t
}

// kind maps a type to the form its values are read in. Types that no Zulip column has today
// are read as what to_json makes of them.
func kind(name string) realmport.Kind {
	switch name {
	case "bool":
		return realmport.Bool
	case "text", "varchar", "bpchar":
		return realmport.Text
	case "timestamptz":
		return realmport.Time
	case "uuid":
		return realmport.UUID
	case "tsvector":
		return realmport.TSVector
	default:
		return realmport.JSON
	}
}

// bounds are the least and the greatest integer of the type.
func (t typ) bounds() (low, high int64) {
	if t.bits == 0 {
		return math.MinInt64, math.MaxInt64
	}
	high = math.MaxInt64 >> (64 - t.bits)
	return -high - 1, high
}

// holds tells whether a column of the type can hold n. To compare it with a greater number is an error to
// the server, not just untrue.
func (t typ) holds(n int64) bool {
	low, high := t.bounds()
	return low <= n && n <= high
}
