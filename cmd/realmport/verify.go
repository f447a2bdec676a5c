package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/realmport/realmport/internal/progress"
	"github.com/realmport/realmport/internal/verify"
)

type verifyCmd struct {
	Archive string `arg:"" type:"path" placeholder:"FILE.tar.gz" help:"The archive to check."`
	JSON    bool   `name:"json" help:"Print JSON objects, one per line."`
	Limit   int    `default:"100" placeholder:"N" help:"Show at most so many problems."`
}

// Help is shown by verify --help.
func (verifyCmd) Help() string {
	return `Reads the archive from end to end, writes nothing, and prints every problem with its file, table and row.
Any Zulip export can be checked, whoever made it.

` + statuses
}

// Run verifies.
func (c *verifyCmd) Run(ctx context.Context, m *Main) error {
	var read atomic.Int64
	begun := m.Now()
	report, err := verify.File(ctx, c.Archive, verify.Options{Limit: c.Limit, Progress: read.Store})
	if err != nil {
		return err
	}
	if c.JSON {
		c.printJSON(m, report)
	} else {
		c.print(m, report, m.Now().Sub(begun).Seconds())
	}
	if !report.Clean() {
		return errReported
	}
	return nil
}

func (c *verifyCmd) printJSON(m *Main, r *verify.Report) {
	for _, p := range r.Problems {
		m.object(m.Stdout, struct {
			MessageType string `json:"message_type"`
			verify.Problem
		}{"problem", p})
	}
	m.object(m.Stdout, struct {
		MessageType string `json:"message_type"`
		Clean       bool   `json:"clean"`
		*verify.Report
	}{"summary", r.Clean(), r})
}

func (c *verifyCmd) print(m *Main, r *verify.Report, seconds float64) {
	for _, p := range r.Problems {
		fmt.Fprintln(m.Stdout, p)
	}
	if hidden := r.ProblemCount - int64(len(r.Problems)); hidden > 0 {
		fmt.Fprintf(m.Stdout, "… and %s more\n", progress.Plural(hidden, "problem"))
	}
	verdict := "is whole and consistent"
	if !r.Clean() {
		verdict = "has " + progress.Plural(r.ProblemCount, "problem")
	}
	fmt.Fprintf(m.Stdout, "%s %s\n", c.Archive, verdict)
	fmt.Fprintf(m.Stdout, "  %s with %s, %s, %s in all\n", progress.Plural(r.Messages, "message"),
		progress.Plural(r.UserMessages, "usermessage"), progress.Plural(r.Users, "user"), progress.Plural(r.Rows, "row"))
	fmt.Fprintf(m.Stdout, "  %s (%s), checked in %.1f s\n", progress.Plural(r.Files, "file"), progress.Bytes(r.FileBytes), seconds)
	fmt.Fprintf(m.Stdout, "  SHA-256 %s\n", r.SHA256)
	if r.Missing > 0 {
		fmt.Fprintf(m.Stdout, "  the export had to leave out %s: see missing.json in it\n", progress.Plural(r.Missing, "thing"))
	}
}
