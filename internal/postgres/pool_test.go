package postgres_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/fault"
	"github.com/realmport/realmport/internal/postgres"
)

// ours counts realmport's connections to the database.
const ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'realmport' AND datname = current_database()"

// freed waits until the server has none of realmport's connections any more: it learns of their end by and by.
func freed(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	for t.Context().Err() == nil {
		if count(t, conn, ours) == 0 {
			return
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal)
	watch := connect(t, dsn)
	proxy := fault.NewProxy(t, addressOf(t, dsn))
	snap := snapshot(t, at(t, dsn, proxy.Addr()), postgres.Options{Connections: 3})
	if got := count(t, watch, ours); got != 2 {
		t.Errorf("at first: got %d connections, want 2", got)
	}
	// All three are in use at the same time, and the other reads wait.
	var wait, together sync.WaitGroup
	together.Add(3)
	slots := make(chan struct{}, 3)
	for range cap(slots) {
		slots <- struct{}{}
	}
	for range 10 {
		wait.Go(func() {
			first := true
			err := snap.Read(context.Background(), realmport.Query{Table: "zerver_realm", Columns: []string{"id"}}, func(realmport.Row) error {
				if !first {
					return nil
				}
				first = false
				select {
				case <-slots:
					together.Done()
					together.Wait()
				default:
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got := proxy.Taken(); got != 3 {
		t.Errorf("got %d connections opened, want 3", got)
	}
	if got := count(t, watch, ours); got != 3 {
		t.Errorf("afterwards: got %d connections, want 3", got)
	}
	if err := snap.Close(); err != nil {
		t.Fatal(err)
	}
	freed(t, watch)
	if got := proxy.Taken(); got != 3 {
		t.Errorf("after closing: got %d connections opened, want 3", got)
	}
}

func TestCloseDuringReads(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal)
	watch := connect(t, dsn)
	snap := snapshot(t, dsn, postgres.Options{Connections: 1})
	// One read holds the only connection while another waits for it.
	var wait sync.WaitGroup
	err := snap.Read(t.Context(), realmport.Query{Table: "zerver_realm", Columns: []string{"id"}}, func(realmport.Row) error {
		wait.Go(func() {
			if _, err := texts(t, snap, "zerver_realm", "name"); err == nil {
				t.Error("read that waited until after close: got no error")
			}
		})
		return snap.Close()
	})
	if err != nil {
		t.Errorf("read that was under way: %v", err)
	}
	wait.Wait()
	freed(t, watch)
}

func TestNoConnectionIsLeft(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal)
	watch := connect(t, dsn)
	t.Run("after errors before the snapshot", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := open(t, dsn, postgres.Options{}).Snapshot(ctx); err == nil {
			t.Error("got no error, want one")
		}
		freed(t, watch)
	})
	t.Run("after a reader's error", func(t *testing.T) {
		snap := snapshot(t, dsn, postgres.Options{})
		_ = snap.Read(t.Context(), realmport.Query{Table: "zerver_realm", Columns: []string{"id"}}, func(realmport.Row) error { return context.Canceled })
		if err := snap.Close(); err != nil {
			t.Fatal(err)
		}
		freed(t, watch)
	})
	t.Run("after a failed query", func(t *testing.T) {
		snap := snapshot(t, dsn, postgres.Options{})
		q := realmport.Query{Table: "zerver_realm", Columns: []string{"id"}, Where: []realmport.Cond{realmport.Equal{Column: "id", Value: "x"}}}
		if err := snap.Read(t.Context(), q, func(realmport.Row) error { return nil }); err == nil {
			t.Error("got no error, want one")
		}
		if err := snap.Close(); err != nil {
			t.Fatal(err)
		}
		freed(t, watch)
	})
}

// onWarning is a log that calls fn for each record.
type onWarning func(message string)

func (f onWarning) Enabled(context.Context, slog.Level) bool { return true }
func (f onWarning) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	f(text)
	return nil
}
func (f onWarning) WithAttrs([]slog.Attr) slog.Handler { return f }
func (f onWarning) WithGroup(string) slog.Handler      { return f }

func onWarningLog(fn func(text string)) *slog.Logger { return slog.New(onWarning(fn)) }

// TestTryingAgain breaks the connection in several ways before there is a snapshot.
func TestTryingAgain(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*fault.Proxy){
		"refused":        (*fault.Proxy).Refuse,
		"cut at once":    func(p *fault.Proxy) { p.CutAfter(0) },
		"cut at login":   func(p *fault.Proxy) { p.CutAfter(20) },
		"cut at the end": func(p *fault.Proxy) { p.CutAfter(600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := database(t, minimal)
			proxy := fault.NewProxy(t, addressOf(t, dsn))
			spoil(proxy)
			warnings := 0
			log := onWarningLog(func(text string) {
				warnings++
				if !strings.Contains(text, "cannot reach PostgreSQL at "+proxy.Addr()) {
					t.Errorf("got warning %q, want one that names the address", text)
				}
				proxy.Accept()
				proxy.CutAfter(-1)
			})
			snap := snapshot(t, at(t, dsn, proxy.Addr()), postgres.Options{Log: log})
			if warnings != 1 {
				t.Errorf("got %d warnings, want 1", warnings)
			}
			if got, err := texts(t, snap, "zerver_realm", "name"); err != nil || len(got) != 2 {
				t.Errorf("got %v, %v, want 2 rows", got, err)
			}
		})
	}
}

func TestTryingAgainEndsWithTheContext(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal)
	proxy := fault.NewProxy(t, addressOf(t, dsn))
	proxy.Refuse()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := realmport.Errorf(realmport.Interrupted, "stopped by the user")
	log := onWarningLog(func(string) { cancel(cause) })
	_, err := open(t, at(t, dsn, proxy.Addr()), postgres.Options{Log: log}).Snapshot(ctx)
	wantError(t, err, realmport.Interrupted, "stopped by the user")
}

// TestSnapshotIsLost breaks connections after there is a snapshot.
func TestSnapshotIsLost(t *testing.T) {
	t.Parallel()
	terminate := func(t *testing.T, watch *pgx.Conn, _ *fault.Proxy) {
		t.Helper()
		n := count(t, watch, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'realmport' AND datname = current_database()")
		if n == 0 {
			t.Error("there was no connection to break")
		}
	}
	cut := func(_ *testing.T, _ *pgx.Conn, p *fault.Proxy) { p.Cut() }
	refuse := func(_ *testing.T, _ *pgx.Conn, p *fault.Proxy) { p.Cut(); p.Refuse() }
	for name, spoil := range map[string]func(*testing.T, *pgx.Conn, *fault.Proxy){"cut": cut, "cut and refused": refuse, "terminated": terminate} {
		lost := func(t *testing.T, what string, err error) {
			t.Helper()
			wantError(t, err, realmport.Unavailable, "lost the connection to PostgreSQL at 127.0.0.1", "while reading "+what, "its snapshot is gone", "run it again")
		}
		begin := func(t *testing.T) (realmport.Snapshot, func()) {
			t.Helper()
			dsn := database(t, minimal+"CREATE TABLE big AS SELECT n AS id, repeat('x', 1000) AS fill FROM generate_series(1, 20000) AS n")
			proxy, watch := fault.NewProxy(t, addressOf(t, dsn)), connect(t, dsn)
			return snapshot(t, at(t, dsn, proxy.Addr()), postgres.Options{}), func() { spoil(t, watch, proxy) }
		}
		t.Run(name+" before the tables are read", func(t *testing.T) {
			t.Parallel()
			snap, spoil := begin(t)
			spoil()
			_, err := snap.Schema(t.Context())
			lost(t, "its tables", err)
		})
		t.Run(name+" between reads", func(t *testing.T) {
			t.Parallel()
			snap, spoil := begin(t)
			if _, err := texts(t, snap, "zerver_realm", "name"); err != nil {
				t.Fatal(err)
			}
			spoil()
			_, err := texts(t, snap, "zerver_realm", "name")
			lost(t, "zerver_realm", err)
			_, err = texts(t, snap, "zerver_realm", "name")
			wantError(t, err, realmport.Unavailable, "is gone", "run it again")
		})
		t.Run(name+" in a read", func(t *testing.T) {
			t.Parallel()
			snap, spoil := begin(t)
			rows := 0
			err := snap.Read(t.Context(), realmport.Query{Table: "big", Columns: []string{"id", "fill"}}, func(realmport.Row) error {
				if rows++; rows == 1 {
					spoil()
				}
				return nil
			})
			lost(t, "big", err)
			if rows == 20000 {
				t.Error("got all rows")
			}
		})
	}
}

// TestLeadIsLost breaks the connections of a snapshot while all are in use, so that a further one does not find it.
func TestLeadIsLost(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal)
	snap := snapshot(t, dsn, postgres.Options{Connections: 3})
	if _, err := snap.Schema(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, dsn)
	err := nested(t, snap, func() {
		count(t, conn, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'realmport' AND datname = current_database()")
		freed(t, conn)
	})
	wantError(t, err, realmport.Unavailable, "the snapshot of PostgreSQL at "+addressOf(t, dsn)+" is gone", "run it again")
}

// nested reads on three connections at a time, and returns the error of the last. It calls fn before that one.
func nested(t *testing.T, snap realmport.Snapshot, fn func()) error {
	t.Helper()
	var inner error
	q := realmport.Query{Table: "zerver_realm", Columns: []string{"id"}}
	_ = snap.Read(t.Context(), q, func(realmport.Row) error {
		return snap.Read(t.Context(), q, func(realmport.Row) error {
			fn()
			_, inner = texts(t, snap, "zerver_realm", "name")
			return inner
		})
	})
	return inner
}
