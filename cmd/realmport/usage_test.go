package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
)

// TestHelp checks that every help fits its terminal and lists every exit status.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"--help"}, {"export", "--help"}, {"verify", "--help"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			r := run(t, args...)
			r.want(t, exitOK, says("Usage: realmport"), nil)
			for line := range strings.Lines(r.stdout) {
				if len(line) > 111 {
					t.Errorf("got a line of %d columns, want at most 110: %s", len(line), line)
				}
			}
			var listed []string
			for _, m := range regexp.MustCompile(`(?m)^ +(\d+)  \S`).FindAllStringSubmatch(r.stdout, -1) {
				listed = append(listed, m[1])
			}
			if diff := cmp.Diff([]string{"0", "1", "2", "3", "10", "11", "12", "130"}, listed); diff != "" {
				t.Errorf("exit statuses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	run(t, "version").want(t, exitOK, says("realmport ", "go1."), nil)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "x.tar.gz")
	valid := []string{"export", "--realm", "demo", "--type", "full", "--out", out}
	with := func(more ...string) []string { return append(valid[:len(valid):len(valid)], more...) }
	for _, tt := range []struct {
		name string
		args []string
		says []string
	}{
		{"unknown command", []string{"exprot"}, says("unexpected argument exprot", "try: realmport --help")},
		{"unknown flag", with("--bogus"), says("unknown flag --bogus", "try: realmport export --help")},
		{"nothing given", []string{"export"}, says("missing flags", "--out=FILE.tar.gz", "--realm=NAME", "--type=public|standard|full")},
		{"bad type", []string{"export", "--realm", "demo", "--type", "all", "--out", out}, says(`--type must be one of "public","standard","full" but got "all"`)},
		{"workers no number", with("--workers", "many"), says("--workers", `"many"`)},
		{"workers below", with("--workers=-1"), says("--workers is -1: it must be between 1 and 256")},
		{"workers above", with("--workers=257"), says("--workers is 257: it must be between 1 and 256")},
		{"compression below", with("--compression=0"), says("--compression is 0: it must be between 1 and 9")},
		{"compression above", with("--compression=10"), says("--compression is 10: it must be between 1 and 9")},
		{"standard output", []string{"export", "--realm", "demo", "--type", "full", "--out", "-"}, says("--out is -: an archive needs a file")},
		{"two salts", with("--avatar-salt=x", "--zulip-secrets=y"), says("--avatar-salt and --zulip-secrets can't be used together")},
		{"two migrations", with("--migration-status=x", "--zulip-deployment=y"), says("--migration-status and --zulip-deployment can't be used together")},
		{"bad source", with("--source", "postgres://u:s3cret-of-the-database@h:port/zulip"), says("the source is not a PostgreSQL connection string", "postgres://USER@HOST:PORT/DATABASE")},
		{"a source without its flag", with("postgres://u:s3cret-of@the-database@h/zulip"), says("unexpected argument postgres://u:***@h/zulip")},
		{"nothing to verify", []string{"verify"}, says("<archive>", "try: realmport verify --help")},
		{"bad limit", []string{"verify", "--limit=0", "x"}, says("--limit is 0: it must be at least 1")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := run(t, tt.args...)
			r.want(t, exitUsage, nil, append(says("realmport: "), tt.says...))
			if strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("got %q, want one line", r.stderr)
			}
			r = run(t, append(tt.args, "--json")...)
			if r.status != exitUsage || r.stdout != "" {
				t.Errorf("with --json: got status %d and %q, want %d and nothing", r.status, r.stdout, exitUsage)
			}
			if got := ofType(objects(t, r.stderr), "error"); len(got) != 1 || got[0]["code"] != "invalid" || got[0]["message"] == "" {
				t.Errorf("with --json: got %q, want one error with the code invalid", r.stderr)
			}
		})
	}
	if got := files(t, filepath.Dir(out)); len(got) > 0 {
		t.Errorf("got files %q, want none after a wrong command line", got)
	}
}

func TestRedacted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"nothing to hide: 1 user@host", "nothing to hide: 1 user@host"},
		{"postgres://u@h/db", "postgres://u@h/db"},
		{"postgres://h:5432/db", "postgres://h:5432/db"},
		{"x postgres://u:pw@h/db y", "x postgres://u:***@h/db y"},
		{"POSTGRESQL://u:pw@h/db", "POSTGRESQL://u:***@h/db"},
		{"postgres://u:p@s/w:d @h/db", "postgres://u:***@h/db"},
		{"postgres://u@h/db?password=pw&x=y", "postgres://u@h/db?password=***&x=y"},
		{"host=h password=pw dbname=d", "host=h password=*** dbname=d"},
		{`host=h password = 'p \' w' dbname=d`, "host=h password = *** dbname=d"},
		{
			"cannot read s3://avatars/exports/0123456789abcdef0123456789abcdef/zulip-export-aB_3defg.tar.gz: denied",
			"cannot read s3://avatars/exports/***/zulip-export-aB_3defg.tar.gz: denied",
		},
		{"open /data/exports/2/abcDEF-_0123456789abcdef/zulip-export-a.tar.gz: none", "open /data/exports/2/***/zulip-export-a.tar.gz: none"},
		{"exports%2F0123456789abcdef0123456789abcdef%2Fzulip-export-a", "exports%2F***%2Fzulip-export-a"},
		{"exports/2/short/zulip-export-a.tar.gz", "exports/2/short/zulip-export-a.tar.gz"},
		{"finish s3://b/realmport-parts/4QJ7/000001-X: gone", "finish s3://b/realmport-parts/***: gone"},
		{`Put "http://h/b/realmport-parts/4QJ7/000001-X?partNumber=1": EOF`, `Put "http://h/b/realmport-parts/***?partNumber=1": EOF`},
		{"cannot list s3://b/realmport-parts/: denied", "cannot list s3://b/realmport-parts/: denied"},
		{
			`Get "https://h/b/a.tar.gz?X-Amz-Algorithm=A&X-Amz-Credential=c&X-Amz-Signature=5e1f&x-id=GetObject": EOF`,
			`Get "https://h/b/a.tar.gz?***": EOF`,
		},
		{"canonical query X-Amz-Expires=1&X-Amz-Signature=5e1f", "canonical query X-Amz-Expires=1&X-Amz-Signature=***"},
		{"https://h/a?x-amz-signature=5e1f https://h/b?x=1", "https://h/a?*** https://h/b?x=1"},
	} {
		if got := redacted(tt.in); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// TestStatusOfCodes checks that every code has the status that the help says.
func TestStatusOfCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[realmport.Code]int{
		realmport.Internal: exitError, realmport.Conflict: exitError, realmport.Unavailable: exitError, realmport.Unsupported: exitError,
		realmport.Invalid: exitUsage, realmport.NotFound: exitNotFound, realmport.NotAllowed: exitNotAllowed, realmport.Interrupted: exitInterrupted,
	} {
		c := &cli{}
		m := &Main{Stdout: &c.stdout, Stderr: &c.stderr}
		if got := m.fail(realmport.Errorf(code, "a message"), false); got != want {
			t.Errorf("%s: got status %d, want %d", code, got, want)
		}
		if got, want := c.stderr.String(), "realmport: a message\n"; got != want {
			t.Errorf("%s: got %q, want %q", code, got, want)
		}
	}
}

func TestInterruptedBeforeItBegins(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(realmport.Errorf(realmport.Interrupted, "stopped by the test"))
	out := filepath.Join(t.TempDir(), "x.tar.gz")
	args := []string{"export", "--source", "postgres://u@db.invalid/zulip", "--realm", "demo", "--type", "full", "--out", out, "-q"}
	r := (&cli{}).run(ctx, t, args...)
	r.want(t, exitInterrupted, nil, says("realmport: stopped by the test: no archive was written\n"))
	r = (&cli{}).run(ctx, t, append(args, "--json")...)
	errs := ofType(objects(t, r.stderr), "error")
	if r.status != exitInterrupted || len(errs) != 1 || errs[0]["code"] != "interrupted" {
		t.Errorf("got status %d and %q, want %d and an error", r.status, r.stderr, exitInterrupted)
	}
	if got := files(t, filepath.Dir(out)); len(got) > 0 {
		t.Errorf("got files %q, want none", got)
	}
}

// brokenWriter fails.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestVersionNeedsItsOutput(t *testing.T) {
	t.Parallel()
	c := &cli{}
	m := &Main{Stdout: brokenWriter{}, Stderr: &c.stderr}
	if got := m.Run(t.Context(), []string{"version"}); got != exitError {
		t.Errorf("got status %d, want %d", got, exitError)
	}
}

// TestMessages checks that what is said again and again is said once.
func TestMessages(t *testing.T) {
	t.Parallel()
	c := &cli{}
	log := slog.New(&messages{main: &Main{Stdout: &c.stdout, Stderr: &c.stderr}})
	log.Info("not for the user")
	log.Warn("no answer", "err", errors.New("refused"))
	log.Warn("no answer", "err", errors.New("refused"))
	log.Warn("postgres://u:secret@h/db")
	log.Warn("no answer", "err", errors.New("refused"))
	const refused = "realmport: warning: no answer: refused\n"
	if got, want := c.stderr.String(), refused+"realmport: warning: postgres://u:***@h/db\n"+refused; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestShown(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, tt := range []struct{ name, want string }{
		{filepath.Join(dir, "x.tar.gz"), "x.tar.gz"},
		{filepath.Join(dir, "below", "x.tar.gz"), filepath.Join("below", "x.tar.gz")},
		{filepath.Join(filepath.Dir(dir), "x.tar.gz"), filepath.Join(filepath.Dir(dir), "x.tar.gz")},
		{"/x.tar.gz", "/x.tar.gz"},
	} {
		if got := shown(tt.name); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		s    float64
		want string
	}{{0, "0.00 s"}, {0.041, "0.04 s"}, {1, "1.0 s"}, {75.26, "75.3 s"}} {
		if got := seconds(tt.s); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.s, got, tt.want)
		}
	}
}
