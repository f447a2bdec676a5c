package jobs

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport/internal/clock"
)

func TestRepeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		begin := clock.Now()
		var calls []time.Duration
		var log strings.Builder
		repeat(ctx, time.Minute, guarded("test", func(got context.Context) {
			calls = append(calls, clock.Now().Sub(begin))
			switch len(calls) {
			case 2: // slow work does not pile up
				<-time.After(3 * time.Minute)
			case 3:
				panic("the secret")
			case 4:
				cancel()
				if got.Err() == nil {
					t.Error("the work's context does not end with the queue's")
				}
			}
		}, slog.New(slog.NewTextHandler(&log, nil))))
		if want := []time.Duration{0, time.Minute, 5 * time.Minute, 6 * time.Minute}; !cmp.Equal(calls, want) {
			t.Errorf("got calls at %v, want %v", calls, want)
		}
		if got := log.String(); !strings.Contains(got, `msg="periodic work failed" work=test error="panic with a string`) ||
			strings.Contains(got, "secret") {
			t.Errorf("got log %s, want the panic's kind and place", got)
		}
	})
}

// TestPeriodic checks that periodic work begins with the queue and ends with it.
func TestPeriodic(t *testing.T) {
	t.Parallel()
	q, err := Open(t.Context(), Options{SQLite: t.TempDir() + "/state.db", InsertOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	begun, ended := make(chan struct{}, 2), make(chan error, 2)
	fn := func(ctx context.Context) {
		begun <- struct{}{}
		<-ctx.Done()
		ended <- context.Cause(ctx)
	}
	q.Periodic("before", time.Hour, fn)
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	q.Periodic("after", time.Hour, fn)
	<-begun
	<-begun
	if err := q.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if len(ended) != 2 {
		t.Fatalf("got %d ended when the queue was stopped, want both", len(ended))
	}
	for range 2 {
		if err := <-ended; err != ErrStopping { //nolint:errorlint // the cause itself
			t.Errorf("got cause %v, want %v", err, ErrStopping)
		}
	}
	q.Periodic("late", time.Hour, fn)
}

func TestQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		log := slog.New(newQuiet(slog.NewTextHandler(&out, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		})))
		log.Debug("detail")
		log.Info("routine")
		log.Warn("news")
		for range 90 {
			log.With("queue", "exports").WithGroup("g").Error("trouble", "n", 1)
			<-time.After(time.Second)
		}
		log.Error("other trouble")
		want := "level=INFO msg=news\n" + strings.Repeat("level=WARN msg=trouble queue=exports g.n=1\n", 2) +
			"level=WARN msg=\"other trouble\"\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}
