// Command bench measures realmport on organizations that it makes itself, and prints ratios: they hold
// on other machines too, which seconds do not. It needs a PostgreSQL server's DSN in
// REALMPORT_TEST_POSTGRES and the program in bin/realmport; make bench provides both.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/demo"
)

// bench is one run of the program.
type bench struct {
	server string // DSN
	binary string
	runs   int
	out    io.Writer
	folder string
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == measureVerb {
		if err := measure(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	messages := flag.Int("messages", 500_000, "messages of the large organization; there are 16 usermessages for each")
	runs := flag.Int("runs", 3, "measure each thing so often, and take the median")
	only := flag.String("only", "", "measure export or service only")
	binary := flag.String("binary", "bin/realmport", "the program")
	flag.Parse()
	b := &bench{server: os.Getenv("REALMPORT_TEST_POSTGRES"), binary: *binary, runs: *runs, out: os.Stdout}
	if err := b.run(context.Background(), *messages, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, messages int, only string) (err error) {
	if b.server == "" {
		return errors.New("REALMPORT_TEST_POSTGRES is empty: run it by make bench")
	}
	if b.folder, err = os.MkdirTemp("", "realmport-bench-*"); err != nil {
		return err
	}
	defer os.RemoveAll(b.folder)
	fmt.Fprintf(b.out, "%s, %s, %d processors, medians of %d runs\n\n", clock.Now().Format("2006-01-02"), processor(), runtime.NumCPU(), b.runs)
	if only != "export" {
		err = errors.Join(b.embedded(ctx), b.many(ctx))
	}
	if only != "service" {
		err = errors.Join(err, b.exports(ctx, messages))
	}
	return err
}

// exports measures the engine.
func (b *bench) exports(ctx context.Context, messages int) error {
	large, err := b.organization(ctx, "large", 1, messages)
	if err != nil {
		return err
	}
	small, err := b.organization(ctx, "small", 1, messages/10)
	if err != nil {
		return err
	}
	shared, err := b.organization(ctx, "shared", 100, messages)
	if err != nil {
		return err
	}
	return errors.Join(b.floor(ctx, large), b.scale(large, small), b.share(shared, large), b.workers(large))
}

// organization makes a database of the given number of organizations, and returns its DSN.
func (b *bench) organization(ctx context.Context, name string, realms, messages int) (string, error) {
	name = fmt.Sprintf("bench_%s_%d", name, os.Getpid())
	conn, err := pgx.Connect(ctx, b.server)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	config := conn.Config()
	dsn := fmt.Sprintf("postgres://%s@%s:%d/%s?sslmode=disable", config.User, config.Host, config.Port, name)
	begun := clock.Now()
	err = demo.Generate(ctx, dsn, demo.Size{
		Realms: realms, Users: max(200, 25*realms), Streams: max(40, 3*realms), Messages: messages, UserMessages: 16 * messages,
		Reactions: messages / 5, AuditRows: messages / 20,
	})
	fmt.Fprintf(os.Stderr, "made %s: %d messages in %.0f s\n", name, messages, clock.Now().Sub(begun).Seconds())
	return dsn, err
}

// floor compares an export with the least that reading its messages can cost.
func (b *bench) floor(ctx context.Context, dsn string) error {
	var copies, exports []float64
	for range b.runs { // in turn, so that both see the same machine
		seconds, err := b.copyRows(ctx, dsn)
		if err != nil {
			return err
		}
		copies = append(copies, seconds)
		m, err := b.export(dsn, demo.GeneratedRealm(0))
		if err != nil {
			return err
		}
		exports = append(exports, m.seconds)
	}
	c, e := median(copies), median(exports)
	b.row("export of everything / COPY of its messages and usermessages", "%.2f (target: at most 2.0; %.2f s / %.2f s)", e/c, e, c)
	return nil
}

// copyRows reads the realm's messages and usermessages by COPY and drops them.
func (b *bench) copyRows(ctx context.Context, dsn string) (float64, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	begun := clock.Now()
	realm := demo.GeneratedRealmID(0)
	for _, rows := range []string{
		fmt.Sprintf("SELECT * FROM zulip.zerver_message WHERE realm_id = %d", realm),
		"SELECT * FROM zulip.zerver_usermessage",
	} {
		if _, err := conn.PgConn().CopyTo(ctx, io.Discard, "COPY ("+rows+") TO STDOUT"); err != nil {
			return 0, err
		}
	}
	return clock.Now().Sub(begun).Seconds(), nil
}

// scale compares an organization with one of a tenth of its size.
func (b *bench) scale(large, small string) error {
	l, err := b.median(large, demo.GeneratedRealm(0))
	if err != nil {
		return err
	}
	s, err := b.median(small, demo.GeneratedRealm(0))
	if err != nil {
		return err
	}
	b.row("time at ten times the size", "%.1f times (linear: 10; %.2f s / %.2f s)", l.seconds/s.seconds, l.seconds, s.seconds)
	b.row("peak memory", "%.1f MiB (target: at most 64)", l.peak)
	b.row("peak memory at ten times the size", "%.2f times (target: 0.8 to 1.2; %.1f MiB / %.1f MiB)", l.peak/s.peak, l.peak, s.peak)
	return nil
}

// share compares one of a hundred organizations of a server with all of them, and with one that has all their rows.
func (b *bench) share(shared, large string) error {
	one, err := b.median(shared, demo.GeneratedRealm(50))
	if err != nil {
		return err
	}
	all := 0.0
	for n := range 100 {
		m, err := b.export(shared, demo.GeneratedRealm(n))
		if err != nil {
			return err
		}
		all += m.seconds
	}
	whole, err := b.median(large, demo.GeneratedRealm(0))
	if err != nil {
		return err
	}
	b.row("one of a hundred organizations / all hundred", "%.1f %% (target: at most 3 %%; %.2f s / %.1f s)", 100*one.seconds/all, one.seconds, all)
	b.row("one of a hundred organizations / one with all their rows", "%.1f %% (%.2f s / %.2f s)", 100*one.seconds/whole.seconds, one.seconds, whole.seconds)
	return nil
}

// workers compares numbers of workers.
func (b *bench) workers(dsn string) error {
	var base float64
	for _, n := range []string{"1", "2", "4"} {
		m, err := b.median(dsn, demo.GeneratedRealm(0), "--workers", n)
		if err != nil {
			return err
		}
		if base == 0 {
			base = m.seconds
		}
		b.row("workers: "+n, "%.2f of one worker's time, %.1f MiB", m.seconds/base, m.peak)
	}
	return nil
}

func (b *bench) row(what, format string, args ...any) {
	fmt.Fprintf(b.out, "%-60s "+format+"\n", append([]any{what}, args...)...)
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// processor is the machine's, as far as it tells.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
