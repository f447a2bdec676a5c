package parts_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/jobs"
	"github.com/realmport/realmport/internal/parts"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/postgres"
	"github.com/realmport/realmport/internal/s3server/s3test"
	"github.com/realmport/realmport/internal/store"
	"github.com/realmport/realmport/internal/verify"
)

// The size of the organization: more than one part, also of files. How many messages there are depends on the race detector, under
// which each takes many times as long: race_on_test.go, race_off_test.go.
const (
	userMessages = 4 * messages
	attachments  = 400
)

// Times that make silence be noticed soon.
const (
	beat  = 50 * time.Millisecond
	stale = time.Second
	poll  = 20 * time.Millisecond
)

// world is a server's database, its upload folder, a bucket, and the state that machines share.
type world struct {
	dsn     string
	uploads string
	config  s3.Config
	bucket  string
	stock   *s3.Stock
	parts   *store.Parts
	log     *log
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{uploads: t.TempDir(), log: &log{}}
	size := demo.Size{
		Users: 50, Streams: 10, Messages: messages, UserMessages: userMessages, Reactions: 500, Attachments: attachments, AuditRows: 50,
	}
	w.dsn = pgtest.Template(t, fmt.Sprint("parts ", size), func(dsn string) error { return demo.Generate(context.Background(), dsn, size) })
	writeUploads(t, w.dsn, w.uploads)
	w.config, w.bucket = s3test.Bucket(t)
	w.stock = w.stockAt(t, w.config)
	w.parts = w.partsAt(t, w.dsn)
	return w
}

func (w *world) stockAt(t *testing.T, config s3.Config) *s3.Stock {
	t.Helper()
	client, err := s3.Open(t.Context(), config)
	check(t, err)
	return s3.OpenStock(client, s3.StockConfig{Bucket: w.bucket})
}

func (w *world) partsAt(t *testing.T, dsn string) *store.Parts {
	t.Helper()
	db, err := postgres.OpenDB(t.Context(), dsn, 8)
	check(t, err)
	t.Cleanup(func() { db.Close() })
	p, err := store.NewParts(t.Context(), db, store.PartsOptions{})
	check(t, err)
	return p
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// writeUploads makes the files of the generated attachments.
func writeUploads(t *testing.T, dsn, folder string) {
	t.Helper()
	db, err := postgres.OpenDB(t.Context(), dsn, 1)
	check(t, err)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT path_id, size FROM zulip.zerver_attachment")
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		var size int
		check(t, rows.Scan(&name, &size))
		path := folder + "/files/" + name
		check(t, os.MkdirAll(path[:strings.LastIndex(path, "/")], 0o700))
		check(t, os.WriteFile(path, bytes.Repeat([]byte{'x'}, size), 0o600))
	}
	check(t, rows.Err())
}

// machine is a process that makes parts.
type machine struct {
	*parts.Worker
	queue *jobs.Queue
}

// machineWith is a machine with what is changed of it.
func (w *world) machineWith(t *testing.T, change func(*parts.Worker)) *machine {
	t.Helper()
	source, err := postgres.Open(w.dsn, postgres.Options{Connections: 2})
	check(t, err)
	m := &machine{Worker: &parts.Worker{
		Parts: w.parts, Stock: w.stock, Beat: beat, Aside: time.Second, Log: slog.New(w.log),
		Helper: export.HelperOptions{Source: source, Files: w.files(t), Spool: t.TempDir(), Workers: 2},
	}}
	if change != nil {
		change(m.Worker)
	}
	return m
}

// start lets the machine take parts from the queue.
func (m *machine) start(t *testing.T, w *world) *machine {
	t.Helper()
	var err error
	m.queue, err = jobs.Open(t.Context(), jobs.Options{PostgreSQL: w.dsn, Part: m.Do, PartWorkers: 2, Log: slog.New(w.log)})
	check(t, err)
	check(t, m.queue.Start(t.Context()))
	t.Cleanup(func() {
		_ = m.queue.Stop(context.Background())
		m.Close()
	})
	return m
}

func (w *world) files(t *testing.T) *local.Files {
	t.Helper()
	files, err := local.OpenFiles(w.uploads)
	check(t, err)
	t.Cleanup(func() { files.Close() })
	return files
}

func (w *world) coordination(t *testing.T) parts.Coordination {
	t.Helper()
	queue, err := jobs.Open(t.Context(), jobs.Options{PostgreSQL: w.dsn, InsertOnly: true})
	check(t, err)
	check(t, queue.Start(t.Context()))
	t.Cleanup(func() { _ = queue.Stop(context.Background()) })
	return parts.Coordination{
		Parts: w.parts, Queue: queue, Stock: w.stock, Width: 6, Poll: poll, Stale: stale, Tries: 3, Log: slog.New(w.log),
	}
}

func (w *world) options(t *testing.T, typ realmport.ExportType) export.Options {
	t.Helper()
	source, err := postgres.Open(w.dsn, postgres.Options{Connections: 2})
	check(t, err)
	return export.Options{
		Source: source, Files: w.files(t), Realm: demo.GeneratedRealm(0), Type: typ, AvatarSalt: demo.AvatarSalt,
		ExternalHost: demo.ExternalHost, Migrations: []byte(`{"migrations_by_app":{},"zulip_version":"11.0"}`), Spool: t.TempDir(), Name: "archive",
		AllowUnusable: true,
	}
}

// alone exports without anybody's help.
func (w *world) alone(t *testing.T, typ realmport.ExportType) []byte {
	t.Helper()
	opts, out := w.options(t, typ), &memory{}
	opts.Output = out
	_, err := export.Run(t.Context(), opts)
	check(t, err)
	return out.Bytes()
}

// memory is an output that keeps the archive.
type memory struct{ bytes.Buffer }

func (*memory) Commit() error { return nil }
func (*memory) Abort() error  { return nil }

const archiveName = "exports/archive.tar.gz"

// together exports with all machines that there are.
func (w *world) together(t *testing.T, c parts.Coordination, typ realmport.ExportType) (*realmport.Summary, error) {
	t.Helper()
	team := c.New(attemptName(t))
	out, err := w.stock.CreateJoined(t.Context(), archiveName)
	check(t, err)
	opts := w.options(t, typ)
	opts.Output, opts.Team = out, team
	summary, err := export.Run(t.Context(), opts)
	if err != nil {
		check(t, out.Abort())
	}
	check(t, team.Close(context.WithoutCancel(t.Context())))
	return summary, err
}

func attemptName(t *testing.T) string {
	t.Helper()
	return strings.NewReplacer("/", "-", "_", "-", " ", "-").Replace(t.Name())
}

// whole checks that the archive is what an export without help writes, byte for byte, and that nothing else is left.
func (w *world) whole(t *testing.T, typ realmport.ExportType, summary *realmport.Summary) {
	t.Helper()
	f, err := w.stock.Open(t.Context(), archiveName)
	check(t, err)
	defer f.Close()
	got, err := io.ReadAll(f)
	check(t, err)
	if want := w.alone(t, typ); !bytes.Equal(got, want) {
		t.Errorf("got an archive of %d bytes, want the same %d bytes as without help", len(got), len(want))
	}
	report, err := verify.Verify(t.Context(), bytes.NewReader(got), int64(len(got)), verify.Options{})
	check(t, err)
	for _, p := range report.Problems {
		t.Errorf("verify: %s", p)
	}
	if summary.Bytes != int64(len(got)) || report.Rows != summary.Rows || report.Files != summary.Files || typ == realmport.Full && summary.Messages != messages {
		t.Errorf("got summary %+v, want what verify counts: %d rows, %d files, %d bytes", summary, report.Rows, report.Files, len(got))
	}
	w.clean(t, archiveName)
}

// clean checks that there are just those objects.
func (w *world) clean(t *testing.T, want ...string) {
	t.Helper()
	if got := s3test.Keys(t, w.config, w.bucket); !slices.Equal(got, want) {
		t.Errorf("got objects %q, want %q", got, want)
	}
}

// log collects what was logged.
type log struct {
	mu    sync.Mutex
	lines []string // +checklocks:mu
}

func (*log) Enabled(context.Context, slog.Level) bool { return true }
func (l *log) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l *log) WithGroup(string) slog.Handler          { return l }

func (l *log) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	return nil
}

// says counts the lines that hold the text.
func (l *log) says(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// all returns what was logged, for failures.
func (l *log) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}
