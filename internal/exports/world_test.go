package exports_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/exports"
	"github.com/realmport/realmport/internal/sqlite"
	"github.com/realmport/realmport/internal/store"
	"github.com/realmport/realmport/internal/verify"
)

// world is an embedded store with the rules organization, and all that works on its exports.
type world struct {
	*exports.Worker
	dir      string
	db       *sql.DB
	notes    *notes
	queue    *queue
	archives *local.Archives
	// now is the time; the heartbeats' too.
	mu  sync.Mutex
	now time.Time // +checklocks:mu
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// notes are what users were told.
type notes struct {
	mu   sync.Mutex
	told []string // +checklocks:mu
}

func (n *notes) add(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, s)
}

// take returns what was told since the last call.
func (n *notes) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	told := n.told
	n.told = nil
	return told
}

func (n *notes) ExportsChanged(realm *realmport.Realm, list []realmport.Export, to []int64) {
	status := map[realmport.ExportStatus]string{1: "requested", 2: "started", 3: "succeeded", 4: "failed", 5: "deleted"}
	s := realm.StringID + " " + status[list[len(list)-1].Status]
	if !slices.Contains(to, demo.Owner) || slices.Contains(to, demo.Bob) {
		s += " to the wrong users"
	}
	n.add(s)
}

func (n *notes) ConsentChanged(c realmport.Consent, to []int64) {
	s := map[bool]string{true: "consents", false: "consents no more"}[c.Consented]
	if c.UserID == demo.Bob {
		s = "bob " + s
	}
	if !slices.Contains(to, demo.Owner) {
		s += " to the wrong users"
	}
	n.add(s)
}

func (n *notes) ExportsWanted(realm int64) bool           { return realm == demo.RulesRealm }
func (n *notes) SettingChanged(int64, string, bool)       { n.add("setting") }
func (n *notes) MessageSent(*realmport.User, int64)       { n.add("message") }
func (q *queue) Cancel(_ context.Context, id int64) error { q.add("cancel", id); return q.err }

func (q *queue) Enqueue(_ context.Context, id int64) error { q.add("enqueue", id); return q.err }

func (q *queue) Requeue(_ context.Context, id int64) error { q.add("requeue", id); return q.err }

func user(id int64, role realmport.Role) *realmport.User {
	return &realmport.User{ID: id, RealmID: demo.RulesRealm, Role: role}
}

func owner() *realmport.User { return user(demo.Owner, realmport.Owner) }

func (w *world) status(t *testing.T, id int64) *exports.Status { t.Helper(); return w.statusOf(t, id) }

// queue notes what it was asked.
type queue struct {
	mu    sync.Mutex
	calls map[string][]int64 // +checklocks:mu
	err   error
}

func (q *queue) add(call string, id int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.calls == nil {
		q.calls = map[string][]int64{}
	}
	q.calls[call] = append(q.calls[call], id)
}

func (q *queue) take(call string) []int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	ids := q.calls[call]
	delete(q.calls, call)
	return ids
}

// template is an embedded store with the rules organization, made once.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "realmport-test-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "organization.db")
	l, err := sqlite.Create(context.Background(), name)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(demo.LoadRules(context.Background(), l), l.Commit(context.Background())); err != nil {
		return nil, errors.Join(err, l.Abort())
	}
	return os.ReadFile(name)
})

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), notes: &notes{}, queue: &queue{}, now: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	content, err := template()
	check(err)
	name := filepath.Join(w.dir, "organization.db")
	check(os.WriteFile(name, content, 0o600))
	uploads := filepath.Join(w.dir, "uploads")
	check(os.Mkdir(uploads, 0o700))
	check(demo.WriteRulesUploads(uploads))

	w.db, err = sqlite.OpenDB(t.Context(), name)
	check(err)
	t.Cleanup(func() { w.db.Close() })
	state, err := sqlite.OpenState(t.Context(), filepath.Join(w.dir, "state.db"))
	check(err)
	t.Cleanup(func() { state.Close() })
	rows, err := store.New(t.Context(), w.db, store.SQLite, store.Options{Owned: true})
	check(err)
	runs, err := store.NewRuns(t.Context(), state, store.SQLite, store.RunsOptions{Now: w.time})
	check(err)
	w.archives, err = local.OpenArchives(filepath.Join(uploads, "avatars"))
	check(err)
	t.Cleanup(func() { w.archives.Close() })
	files, err := local.OpenFiles(uploads)
	check(err)
	t.Cleanup(func() { files.Close() })
	source, err := sqlite.Open(name, sqlite.Options{})
	check(err)
	w.Worker = &exports.Worker{
		Service: &exports.Service{
			Directory: rows, Exports: rows, Runs: runs, Archives: w.archives, Place: exports.Folder{}, Queue: w.queue, Notifier: w.notes,
			Policy: exports.Policy{Attempts: 3, Contact: "admin@example.com"}, Now: w.time, Log: slog.New(slog.DiscardHandler),
		},
		Engine: export.Options{
			Source: source, Files: files, AvatarSalt: demo.AvatarSalt, ExternalHost: demo.ExternalHost,
			Migrations: []byte(`{"migrations_by_app":{},"zulip_version":"11.0"}`),
		},
		Work: filepath.Join(w.dir, "tmp"), Beat: time.Hour, Stale: time.Minute,
	}
	return w
}

// create asks for an export.
func (w *world) create(t *testing.T) int64 {
	t.Helper()
	id, err := w.Create(t.Context(), owner(), realmport.Standard)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (w *world) statusOf(t *testing.T, id int64) *exports.Status {
	t.Helper()
	s, err := w.Status(t.Context(), owner(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// count returns what a query of the organization counts.
func (w *world) count(t *testing.T, query string, args ...any) int {
	t.Helper()
	var n int
	if err := w.db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// stored lists the archives, those in the making too, below the folder of archives.
func (w *world) stored(t *testing.T) []string {
	t.Helper()
	return below(t, filepath.Join(w.dir, "uploads", "avatars", "exports"))
}

func below(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && path != folder {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// succeeded checks everything that holds after an export was made, however often it was begun.
func (w *world) succeeded(t *testing.T, id int64) {
	t.Helper()
	s := w.status(t, id)
	if s.Export.Status != realmport.Succeeded || s.Run.Owner != "" {
		t.Fatalf("got status %d, owner %q, reason %q, want an export that succeeded", s.Export.Status, s.Run.Owner, s.Run.Reason)
	}
	name, _ := w.Place.Archive(s.Export.Path)
	f, err := w.archives.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	report, err := verify.Verify(t.Context(), bytes.NewReader(content), f.Size, verify.Options{})
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("the archive: %v, problems %v", err, report.Problems)
	}
	if report != nil && (report.SHA256 != s.Export.SHA256 || f.Size != s.Export.Size) {
		t.Errorf("got digest %s and size %d in the row, want %s and %d", s.Export.SHA256, s.Export.Size, report.SHA256, f.Size)
	}
	// The folders of organization and secret, and the archive.
	if got := w.stored(t); len(got) != 3 {
		t.Errorf("got %q, want one archive and nothing else", got)
	}
	if got := below(t, w.Work); len(got) > 0 {
		t.Errorf("got temporary files %q, want none", got)
	}
	audit := "SELECT count(*) FROM zerver_realmauditlog WHERE event_type = 206 AND json_extract(extra_data, '$.realm_export_id') = ?"
	if got := w.count(t, audit, id); got != 1 {
		t.Errorf("got %d audit rows, want 1", got)
	}
	if got := w.count(t, "SELECT count(*) FROM zerver_message WHERE content LIKE 'Your data export is complete.%'"); got != 1 {
		t.Errorf("got %d messages, want 1", got)
	}
}

// failed checks everything that holds after an export failed for good.
func (w *world) failed(t *testing.T, id int64, reason string) {
	t.Helper()
	s := w.status(t, id)
	if s.Export.Status != realmport.Failed || s.Run.Owner != "" || s.Run.Reason != reason {
		t.Errorf("got status %d, owner %q, reason %q, want a failure because %q", s.Export.Status, s.Run.Owner, s.Run.Reason, reason)
	}
	if got := append(w.stored(t), below(t, w.Work)...); len(got) > 0 {
		t.Errorf("got files %q, want none", got)
	}
}
