package httpapi

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/realmport/realmport"
)

// Values of typed parameters are JSON texts (api.md §1.2). Their limits are the reference's.
const (
	maxDepth  = 200  // of arrays and objects
	maxDigits = 4300 // of an integer
)

// invalid is the refusal of a parameter's value.
func invalid(name, rule string) error {
	return realmport.Errorf(realmport.Invalid, "%s %s", name, rule)
}

// jsonText checks that raw is one JSON value and returns it without the space around it. The words NaN and Infinity count
// as values.
func jsonText(name, raw string) (string, error) {
	text := strings.Trim(raw, " \t\r\n")
	if !json.Valid([]byte(withoutWords(text))) {
		return "", invalid(name, "is not valid JSON")
	}
	return text, nil
}

// withoutWords puts numbers in the place of NaN and Infinity. What is nested too deeply becomes invalid.
func withoutWords(text string) string {
	if strings.Contains(text, `"`) {
		return deepInvalid(text)
	}
	return deepInvalid(strings.NewReplacer("Infinity", "1", "NaN", "1").Replace(text))
}

// deepInvalid returns text, or "" if its arrays and objects are nested too deeply.
func deepInvalid(text string) string {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return ""
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return text
}

// integer is an integer of any size. Value is the nearest one of 64 bits.
type integer struct {
	Value int64
	Text  string
}

// parseInteger reads a strict integer.
func parseInteger(name, raw string) (integer, error) {
	text, err := jsonText(name, raw)
	if err != nil {
		return integer{}, err
	}
	digits := strings.TrimPrefix(text, "-")
	if strings.Trim(digits, "0123456789") != "" {
		return integer{}, invalid(name, "is not an integer")
	}
	if len(digits) > maxDigits {
		return integer{}, invalid(name, "is not valid JSON")
	}
	if digits == "0" {
		text = "0"
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		n = math.MaxInt64
		if text[0] == '-' {
			n = math.MinInt64
		}
	}
	return integer{Value: n, Text: text}, nil
}

// parseBool reads true or false.
func parseBool(name, raw string) (bool, error) {
	text, err := jsonText(name, raw)
	if err != nil {
		return false, err
	}
	if text != "true" && text != "false" {
		return false, invalid(name, "is not a boolean")
	}
	return text == "true", nil
}

// parseStrings reads a list of strings; nil for null.
func parseStrings(name, raw string) ([]string, error) {
	text, err := jsonText(name, raw)
	if err != nil || text == "null" {
		return nil, err
	}
	var values []any
	if json.Unmarshal([]byte(text), &values) != nil {
		return nil, invalid(name, "is not a list")
	}
	list := make([]string, len(values))
	for i, v := range values {
		s, ok := v.(string)
		if !ok {
			return nil, invalid(name+"["+strconv.Itoa(i)+"]", "is not a string")
		}
		list[i] = s
	}
	return list, nil
}
