package main

import (
	"context"
	"fmt"
	"os"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/progress"
	"github.com/realmport/realmport/internal/verify"
)

type verifyCmd struct {
	Archive string `arg:"" type:"path" placeholder:"FILE.tar.gz" help:"The archive to check."`
	JSON    bool   `name:"json" help:"Print JSON objects, one per line."`
	Limit   int    `default:"100" placeholder:"N" help:"Show at most so many problems. Default: 100."`
}

// Help is shown by verify --help.
func (verifyCmd) Help() string {
	return `Reads the archive from end to end, writes nothing, and prints every problem with its file, table and row.
Any Zulip export can be checked, whoever made it.

` + statuses
}

// Run verifies.
func (c *verifyCmd) Run(ctx context.Context, m *Main) error {
	if c.Limit < 1 {
		return realmport.Errorf(realmport.Invalid, "--limit is %d: it must be at least 1", c.Limit)
	}
	meter := &realmport.Meter{}
	meter.SetPhase("verify")
	if info, err := os.Stat(c.Archive); err == nil {
		meter.FileBytesTotal.Store(info.Size())
	}
	reporter := m.reporter(meter, c.JSON, false)
	reporter.Start()
	defer reporter.Stop()
	report, err := verify.File(ctx, c.Archive, verify.Options{Limit: c.Limit, Progress: func(read int64) {
		meter.FileBytes.Store(read)
		meter.Bytes.Store(read)
	}})
	reporter.Stop()
	if realmport.ErrorCode(err) == realmport.Invalid { // the file is wrong, the command line is not
		return realmport.Errorf(realmport.Unsupported, "%w", err)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		c.printJSON(m, report)
	} else {
		c.print(m, report, reporter.Elapsed().Seconds())
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
		Problems []verify.Problem `json:"problems,omitempty"` // hides the report's: they were told
	}{MessageType: "summary", Clean: r.Clean(), Report: r})
}

func (c *verifyCmd) print(m *Main, r *verify.Report, elapsed float64) {
	for _, p := range r.Problems {
		fmt.Fprintln(m.Stdout, p)
	}
	if hidden := r.ProblemCount - int64(len(r.Problems)); hidden > 0 {
		fmt.Fprintf(m.Stdout, "and %s more\n", progress.Plural(hidden, "more problem"))
	}
	verdict := "is whole and consistent"
	if !r.Clean() {
		verdict = "has " + progress.Plural(r.ProblemCount, "problem")
	}
	fmt.Fprintf(m.Stdout, "%s %s\n", shown(c.Archive), verdict)
	reportCounts(m.Stdout, r.Messages, r.UserMessages, r.Users, r.Rows, r.Files, r.FileBytes)
	fmt.Fprintf(m.Stdout, "  archive   %s, checked in %s\n", progress.Bytes(r.Bytes), seconds(elapsed))
	fmt.Fprintf(m.Stdout, "  SHA-256   %s\n", r.SHA256)
	if r.Missing > 0 {
		fmt.Fprintf(m.Stdout, "  missing   %s, which the export left out: listed in missing.json in the archive\n", progress.Plural(r.Missing, "thing"))
	}
}
