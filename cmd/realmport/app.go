package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/alecthomas/kong"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/version"
)

// Main is the program with its surroundings, so that tests run it in process.
type Main struct {
	Stdout, Stderr io.Writer
	Env            func(string) string
	EnvNames       []string // of the variables that there are
	Now            func() time.Time
	Terminal       bool // Stderr is one
	Width          func() int
	// At is told of each step of the service's work, for tests; it may be nil.
	At func(step string)
}

// Exit statuses. They are listed in help.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitPartial     = 3
	exitNotFound    = 10
	exitRunning     = 11
	exitNotAllowed  = 12
	exitInterrupted = 130
)

const description = "Exports organizations of Zulip servers: fast, complete, consistent, verifiable.\n\n" + statuses

const statuses = `Results go to standard output, progress and messages to standard error. With --json, all but errors
goes to standard output, and everything is one object per line with its "message_type".

Exit status:

    0  done
    1  error; of verify also: the archive has problems
    2  the command line or the configuration is wrong; of import also: the archive is
    3  done, but something was missing and left out
   10  no such organization, database, file or folder
   11  already running: another process is writing the same archive, or works in the data folder
   12  not allowed
  130  interrupted`

type commands struct {
	Export   exportCmd  `cmd:"" help:"Write an organization of a Zulip server into an archive that Zulip imports."`
	Serve    serveCmd   `cmd:"" help:"Answer Zulip's API for data exports, on a demo organization or for a Zulip server."`
	Work     workCmd    `cmd:"" help:"Make exports that a service was asked for, beside it or on other machines."`
	Import   importCmd  `cmd:"" help:"Fill an embedded store from any Zulip export archive."`
	Verify   verifyCmd  `cmd:"" help:"Check that an archive is whole and consistent."`
	Settings configCmd  `cmd:"" name:"config" help:"Check the configuration of the service."`
	Version  versionCmd `cmd:"" help:"Print the version."`
}

// exited carries the exit status that the parser asks for, as after --help.
type exited int

// Run executes one command line and returns its exit status.
func (m *Main) Run(ctx context.Context, args []string) (status int) {
	defer func() {
		if r := recover(); r != nil {
			code, ok := r.(exited)
			if !ok {
				panic(r)
			}
			status = int(code)
		}
	}()
	cli := commands{Serve: serveCmd{settingFlags: newSettingFlags()}, Work: workCmd{settingFlags: newSettingFlags()}, Settings: newConfigCmd()}
	parser, err := kong.New(&cli, kong.Name("realmport"), kong.Description(description), kong.Writers(m.Stdout, m.Stderr),
		kong.Exit(func(code int) { panic(exited(code)) }), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}))
	if err != nil {
		return m.fail(err, false)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return m.misused(args, err)
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(m)
	if errors.Is(err, errPartial) {
		return exitPartial
	}
	if err != nil && ctx.Err() != nil && realmport.ErrorCode(err) != realmport.Interrupted {
		err = context.Cause(ctx)
	}
	return m.fail(err, cli.Export.JSON || cli.Verify.JSON || cli.Import.JSON)
}

// misused tells what is wrong with a command line, and which help to read.
func (m *Main) misused(args []string, err error) int {
	command := "realmport"
	for _, name := range []string{"export", "serve", "work", "import", "verify", "config", "version"} {
		if args[0] == name {
			command += " " + name
		}
	}
	err = realmport.Errorf(realmport.Invalid, "%w; try: %s --help", err, command)
	return m.fail(err, slices.Contains(args, "--json"))
}

// errPartial ends a command that did its work with something left out, which it has told of already.
var errPartial = errors.New("partial")

// errReported ends a command that failed and has told of it already.
var errReported = errors.New("reported")

// fail prints an error and returns the exit status that belongs to its code.
func (m *Main) fail(err error, asJSON bool) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errReported):
		return exitError
	case asJSON:
		m.object(m.Stderr, struct {
			MessageType string         `json:"message_type"`
			Code        realmport.Code `json:"code"`
			Message     string         `json:"message"`
		}{"error", realmport.ErrorCode(err), redacted(err.Error())})
	default:
		fmt.Fprintf(m.Stderr, "realmport: %s\n", redacted(err.Error()))
	}
	switch realmport.ErrorCode(err) {
	case realmport.Invalid:
		return exitUsage
	case realmport.NotFound:
		return exitNotFound
	case realmport.Running:
		return exitRunning
	case realmport.NotAllowed:
		return exitNotAllowed
	case realmport.Interrupted:
		return exitInterrupted
	default:
		return exitError
	}
}

// object prints one line of JSON.
func (m *Main) object(w io.Writer, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte(`{"message_type":"error","code":"internal"}`)
	}
	fmt.Fprintln(w, string(text))
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(m *Main) error {
	_, err := fmt.Fprintln(m.Stdout, "realmport "+version.String())
	return err
}
