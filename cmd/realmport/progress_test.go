package main

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/realmport/realmport"
)

// TestProgress checks what a person or program sees of an export that takes its time: the server is
// held until the first report.
func TestProgress(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const erase = "\r\x1b[K"
	for _, tt := range []struct {
		name     string
		terminal bool
		flags    []string
		awaited  string // shows that there was a report
		stdout   *regexp.Regexp
		stderr   *regexp.Regexp
	}{
		{
			name: "on a terminal", terminal: true, awaited: erase + "[",
			stdout: regexp.MustCompile(`^exported organization "demo"`),
			// One line drawn again and again, and erased at the end.
			stderr: regexp.MustCompile(`^(\r\x1b\[K\[[= ]{20}\] +\d+%  [a-z]+[^\n]{0,60})+\r\x1b\[K$`),
		},
		{
			name: "off a terminal", awaited: "%  ",
			stdout: regexp.MustCompile(`^exported organization "demo"`),
			stderr: regexp.MustCompile(`^( +\d+%  [a-z]+  [^\n]*\n)+$`),
		},
		{
			name: "json", flags: []string{"--json"}, terminal: true, awaited: `"status"`,
			stdout: regexp.MustCompile(`^(\{"message_type":"status",[^\n]*\}\n)+\{"message_type":"summary",[^\n]*\}\n$`),
			stderr: regexp.MustCompile(`^$`),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := t.TempDir() + "/out.tar.gz"
			s := newStall(t, f.dsn, 10_000)
			c := &cli{terminal: tt.terminal}
			where := &c.stderr
			if len(tt.flags) > 0 {
				where = &c.stdout
			}
			seen := where.has(tt.awaited)
			go func() {
				<-seen
				s.release()
			}()
			r := c.run(t.Context(), t, f.args(t, append(tt.flags, "--source", s.dsn, "--out", out)...)...)
			if r.status != exitPartial || !tt.stdout.MatchString(r.stdout) || !tt.stderr.MatchString(r.stderr) {
				t.Errorf("got status %d, want %d and progress\nstandard output: %q\nstandard error: %q", r.status, exitPartial, r.stdout, r.stderr)
			}
			for _, o := range ofType(objects(t, jsonOf(r.stdout)), "status") {
				if done := o["done"].(float64); done < 0 || done > 1 || o["phase"] == "" {
					t.Errorf("got %v, want a phase, and done between 0 and 1", o)
				}
			}
		})
	}
}

// jsonOf returns a text if it is JSON.
func jsonOf(text string) string {
	if strings.HasPrefix(text, "{") {
		return text
	}
	return ""
}

// TestMessagesOnTerminal checks that neither a warning nor an error stands behind a bar.
func TestMessagesOnTerminal(t *testing.T) {
	t.Parallel()
	f := setup(t)
	s := newStall(t, f.dsn, 0)
	c := &cli{terminal: true}
	ctx, cancel := context.WithCancelCause(t.Context())
	seen := c.stderr.has("connect")
	go func() {
		<-seen
		cancel(realmport.Errorf(realmport.Interrupted, "stopped by the test"))
	}()
	r := c.run(ctx, t, "export", "--source", s.dsn, "--realm", "demo", "--type", "full", "--out", f.out)
	r.want(t, exitInterrupted, nil, says("\r\x1b[Krealmport: warning: ", "\r\x1b[Krealmport: stopped by the test: no archive was written\n"))
}
