package importer

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/realmport/realmport"
)

// decode makes a value of a column's kind from its JSON text: the inverse of what an export writes (format.md §3).
func decode(kind realmport.Kind, v jsontext.Value) (any, error) {
	k := v.Kind()
	if k == jsontext.KindNull {
		return nil, nil //nolint:nilnil // null is a value
	}
	switch kind {
	case realmport.Text, realmport.UUID:
		if k == jsontext.KindString {
			return text(v)
		}
	case realmport.Int:
		if k == jsontext.KindNumber {
			return integer(v)
		}
	case realmport.Bool:
		if k == jsontext.KindTrue || k == jsontext.KindFalse {
			return k == jsontext.KindTrue, nil
		}
	case realmport.Time:
		switch k {
		case jsontext.KindNumber:
			return seconds(string(v))
		case jsontext.KindString:
			return iso(unquote(v))
		}
	case realmport.JSON:
		return embedded(v)
	}
	return nil, faultf("it is %s where %s should be", article(k), noun(kind))
}

// noun names the values of a kind.
func noun(kind realmport.Kind) string {
	switch kind {
	case realmport.Text:
		return "a text"
	case realmport.UUID:
		return "a UUID"
	case realmport.Int:
		return "an integer"
	case realmport.Bool:
		return "true or false"
	case realmport.Time:
		return "a time, as seconds since 1970,"
	default:
		return "something that the store can hold"
	}
}

func text(v jsontext.Value) (string, error) {
	s := unquote(v)
	if strings.IndexByte(s, 0) >= 0 {
		return "", fault("it has a zero byte in it, which no database takes")
	}
	return s, nil
}

func integer(v jsontext.Value) (int64, error) {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0, faultf("it is %s where an integer of at most 64 bits should be", quoted(string(v)))
	}
	return n, nil
}

// Times that a database can hold, in seconds since 1970.
const (
	earliest = -210_866_803_200 // 4714 BC
	latest   = 9_214_646_400_000_000 / 1000
)

// seconds reads a time as an export writes it: the shortest text of the float that is nearest to the microseconds.
func seconds(s string) (time.Time, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < earliest || f > latest {
		return time.Time{}, faultf("it is %s, which is no time that a database can hold", quoted(s))
	}
	us := int64(math.Round(f * 1e6))
	// Far from 1970 the product is not exact: take the neighbour that would be written as f again.
	for _, n := range []int64{us, us - 1, us + 1} {
		if float64(n)/1e6 == f {
			us = n
			break
		}
	}
	return time.UnixMicro(us).UTC(), nil
}

// iso reads a time as it is written for the few columns of format.md §3.6.
func iso(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Unix() < earliest || t.Unix() > latest {
		return time.Time{}, faultf("it is %s, which is no time", quoted(s))
	}
	return t.UTC(), nil
}

// embedded takes a JSON value as it is, less white space.
func embedded(v jsontext.Value) (json.RawMessage, error) {
	depth := 0
	v = v.Clone()
	inText := false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case inText && c == '\\':
			if strings.HasPrefix(string(v[i:min(i+6, len(v))]), `\u0000`) {
				return nil, fault("it has a zero byte in it, which no database takes")
			}
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{', c == '[':
			if depth++; depth > maxDepth {
				return nil, faultf("it is nested more than %d levels deep", maxDepth)
			}
		case c == '}', c == ']':
			depth--
		}
	}
	if err := v.Compact(); err != nil {
		return nil, faultf("it is not valid JSON: %s", quoted(err.Error()))
	}
	return json.RawMessage(v), nil
}
