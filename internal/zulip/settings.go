package zulip

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/realmport/realmport"
)

// Setting is one of a server's settings.
type Setting struct {
	Name string
	Line int // in the file
	// Value is a string, a bool, a []string or a map[string]string, as the setting is; nil with a Problem. The rates of
	// RATE_LIMITING_RULES are those of api_by_user, as a string in the form of a user's own: "60:200" (api.md §3.3).
	Value any
	// Problem says why the value cannot be told; "" if it can. It holds no values.
	Problem string
}

// wanted are the settings that realmport needs, in the order of ReadSettings, each with what makes its value of a literal.
var wanted = []struct {
	name string
	make func(any) (any, error)
}{
	{"EXTERNAL_HOST", text},
	{"EXTERNAL_URI_SCHEME", text},
	{"ZULIP_ADMINISTRATOR", text},
	{"REALM_HOSTS", texts},
	{"ROOT_SUBDOMAIN_ALIASES", list},
	{"ROOT_DOMAIN_LANDING_PAGE", boolean},
	{"ALLOWED_HOSTS", list},
	{"LOCAL_UPLOADS_DIR", text},
	{"RATE_LIMITING_RULES", userRates},
	{"S3_AUTH_UPLOADS_BUCKET", text},
	{"S3_AVATAR_BUCKET", text},
	{"S3_EXPORT_BUCKET", text},
	{"S3_ENDPOINT_URL", text},
	{"S3_REGION", text},
	{"S3_ADDRESSING_STYLE", text},
}

// ReadSettings reads from a server's settings file, usually /etc/zulip/settings.py, those that realmport needs; what the
// file does not set, or sets to None, is not there. The file is a program, and is not run: only values that are written out are
// read, all others have a Problem.
func ReadSettings(name string) ([]Setting, error) {
	content, err := readBounded(name, mostPython)
	if err != nil {
		return nil, realmport.Errorf(codeOf(err), "cannot read the server's settings: %w", err)
	}
	names := make([]string, len(wanted))
	for i, w := range wanted {
		names[i] = w.name
	}
	found, err := literals(content, names...)
	if err != nil {
		return nil, realmport.Errorf(realmport.Invalid, "%s is not a settings file of a Zulip server: %w", name, err)
	}
	var all []Setting
	for _, w := range wanted {
		events := found[w.name]
		if len(events) == 0 {
			continue
		}
		last := events[len(events)-1]
		s := Setting{Name: w.name, Line: last.line}
		switch {
		case last.why != "":
			s.Problem = "cannot be read without running Python: " + last.why
		case last.value == nil:
			continue
		default:
			if s.Value, err = w.make(last.value); err != nil {
				s.Value, s.Problem = nil, err.Error()
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// readBounded reads a file of at most that many bytes.
func readBounded(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory", name)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", name)
	case info.Size() > most:
		return nil, fmt.Errorf("%s has more than %d KiB", name, most>>10)
	}
	return os.ReadFile(name)
}

func text(v any) (any, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return nil, errors.New("is not text")
}

func boolean(v any) (any, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	return nil, errors.New("is not True or False")
}

func list(v any) (any, error) {
	values, ok := v.([]any)
	all := make([]string, len(values))
	for i, v := range values {
		s, isText := v.(string)
		ok = ok && isText
		all[i] = s
	}
	if !ok {
		return nil, errors.New("is not a list of texts")
	}
	return all, nil
}

func texts(v any) (any, error) {
	values, ok := v.(map[string]any)
	all := make(map[string]string, len(values))
	for k, v := range values {
		s, isText := v.(string)
		ok = ok && isText
		all[k] = s
	}
	if !ok {
		return nil, errors.New("is not a dictionary of texts")
	}
	return all, nil
}

// userRates reads the rates of {"api_by_user": [(60, 200)]}; "" if there are none.
func userRates(v any) (any, error) {
	wrong := errors.New("has no list of (seconds, requests) as api_by_user")
	rules, ok := v.(map[string]any)
	if !ok {
		return nil, wrong
	}
	pairs, ok := rules["api_by_user"].([]any)
	if !ok && rules["api_by_user"] != nil {
		return nil, wrong
	}
	var all []string
	for _, p := range pairs {
		pair, ok := p.([]any)
		if !ok || len(pair) != 2 {
			return nil, wrong
		}
		seconds, ok := pair[0].(int64)
		count, ok2 := pair[1].(int64)
		if !ok || !ok2 {
			return nil, wrong
		}
		all = append(all, fmt.Sprintf("%d:%d", seconds, count))
	}
	return strings.Join(all, ","), nil
}
