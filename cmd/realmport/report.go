package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/progress"
)

// reporter shows a meter the way the command line and the streams ask for.
func (m *Main) reporter(meter *realmport.Meter, asJSON, quiet bool) *progress.Reporter {
	w, style := m.Stderr, progress.Lines
	switch {
	case quiet:
		style = progress.None
	case asJSON:
		w, style = m.Stdout, progress.JSON
	case m.Terminal:
		style = progress.Bar
	}
	return progress.New(w, style, meter, m.Now, m.Width)
}

// report prints the summary of an export.
func (c *exportCmd) report(m *Main, s *realmport.Summary) {
	switch {
	case c.JSON:
		m.object(m.Stdout, struct {
			MessageType string `json:"message_type"`
			Out         string `json:"out"`
			*realmport.Summary
		}{"summary", c.Out, s})
	case c.Quiet:
		if s.Partial() {
			fmt.Fprintf(m.Stderr, "realmport: warning: missing: %s\n", leftOut(s))
			reportMissing(m.Stderr, s)
		}
	default:
		w := m.Stdout
		out := c.Out
		if !strings.HasPrefix(out, bucketScheme) {
			out = shown(out)
		}
		fmt.Fprintf(w, "exported organization %q (%s) to %s\n", s.Realm, s.Type, out)
		reportCounts(w, s.Messages, s.UserMessages, s.Users, s.Rows, s.Files, s.FileBytes)
		fmt.Fprintf(w, "  archive   %s in %s\n", progress.Bytes(s.Bytes), seconds(s.Seconds))
		if s.SHA256 != "" { // nobody has seen the bytes of an archive that a bucket has joined
			fmt.Fprintf(w, "  SHA-256   %s\n", s.SHA256)
		}
		fmt.Fprintf(w, "  missing   %s\n", leftOut(s))
		reportMissing(w, s)
	}
}

// reportCounts prints what an archive holds.
func reportCounts(w io.Writer, messages, usermessages, users, rows, files, fileBytes int64) {
	fmt.Fprintf(w, "  messages  %s, with %s\n", progress.Count(messages), progress.Plural(usermessages, "usermessage"))
	fmt.Fprintf(w, "  users     %s\n", progress.Count(users))
	fmt.Fprintf(w, "  rows      %s in all tables\n", progress.Count(rows))
	fmt.Fprintf(w, "  files     %s (%s)\n", progress.Count(files), progress.Bytes(fileBytes))
}

// leftOut counts what an export left out.
func leftOut(s *realmport.Summary) string {
	if !s.Partial() {
		return "nothing"
	}
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(s.Missing)) {
		n := int64(s.Missing[kind])
		if kind == "emoji" { // the word has no other plural
			kinds = append(kinds, progress.Count(n)+" custom emoji")
			continue
		}
		kinds = append(kinds, progress.Plural(n, strings.ReplaceAll(kind, "_", " ")))
	}
	return strings.Join(kinds, ", ") + ": left out, and listed in missing.json in the archive"
}

// reportMissing prints the first things that an export left out.
func reportMissing(w io.Writer, s *realmport.Summary) {
	const most = 5
	total := 0
	for _, n := range s.Missing {
		total += n
	}
	shown := s.Examples[:min(most, len(s.Examples))]
	for _, miss := range shown {
		what := fmt.Sprintf("%s of %s %d", strings.ReplaceAll(miss.Kind, "_", " "), miss.Table, miss.ID)
		if miss.Path != "" {
			what += fmt.Sprintf(", %q", miss.Path)
		}
		fmt.Fprintf(w, "    %s: %s\n", what, miss.Reason)
	}
	if rest := total - len(shown); rest > 0 {
		fmt.Fprintf(w, "    and %s more\n", progress.Count(int64(rest)))
	}
}

// seconds writes a duration as a person wants to read it.
func seconds(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%.2f s", s)
	}
	return fmt.Sprintf("%.1f s", s)
}

// shown is how messages name a file: relative to the working directory when it is below it.
func shown(name string) string {
	dir, err := os.Getwd()
	if err != nil {
		return name
	}
	if rel, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return name
}
