package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realmport/realmport/internal/store"
)

// TestOneSucceeds lets several processes end the same export at once, each in its own way.
func TestOneSucceeds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var stores []*store.Store
		for range 3 {
			other := &world{d: w.d, db: w.open(t)}
			stores = append(stores, other.new(t, true))
		}
		ctx := t.Context()
		for range 10 {
			id := create(t, stores[0], acme, owner, start)
			ok, err := stores[0].Start(ctx, id, start)
			want(t, true, ok, err)
			var succeeded, failed, deleted atomic.Int32
			var messages sync.Map
			var running sync.WaitGroup
			for i := range 12 {
				s := stores[i%len(stores)]
				running.Go(func() {
					var ok bool
					var message int64
					var err error
					switch i % 4 {
					case 0, 1:
						if ok, message, err = s.Succeed(ctx, id, result, start); ok {
							succeeded.Add(1)
							messages.Store(message, true)
						}
					case 2:
						if ok, err = s.Fail(ctx, id, start, false); ok {
							failed.Add(1)
						}
					case 3:
						if ok, err = s.Delete(ctx, id, owner, start); ok {
							deleted.Add(1)
						}
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			running.Wait()
			if succeeded.Load()+failed.Load() != 1 || deleted.Load() > succeeded.Load() {
				t.Errorf("%d succeeded, %d failed, %d deleted", succeeded.Load(), failed.Load(), deleted.Load())
			}
			lines := value[int32](t, w, fmt.Sprintf(`SELECT count(*) FROM %s WHERE CAST(extra_data AS text) = '{"realm_export_id": %d}'`,
				w.table("zerver_realmauditlog"), id))
			if lines != succeeded.Load()+deleted.Load() {
				t.Errorf("got %d lines in the log, %d succeeded, %d deleted", lines, succeeded.Load(), deleted.Load())
			}
		}
		if sent, done := value[int](t, w, `SELECT count(*) FROM `+w.table("zerver_message")),
			value[int](t, w, `SELECT count(*) FROM `+w.table("zerver_realmexport")+` WHERE date_succeeded IS NOT NULL`); sent != done {
			t.Errorf("%d messages for %d exports", sent, done)
		}
	})
}

// TestManyCreates lets 50 users ask at once, of two processes.
func TestManyCreates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stores := []*store.Store{w.new(t, true), (&world{d: w.d, db: w.open(t)}).new(t, true)}
		ids := make([]int64, 50)
		var running sync.WaitGroup
		for i := range ids {
			running.Go(func() { ids[i] = create(t, stores[i%2], acme, owner, start) })
		}
		running.Wait()
		list, err := stores[0].List(t.Context(), acme)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, e := range list {
			got = append(got, e.ID)
		}
		if diff := cmp.Diff(ids, got, cmpopts.SortSlices(func(a, b int64) bool { return a < b })); diff != "" {
			t.Error(diff)
		}
	})
}
