// Command scale measures realmport with many processes and a bucket, on organizations that it makes itself, and prints ratios from one run on
// one machine, each with its target. It needs a PostgreSQL server's DSN in REALMPORT_TEST_POSTGRES, versitygw, and the program in bin/realmport; make
// bench-scale provides them. Its exit status is 0 also where a target was missed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"

	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/s3server"
)

// bench is one run of the program.
type bench struct {
	server string // DSN
	binary string
	runs   int
	sizes  sizes
	out    io.Writer
	folder string
	s3     *s3server.Server
}

// sizes are how much is measured.
type sizes struct {
	messages, objects, pieces, realms int
}

func main() {
	b := &bench{server: os.Getenv("REALMPORT_TEST_POSTGRES"), out: os.Stdout}
	flag.IntVar(&b.sizes.messages, "messages", 300_000, "messages of the organization that workers share")
	flag.IntVar(&b.sizes.objects, "objects", 20_000, "small objects")
	flag.IntVar(&b.sizes.pieces, "pieces", 128, "stored pieces of 16 MiB to join")
	flag.IntVar(&b.sizes.realms, "realms", 200, "organizations whose exports are queued at once")
	flag.IntVar(&b.runs, "runs", 3, "measure what is short so often, and take the median")
	flag.StringVar(&b.binary, "binary", "bin/realmport", "the program")
	only := flag.String("only", "", "measure only some, of workers,objects,join,queue")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		stop()
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, only string) (err error) {
	if b.server == "" {
		return errors.New("REALMPORT_TEST_POSTGRES is empty: run it by make bench-scale")
	}
	if b.folder, err = os.MkdirTemp("", "realmport-scale-*"); err != nil {
		return err
	}
	defer os.RemoveAll(b.folder)
	if b.s3, err = s3server.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.s3.Stop()) }()
	fmt.Fprintf(b.out, "%s, %s, %d processors, PostgreSQL and the S3 server on the same\n\n", clock.Now().Format("2006-01-02"), processor(), runtime.NumCPU())
	for _, m := range []struct {
		name string
		run  func(context.Context) error
	}{{"workers", b.workers}, {"objects", b.objects}, {"join", b.join}, {"queue", b.queue}} {
		if only != "" && !slices.Contains(strings.Split(only, ","), m.name) {
			continue
		}
		if err := m.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// row prints a figure.
func (b *bench) row(what, format string, args ...any) {
	fmt.Fprintf(b.out, "%-70s "+format+"\n", append([]any{what}, args...)...)
}

// verdict is what follows a target.
func verdict(met bool) string {
	if met {
		return ""
	}
	return ", missed"
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
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

// storage opens the S3 server, directly or at another address.
func (b *bench) storage(ctx context.Context, endpoint string) (*s3.Client, error) {
	return s3.Open(ctx, s3.Config{
		Endpoint: endpoint, Region: b.s3.Region, AddressingStyle: "path", AccessKey: b.s3.AccessKey, SecretKey: b.s3.SecretKey,
	})
}
