package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/store"
)

// auditRow is a line of the audit log.
type auditRow struct {
	Event, Realm, Acting, Modified int64
	Time                           time.Time
	Backfilled                     bool
	Extra                          map[string]any
}

// audit reads the log.
func audit(t *testing.T, w *world) []auditRow {
	t.Helper()
	at := "event_time"
	if w.d == store.PostgreSQL {
		at = "CAST(extract(epoch FROM event_time) * 1000000 AS bigint)"
	}
	rows, err := w.db.QueryContext(t.Context(), `SELECT event_type, realm_id, coalesce(acting_user_id, 0), coalesce(modified_user_id, 0),
		`+at+`, backfilled, CAST(extra_data AS text) FROM `+w.table("zerver_realmauditlog")+` ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	var all []auditRow
	for rows.Next() {
		var r auditRow
		var micros int64
		var extra string
		if err := rows.Scan(&r.Event, &r.Realm, &r.Acting, &r.Modified, &micros, &r.Backfilled, &extra); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(extra), &r.Extra); err != nil {
			t.Fatal(err)
		}
		r.Time = time.UnixMicro(micros).UTC()
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func create(t testing.TB, s *store.Store, realm, user int64, at time.Time) int64 {
	t.Helper()
	id, err := s.Create(t.Context(), realmport.NewExport{RealmID: realm, Type: realmport.Standard, ActingUser: user, Now: at})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// want checks what a change says.
func want(t testing.TB, wantOK, ok bool, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if ok != wantOK {
		t.Fatalf("got %v, want %v", ok, wantOK)
	}
}

var result = realmport.Result{
	Path: "/user_avatars/exports/2/x/zulip-export-1.tar.gz", SHA256: fmt.Sprintf("%064x", 5), Size: 5 << 40,
	Stats: json.RawMessage(`{"a": 1.50}`),
}

func TestExportLife(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.new(t, false)
		ctx, at := t.Context(), func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
		id := create(t, s, acme, admin, at(0))
		expect := realmport.Export{
			ID: id, RealmID: acme, Type: realmport.Standard, Status: realmport.Requested, ActingUser: admin, Requested: at(0),
			Stats: json.RawMessage(realmport.OwnStats),
		}
		check := func() {
			t.Helper()
			got, err := s.Export(ctx, id)
			equal := cmp.Transformer("json", func(b json.RawMessage) (v any) { _ = json.Unmarshal(b, &v); return v })
			if err != nil || !cmp.Equal(&expect, got, equal) {
				t.Fatalf("%v\n%s", err, cmp.Diff(&expect, got, equal))
			}
		}
		check()

		// What is not started cannot succeed, and what did not succeed cannot be deleted.
		ok, _, err := s.Succeed(ctx, id, result, at(1))
		want(t, false, ok, err)
		ok, err = s.Delete(ctx, id, owner, at(1))
		want(t, false, ok, err)
		check()

		ok, err = s.Start(ctx, id, at(2))
		want(t, true, ok, err)
		expect.Status, expect.Started = realmport.Started, at(2)
		check()
		ok, err = s.Start(ctx, id, at(3))
		want(t, true, ok, err)
		expect.Started = at(3)
		check()

		_, err = s.ByPath(ctx, result.Path)
		wantCode(t, err, realmport.NotFound)
		ok, message, err := s.Succeed(ctx, id, result, at(4))
		want(t, true, ok, err)
		if message != 0 {
			t.Errorf("got message %d on another's server", message)
		}
		expect.Status, expect.Succeeded = realmport.Succeeded, at(4)
		expect.Path, expect.SHA256, expect.Size, expect.Stats = result.Path, result.SHA256, result.Size, result.Stats
		check()
		if got, err := s.ByPath(ctx, result.Path); err != nil || got.ID != id {
			t.Errorf("by path: got %+v, %v", got, err)
		}

		ok, _, err = s.Succeed(ctx, id, result, at(5))
		want(t, false, ok, err)
		ok, err = s.Start(ctx, id, at(5))
		want(t, false, ok, err)
		ok, err = s.Fail(ctx, id, at(5), false)
		want(t, false, ok, err)
		check()

		ok, err = s.Delete(ctx, id, owner, at(6))
		want(t, true, ok, err)
		expect.Status, expect.Deleted = realmport.Deleted, at(6)
		check()
		ok, err = s.Delete(ctx, id, owner, at(7))
		want(t, false, ok, err)
		_, err = s.ByPath(ctx, result.Path)
		wantCode(t, err, realmport.NotFound)

		ok, err = s.Fail(ctx, id, at(8), true)
		want(t, true, ok, err)
		expect.Status, expect.Failed = realmport.Failed, at(8)
		check()

		extra := map[string]any{"realm_export_id": float64(id)}
		lines := []auditRow{
			{Event: 206, Realm: acme, Acting: admin, Time: at(4), Extra: extra},
			{Event: 230, Realm: acme, Acting: owner, Time: at(6), Extra: extra},
		}
		if diff := cmp.Diff(lines, audit(t, w)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestExportNotFound(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, ctx := w.new(t, true), t.Context()
		_, err := s.Export(ctx, 99)
		wantCode(t, err, realmport.NotFound, "export 99")
		for _, path := range []string{"", "/", "/secret\x00", "/\xff", "%"} {
			_, err = s.ByPath(ctx, path)
			wantCode(t, err, realmport.NotFound)
		}
		ok, err := s.Start(ctx, 99, start)
		want(t, false, ok, err)
		ok, _, err = s.Succeed(ctx, 99, result, start)
		want(t, false, ok, err)
		ok, err = s.Fail(ctx, 99, start, true)
		want(t, false, ok, err)
		ok, err = s.Delete(ctx, 99, owner, start)
		want(t, false, ok, err)
		if lines := audit(t, w); len(lines) > 0 {
			t.Errorf("got %v in the log", lines)
		}
		if _, err := s.Create(ctx, realmport.NewExport{RealmID: nowhere, Type: realmport.Public, ActingUser: owner, Now: start}); err == nil {
			t.Error("an export of no organization was added")
		}
	})
}

func TestListsAndCounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, ctx := w.new(t, false), t.Context()
		week := 7 * 24 * time.Hour
		a := create(t, s, acme, owner, start.Add(-time.Microsecond))
		b := create(t, s, acme, owner, start)
		line := create(t, s, acme, 0, start.Add(time.Hour)) // made on the command line
		c := create(t, s, other, stranger, start.Add(week))
		d := create(t, s, acme, adminBot, start.Add(week))
		ok, err := s.Start(ctx, b, start)
		want(t, true, ok, err)
		ok, err = s.Fail(ctx, d, start, false)
		want(t, true, ok, err)

		ids := func(all []realmport.Export, err error) []int64 {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			var list []int64
			for _, e := range all {
				list = append(list, e.ID)
			}
			return list
		}
		if diff := cmp.Diff([]int64{a, b, d}, ids(s.List(ctx, acme))); diff != "" {
			t.Error("list:", diff)
		}
		if diff := cmp.Diff([]int64{a, b, line, c}, ids(s.Pending(ctx))); diff != "" {
			t.Error("pending:", diff)
		}
		// As rows are that Zulip has made.
		w.exec(t, "UPDATE "+w.table("zerver_realmexport")+" SET stats = NULL WHERE id = $1", a)
		w.exec(t, "UPDATE "+w.table("zerver_realmexport")+" SET stats = '[]' WHERE id = $1", b)
		if diff := cmp.Diff([]int64{line, c}, ids(s.Pending(ctx))); diff != "" {
			t.Error("pending, with Zulip's own:", diff)
		}
		if e, err := s.Export(ctx, line); err != nil || e.ActingUser != 0 {
			t.Errorf("made on the command line: got %+v, %v", e, err)
		}
		for _, tt := range []struct {
			realm  int64
			since  time.Time
			failed bool
			want   int
		}{
			{acme, start.Add(-time.Hour), true, 4},
			{acme, start.Add(-time.Hour), false, 3},
			{acme, start, true, 3},
			{acme, start.Add(time.Microsecond), true, 2},
			{other, start, false, 1},
			{nowhere, start, true, 0},
		} {
			if got, err := s.CountSince(ctx, tt.realm, tt.since, tt.failed); got != tt.want || err != nil {
				t.Errorf("%+v: got %d, %v", tt, got, err)
			}
		}
	})
}

// TestChangesAreWhole makes the last statement of a change fail.
func TestChangesAreWhole(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, ctx := w.new(t, true), t.Context()
		id := create(t, s, acme, owner, start)
		ok, err := s.Start(ctx, id, start)
		want(t, true, ok, err)
		refuse := func(table string) (mend func()) {
			w.exec(t, fmt.Sprintf("ALTER TABLE %s RENAME TO elsewhere", w.table(table)))
			return func() { w.exec(t, fmt.Sprintf("ALTER TABLE %s RENAME TO %s", w.table("elsewhere"), table)) }
		}
		mend := refuse("zerver_usermessage")
		if ok, message, err := s.Succeed(ctx, id, result, start); ok || message != 0 || err == nil {
			t.Errorf("got %v, %d, %v", ok, message, err)
		}
		mend()
		mend = refuse("zerver_realmauditlog")
		if changed, err := s.SetConsent(ctx, owner, true, start); changed || err == nil {
			t.Errorf("got %v, %v", changed, err)
		}
		mend()
		if e, err := s.Export(ctx, id); err != nil || e.Status != realmport.Started || e.Path != "" {
			t.Errorf("got %+v, %v", e, err)
		}
		if lines := audit(t, w); len(lines) > 0 {
			t.Errorf("got %v in the log", lines)
		}
		if n := value[int](t, w, `SELECT count(*) FROM `+w.table("zerver_message")); n > 0 {
			t.Errorf("got %d messages", n)
		}
		if u, err := s.User(ctx, owner); err != nil || u.Consents {
			t.Errorf("got %+v, %v", u, err)
		}
	})
}

func TestCancelledContext(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.new(t, true)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Create(ctx, realmport.NewExport{RealmID: acme, Type: realmport.Public, ActingUser: owner, Now: start})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
