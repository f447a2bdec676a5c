package store_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/realmport/realmport"
)

// exportModel is an export as the rules have it.
type exportModel struct {
	id      int64
	status  realmport.ExportStatus
	changed time.Time // when it got its status, or began again
	path    string
}

// TestStateMachine does what comes to mind to some exports, and compares them with what the rules say (store.go): no sequence of
// calls leaves Succeeded, Failed or Deleted, but Delete, and Fail if even what ended may fail.
func TestStateMachine(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, ctx := w.new(t, true), t.Context()
		rapid.Check(t, func(t *rapid.T) {
			models := make([]*exportModel, 2)
			for i := range models {
				id, err := s.Create(ctx, realmport.NewExport{RealmID: acme, Type: realmport.Public, ActingUser: owner, Now: start})
				if err != nil {
					t.Fatal(err)
				}
				models[i] = &exportModel{id: id, status: realmport.Requested, changed: start}
			}
			now := start
			// pick returns an export and the time, which goes on.
			pick := func(t *rapid.T) *exportModel {
				now = now.Add(time.Second)
				return models[rapid.IntRange(0, len(models)-1).Draw(t, "export")]
			}
			// expect compares what a call says with the rules, and notes the change.
			expect := func(t *rapid.T, m *exportModel, ok bool, err error, may bool, to realmport.ExportStatus) {
				if err != nil || ok != may {
					t.Fatalf("from %d to %d: got %v, %v, want %v", m.status, to, ok, err, may)
				}
				if may {
					m.status, m.changed = to, now
				}
			}
			t.Repeat(map[string]func(*rapid.T){
				"start": func(t *rapid.T) {
					m := pick(t)
					ok, err := s.Start(ctx, m.id, now)
					expect(t, m, ok, err, m.status.Pending(), realmport.Started)
				},
				"succeed": func(t *rapid.T) {
					m := pick(t)
					r := result
					r.Path = rapid.StringMatching(`/[a-z]{3}`).Draw(t, "path")
					may := m.status == realmport.Started
					ok, message, err := s.Succeed(ctx, m.id, r, now)
					expect(t, m, ok, err, may, realmport.Succeeded)
					if ok != (message != 0) {
						t.Fatalf("message %d", message)
					}
					if ok {
						m.path = r.Path
					}
				},
				"fail": func(t *rapid.T) {
					m, even := pick(t), rapid.Bool().Draw(t, "even ended")
					ok, err := s.Fail(ctx, m.id, now, even)
					expect(t, m, ok, err, even || m.status.Pending(), realmport.Failed)
				},
				"delete": func(t *rapid.T) {
					m := pick(t)
					ok, err := s.Delete(ctx, m.id, admin, now)
					expect(t, m, ok, err, m.status == realmport.Succeeded, realmport.Deleted)
				},
				"": func(t *rapid.T) {
					for _, m := range models {
						e, err := s.Export(ctx, m.id)
						if err != nil {
							t.Fatal(err)
						}
						at := map[realmport.ExportStatus]time.Time{
							realmport.Requested: e.Requested, realmport.Started: e.Started, realmport.Succeeded: e.Succeeded,
							realmport.Failed: e.Failed, realmport.Deleted: e.Deleted,
						}[e.Status]
						if e.Status != m.status || !at.Equal(m.changed) || e.Path != m.path {
							t.Fatalf("got %+v, want %+v", e, m)
						}
					}
				},
			})
		})
	})
}
