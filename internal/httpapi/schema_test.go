package httpapi

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
)

// valid checks a value by a schema: the part of JSON Schema that openapi.yaml uses, but that no object may have keys of which
// its schema does not know. It adds the properties that it saw.
func (d *description) valid(schema, v any, where string, seen map[string]bool) string {
	m, _ := schema.(map[string]any)
	if ref, ok := m["$ref"].(string); ok {
		return d.valid(d.resolve(schema), v, ref, seen)
	}
	if list, ok := m["oneOf"].([]any); ok {
		return d.oneOf(list, v, where, seen)
	}
	if c, ok := m["const"]; ok && c != v {
		return fmt.Sprintf("%s: got %v, want %v", where, v, c)
	}
	if list, ok := m["enum"].([]any); ok && !slices.Contains(list, v) {
		return fmt.Sprintf("%s: got %v, want one of %v", where, v, list)
	}
	if t, ok := m["type"]; ok && !isType(t, v) {
		return fmt.Sprintf("%s: got %v, want the type %v", where, v, t)
	}
	if p, ok := m["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(fmt.Sprint(v)) {
		return fmt.Sprintf("%s: got %v, want it to match %s", where, v, p)
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if problem := d.valid(m["items"], item, where+"/items", seen); problem != "" {
				return problem
			}
		}
	case map[string]any:
		return d.object(m, v, where, seen)
	}
	return ""
}

func (d *description) oneOf(list []any, v any, where string, seen map[string]bool) string {
	var problems []string
	for _, schema := range list {
		mine := map[string]bool{}
		problem := d.valid(schema, v, where, mine)
		if problem == "" {
			maps.Copy(seen, mine)
			return ""
		}
		problems = append(problems, problem)
	}
	return strings.Join(problems, "; ")
}

func (d *description) object(schema, v map[string]any, where string, seen map[string]bool) string {
	properties, _ := schema["properties"].(map[string]any)
	for key, value := range v {
		property, known := properties[key]
		if known {
			seen[where+"/properties/"+key] = true
		} else if property = schema["additionalProperties"]; property == nil {
			return fmt.Sprintf("%s: the key %s is not described", where, key)
		} else if property == true {
			continue
		}
		if problem := d.valid(property, value, where+"/properties/"+key, seen); problem != "" {
			return problem
		}
	}
	required, _ := schema["required"].([]any)
	for _, key := range required {
		if _, ok := v[fmt.Sprint(key)]; !ok {
			return fmt.Sprintf("%s: the key %s is missing", where, key)
		}
	}
	return ""
}

func isType(t, v any) bool {
	if list, ok := t.([]any); ok {
		return slices.ContainsFunc(list, func(t any) bool { return isType(t, v) })
	}
	switch v := v.(type) {
	case nil:
		return t == "null"
	case bool:
		return t == "boolean"
	case string:
		return t == "string"
	case float64:
		return t == "number" || t == "integer" && v == math.Trunc(v)
	case []any:
		return t == "array"
	default:
		return t == "object"
	}
}
