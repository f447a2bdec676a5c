package config

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Problem is something wrong with a configuration.
type Problem struct {
	Key   string // "" if it is about a file as a whole
	Value string // as it was given, stars for a secret; "" if there is none
	Rule  string // what is wrong or what must be, and what to do
	Where string // a file with a line, an environment variable or a flag; "" for a default
}

// String returns the problem in one line.
func (p Problem) String() string {
	var b strings.Builder
	for _, part := range []string{p.Where, p.Key} {
		if part != "" {
			b.WriteString(printable(part) + ": ")
		}
	}
	switch p.Value {
	case "":
	case hidden:
		b.WriteString(hidden + " ")
	default:
		b.WriteString(quoted(p.Value) + " ")
	}
	return b.String() + p.Rule
}

// Problems are all that is wrong with a configuration. As an error, it is in the chain of what Load and Check return.
type Problems []Problem

// Error lists the problems, one per line.
func (p Problems) Error() string {
	if len(p) == 1 {
		return p[0].String()
	}
	lines := []string{fmt.Sprintf("%d problems:", len(p))}
	for _, problem := range p {
		lines = append(lines, "  "+problem.String())
	}
	return strings.Join(lines, "\n")
}

// mostShown is how many bytes of a value are shown.
const mostShown = 100

// quoted returns a value in quotes, cut if it is long.
func quoted(s string) string {
	if len(s) <= mostShown {
		return fmt.Sprintf("%q", s)
	}
	cut := mostShown
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%q…", s[:cut])
}

// printable returns a name as it is, or in quotes if it holds anything odd.
func printable(s string) string {
	if q := fmt.Sprintf("%q", s); q != `"`+s+`"` || len(s) > mostShown {
		return quoted(s)
	}
	return s
}

// looksSecret finds connection strings where they do not belong.
var looksSecret = regexp.MustCompile(`(?i)passw|://.*@`)

// shown returns a setting's value as a problem may show it.
func (s setting) shown(value string) string {
	if value != "" && (s.Secret || looksSecret.MatchString(value)) {
		return hidden
	}
	return value
}
