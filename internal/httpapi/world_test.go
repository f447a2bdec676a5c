package httpapi

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/events"
	"github.com/realmport/realmport/internal/events/eventstest"
	"github.com/realmport/realmport/internal/export"
	"github.com/realmport/realmport/internal/exports"
	"github.com/realmport/realmport/internal/sqlite"
	"github.com/realmport/realmport/internal/store"
)

// The people of setup A (api.md §7).
const (
	nobody    int64 = 0
	ownerO    int64 = 10
	adminI    int64 = 11
	memberM   int64 = 12
	dormant   int64 = 13 // deactivated
	genericB  int64 = 16
	webhookW  int64 = 17
	adminAB   int64 = 18
	moderator int64 = 19
	guestG    int64 = 20
	stranger  int64 = 40 // the owner of the organization other
)

const (
	acmeRealm  int64 = 2
	otherRealm int64 = 3
	acmeHost         = "acme.example.com"
	basePath         = "/api/v1/export/realm"
)

func keyOf(user int64) string   { return fmt.Sprintf("aBcDeFgH%024d", user) }
func emailOf(user int64) string { return fmt.Sprintf("person%d@example.com", user) }

// now is when the tests begin.
var now = time.Date(2026, time.November, 23, 11, 59, 38, 706807374, time.UTC)

// world is setup A with all that answers, on a database of its own.
type world struct {
	t       *testing.T
	kind    kind
	db      *sql.DB
	worker  *exports.Worker
	hub     *events.Hub
	clock   *eventstest.Clock
	api     *API
	address string
	log     *syncBuffer
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reference is the policy of the reference (api.md §1.3, §1.7).
func reference() exports.Policy {
	return exports.Policy{
		MaxMessages: 250_000, MaxUploadBytes: 20 << 30, PerWeek: 5, CountFailed: true, Attempts: 1, FailRedelivered: true,
		Contact: "zulip-admin@example.com",
	}
}

// newWorld makes setup A; change, which may be nil, changes the options of its API.
func newWorld(t *testing.T, k kind, change func(*Options)) *world {
	t.Helper()
	db, dialect, source := k.open(t)
	t.Cleanup(func() { db.Close() })
	w := &world{t: t, kind: k, db: db, clock: eventstest.New(now), log: &syncBuffer{}}
	w.setUp()
	dir := t.TempDir()
	uploads := filepath.Join(dir, "uploads")
	must(t, os.Mkdir(uploads, 0o700))
	must(t, demo.WriteRulesUploads(uploads))
	rows, err := store.New(t.Context(), db, dialect, store.Options{Owned: true})
	must(t, err)
	state := db
	if dialect == store.SQLite {
		state, err = sqlite.OpenState(t.Context(), filepath.Join(dir, "state.db"))
		must(t, err)
		t.Cleanup(func() { state.Close() })
	}
	runs, err := store.NewRuns(t.Context(), state, dialect, store.RunsOptions{Now: w.clock.Now})
	must(t, err)
	archives, err := local.OpenArchives(filepath.Join(uploads, "avatars"))
	must(t, err)
	t.Cleanup(func() { archives.Close() })
	files, err := local.OpenFiles(uploads)
	must(t, err)
	t.Cleanup(func() { files.Close() })

	w.hub = events.New(events.Options{Clock: w.clock, Heartbeat: func() time.Duration { return 50 * time.Second }})
	log := slog.New(slog.NewTextHandler(w.log, nil))
	service := &exports.Service{
		Directory: rows, Exports: rows, Runs: runs, Archives: archives, Place: exports.Folder{}, Queue: idleQueue{}, Policy: reference(), Now: w.clock.Now, Log: log,
	}
	o := Options{
		Exports: service, Events: w.hub, Log: log, Clock: w.clock, ZulipVersion: "11.0", PlainRefusals: true, NotificationBot: demo.NotificationBot,
		Hosts: Hosts{ExternalHost: "example.com", RootAliases: []string{"www"}},
	}
	if change != nil {
		change(&o)
	}
	w.hub = o.Events
	service.Notifier, err = NewNotifier(o)
	must(t, err)
	w.api, err = New(o)
	must(t, err)
	w.worker = &exports.Worker{
		Service: service,
		Engine: export.Options{
			Source: source, Files: files, AvatarSalt: demo.AvatarSalt, ExternalHost: demo.ExternalHost,
			Migrations: []byte(`{"migrations_by_app":{},"zulip_version":"11.0"}`),
		},
		Work: filepath.Join(dir, "tmp"), Beat: time.Hour, Stale: time.Minute,
	}
	w.listen()
	return w
}

// setUp turns the rules organization into setup A.
func (w *world) setUp() {
	for _, table := range []string{"zerver_realmexport", "analytics_realmcount"} {
		w.exec("DELETE FROM @" + table)
	}
	if w.kind.name == "SQLite" {
		w.exec("DELETE FROM sqlite_sequence WHERE name = 'zerver_realmexport'")
	} else {
		w.exec("ALTER TABLE @zerver_realmexport ALTER id RESTART WITH 1")
	}
	w.exec("UPDATE @zerver_attachment SET size = 0")
	w.exec("UPDATE @zerver_realm SET string_id = 'acme' WHERE id = 2")
	w.exec("UPDATE @zerver_realm SET string_id = 'other' WHERE id = 3")
	w.exec("UPDATE @zerver_userprofile SET role = 400, allow_private_data_export = false WHERE realm_id = 2")
	for user, role := range map[int64]realmport.Role{
		ownerO: realmport.Owner, adminI: realmport.Administrator, adminAB: realmport.Administrator, moderator: realmport.Moderator,
		guestG: realmport.Guest, stranger: realmport.Owner, memberM: realmport.Member, dormant: realmport.Member, genericB: realmport.Member,
		webhookW: realmport.Member,
	} {
		w.exec("UPDATE @zerver_userprofile SET role = $1, api_key = $2, delivery_email = $3, is_active = $4 WHERE id = $5",
			int(role), keyOf(user), emailOf(user), user != dormant, user)
	}
	w.exec("UPDATE @zerver_userprofile SET bot_type = 2 WHERE id = $1", webhookW)
	w.set(ownerO, "allow_private_data_export", true)
}

// exec changes the organizations' database behind everybody's back.
func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	if _, err := w.db.ExecContext(context.Background(), w.qualified(statement), args...); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

func (w *world) qualified(statement string) string {
	prefix := ""
	if w.kind.name == "PostgreSQL" {
		prefix = "zulip."
	}
	return string(bytes.ReplaceAll([]byte(statement), []byte("@"), []byte(prefix)))
}

// count runs a query that yields one number.
func (w *world) count(query string, args ...any) int {
	w.t.Helper()
	var n int
	if err := w.db.QueryRowContext(context.Background(), w.qualified(query), args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// set changes a column of a user.
func (w *world) set(user int64, column string, v any) {
	w.t.Helper()
	w.exec("UPDATE @zerver_userprofile SET "+column+" = $1 WHERE id = $2", v, user)
}

// time is a time as the database keeps it.
func (w *world) time(at time.Time) any {
	if w.kind.name == "SQLite" {
		return at.UnixMicro()
	}
	return at
}

// usage sets how much the organization has.
func (w *world) usage(messages, uploads int64) {
	w.t.Helper()
	for _, c := range []struct {
		property string
		subgroup any
		value    int64
	}{{"messages_sent:message_type:day", "private_message", messages}, {"upload_quota_used_bytes::day", nil, uploads}} {
		w.exec("INSERT INTO @analytics_realmcount (realm_id, property, subgroup, end_time, value) VALUES (2, $1, $2, $3, $4)",
			c.property, c.subgroup, w.time(now.Add(time.Hour)), c.value)
	}
}

// row adds the row of an export that nobody of these tests asked for.
func (w *world) row(realm int64, status realmport.ExportStatus, user any, requested time.Time) {
	w.t.Helper()
	w.exec("INSERT INTO @zerver_realmexport (realm_id, type, status, acting_user_id, date_requested) VALUES ($1, 1, $2, $3, $4)",
		realm, int(status), user, w.time(requested))
}

// export returns the row of an export.
func (w *world) export(id int64) *realmport.Export {
	w.t.Helper()
	e, err := w.worker.Exports.Export(context.Background(), id)
	must(w.t, err)
	return e
}

// work lets the worker have an export's job. With fail, what it reads from is broken.
func (w *world) work(id int64, fail bool) {
	w.t.Helper()
	worker := *w.worker
	if fail {
		worker.Engine.Source = brokenSource{}
	}
	_, err := worker.Do(context.Background(), id)
	if !fail {
		must(w.t, err)
	}
}

// listen serves the API on a socket until the test ends.
func (w *world) listen() {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	w.address = listener.Addr().String()
	server := &http.Server{Handler: w.api, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	w.t.Cleanup(func() {
		w.api.Close()
		_ = server.Close()
		<-done
	})
}

// idleQueue runs nothing: the tests do.
type idleQueue struct{}

func (idleQueue) Enqueue(context.Context, int64) error { return nil }
func (idleQueue) Cancel(context.Context, int64) error  { return nil }

// brokenSource cannot be read.
type brokenSource struct{}

func (brokenSource) Snapshot(context.Context) (realmport.Snapshot, error) {
	return nil, realmport.Errorf(realmport.Unavailable, "the database does not answer")
}

// syncBuffer is a log that tests read.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // +checklocks:mu
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
