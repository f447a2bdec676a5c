package config

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/mail"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// printableText tells whether s can stand in a line.
func printableText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// line is text of one line.
func line(form, rule string) codec[string] {
	return codec[string]{form: form, rule: rule, parse: func(s string) (string, bool) { return s, printableText(s) }, format: same}
}

func same(s string) string { return s }

// path is the name of a file or a folder. A relative one is below the folder in which realmport was started.
func path(form string) codec[string] {
	return codec[string]{
		form: form, rule: "a path of printable characters",
		parse: func(s string) (string, bool) {
			if s == "" {
				return "", true
			}
			return filepath.Clean(s), printableText(s)
		},
		format: same,
	}
}

// secret is what a check accepts.
func secret(rule string, accepts func(string) bool) codec[Secret] {
	return codec[Secret]{
		form: "TEXT", rule: rule,
		parse:  func(s string) (Secret, bool) { return Secret(s), s == "" || accepts(s) },
		format: func(s Secret) string { return string(s) },
	}
}

// oneOf is one of a few words.
func oneOf[T ~string](words ...T) codec[T] {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return codec[T]{
		form: strings.Join(texts, "|"), rule: "one of " + strings.Join(texts, ", "),
		parse:  func(s string) (T, bool) { return T(s), slices.Contains(words, T(s)) },
		format: func(v T) string { return string(v) },
	}
}

func boolean() codec[bool] {
	return codec[bool]{
		form: "true|false", rule: "true or false",
		parse:  func(s string) (bool, bool) { return s == "true", s == "true" || s == "false" },
		format: strconv.FormatBool,
	}
}

// digits are a whole number, with underscores between digits if one likes.
var digits = regexp.MustCompile(`^[0-9]+(_[0-9]+)*$`)

// whole is a whole number in a range.
func whole[T int | int64](from, to T) codec[T] {
	rule := fmt.Sprintf("a whole number from %d to %d", from, to)
	if int64(to) == math.MaxInt64 {
		rule = fmt.Sprintf("a whole number of %d or more", from)
	}
	return codec[T]{
		form: "N", rule: rule,
		parse: func(s string) (T, bool) {
			n, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
			return T(n), err == nil && digits.MatchString(s) && int64(from) <= n && n <= int64(to)
		},
		format: func(n T) string { return strconv.FormatInt(int64(n), 10) },
	}
}

// units of sizes, those of 1024 from small to large first.
var units = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"PiB", 1 << 50},
	{"kB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"PB", 1e15},
	{"B", 1},
	{"", 1},
}

var sizeText = regexp.MustCompile(`^([0-9]+(?:_[0-9]+)*) ?([A-Za-z]*)$`)

// size is a number of bytes of at least that many.
func size(from int64) codec[int64] {
	rule := "a size such as 500MB, 20GiB or 1TiB"
	if from > 0 {
		rule += " of at least " + formatSize(from)
	}
	return codec[int64]{
		form: "SIZE", rule: rule,
		parse: func(s string) (int64, bool) {
			m := sizeText.FindStringSubmatch(s)
			if m == nil {
				return 0, false
			}
			n, err := strconv.ParseInt(strings.ReplaceAll(m[1], "_", ""), 10, 64)
			for _, u := range units {
				if strings.EqualFold(u.name, m[2]) {
					return n * u.bytes, err == nil && n <= math.MaxInt64/u.bytes && n*u.bytes >= from
				}
			}
			return 0, false
		},
		format: formatSize,
	}
}

func formatSize(n int64) string {
	for _, u := range slices.Backward(units[:5]) {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

const day = 24 * time.Hour

// duration is a time of at least that long.
func duration(from time.Duration) codec[time.Duration] {
	rule := "a duration such as 30s, 5m, 12h or 7d"
	if from > 0 {
		rule += " of at least " + formatDuration(from)
	}
	return codec[time.Duration]{
		form: "DURATION", rule: rule,
		parse: func(s string) (time.Duration, bool) {
			if days, ok := strings.CutSuffix(s, "d"); ok && digits.MatchString(days) {
				n, err := strconv.Atoi(strings.ReplaceAll(days, "_", ""))
				return time.Duration(n) * day, err == nil && n <= int(math.MaxInt64/day) && time.Duration(n)*day >= from
			}
			d, err := time.ParseDuration(s)
			return d, err == nil && d >= from
		},
		format: formatDuration,
	}
}

// formatDuration writes a duration without the zeros of its small units.
func formatDuration(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// listOf is a list of values, in a text with commas between them.
func listOf[T any](c codec[T]) codec[[]T] {
	return codec[[]T]{
		form: c.form + ",…", rule: "a list, of which each must be " + c.rule, shape: sequence,
		parse: func(s string) ([]T, bool) {
			all := []T{}
			for part := range strings.SplitSeq(s, ",") {
				if part = strings.TrimSpace(part); part == "" && strings.TrimSpace(s) == "" {
					break
				}
				v, ok := c.parse(part)
				if !ok {
					return nil, false
				}
				all = append(all, v)
			}
			return all, true
		},
		format: func(all []T) string {
			texts := make([]string, len(all))
			for i, v := range all {
				texts[i] = c.format(v)
			}
			return strings.Join(texts, ",")
		},
	}
}

// realmID is the string_id of an organization that has its own host.
var realmID = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// hostsByRealm is a mapping of organizations to their hosts, in a text acme=chat.acme.example.org,…
func hostsByRealm() codec[map[string]string] {
	c := host()
	return codec[map[string]string]{
		form: "REALM=HOST,…", rule: "a mapping of organizations' string_ids to hosts, each " + c.rule, shape: mapping,
		parse: func(s string) (map[string]string, bool) {
			all := map[string]string{}
			for part := range strings.SplitSeq(s, ",") {
				if strings.TrimSpace(s) == "" {
					break
				}
				realm, name, _ := strings.Cut(part, "=")
				realm = strings.TrimSpace(realm)
				h, ok := c.parse(strings.TrimSpace(name))
				if _, twice := all[realm]; twice || !ok || !realmID.MatchString(realm) {
					return nil, false
				}
				all[realm] = h
			}
			return all, true
		},
		format: func(all map[string]string) string {
			var texts []string
			for _, realm := range slices.Sorted(maps.Keys(all)) {
				texts = append(texts, realm+"="+all[realm])
			}
			return strings.Join(texts, ",")
		},
	}
}

// address is an e-mail address, of which a name before it is cut off.
func address() codec[string] {
	return codec[string]{
		form: "ADDRESS", rule: "an e-mail address, as in admin@example.com or Admin <admin@example.com>",
		parse: func(s string) (string, bool) {
			a, err := mail.ParseAddress(s)
			if err != nil || !printableText(a.Address) {
				return "", false
			}
			return a.Address, true
		},
		format: same,
	}
}

func level() codec[slog.Level] {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	return codec[slog.Level]{
		form: "debug|info|warn|error", rule: "one of debug, info, warn, error",
		parse:  func(s string) (slog.Level, bool) { l, ok := levels[s]; return l, ok },
		format: func(l slog.Level) string { return strings.ToLower(l.String()) },
	}
}

// parseRates reads limits on requests (api.md §3.3): seconds:count[,seconds:count…].
func parseRates(s string) (Rates, bool) {
	var all Rates
	for part := range strings.SplitSeq(s, ",") {
		seconds, count, ok := strings.Cut(strings.TrimSpace(part), ":")
		n, err := strconv.ParseUint(seconds, 10, 31)
		calls, err2 := strconv.ParseUint(count, 10, 31)
		if !ok || err != nil || err2 != nil || n == 0 || calls == 0 {
			return nil, false
		}
		all = append(all, Rate{time.Duration(n) * time.Second, int(calls)})
	}
	byWindow := func(a, b Rate) int { return cmp.Compare(a.Window, b.Window) }
	return all, slices.IsSortedFunc(all, byWindow)
}

func rates() codec[Rates] {
	return codec[Rates]{
		form: "SECONDS:COUNT,…", rule: "limits such as 60:200 (in 60 seconds 200 requests), with commas between them, shortest time first",
		shape: sequence, parse: parseRates, format: Rates.String,
	}
}
