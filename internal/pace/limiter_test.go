package pace_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/pace"
)

func TestLimiterHoldsTheRate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rows, bytes float64
		want        time.Duration
	}{
		"rows":                  {1000, 0, 10 * time.Second},
		"bytes":                 {0, 1e6, 20 * time.Second},
		"the stricter of both":  {1000, 1e6, 20 * time.Second},
		"the stricter, as well": {100, 1e6, 100 * time.Second},
		"a very slow one":       {1, 0, 10000 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				limiter := pace.NewLimiter(tt.rows, tt.bytes, clock.Now)
				begin := clock.Now()
				var readers sync.WaitGroup
				for range 4 { // together they read 10,000 rows of 2,000 bytes
					readers.Go(func() {
						for range 10 {
							if err := limiter.Wait(t.Context(), 250, 500_000); err != nil {
								t.Error(err)
							}
						}
					})
				}
				readers.Wait()
				got := clock.Now().Sub(begin)
				if low := tt.want - 250*time.Millisecond; got < low || got > tt.want {
					t.Errorf("got %v for all rows, want %v, or a quarter of a second less", got, tt.want)
				}
			})
		})
	}
}

// TestLimiterInAnyWindow reads in batches of any size with pauses of any length: between any two moments no more passes than the rate allows.
func TestLimiterInAnyWindow(t *testing.T) {
	t.Parallel()
	type batch struct {
		before     time.Duration
		rows       int
		start, end time.Time
	}
	rapid.Check(t, func(rt *rapid.T) {
		rate := rapid.Float64Range(0.1, 1e6).Draw(rt, "rate")
		all := make([]batch, rapid.IntRange(1, 20).Draw(rt, "batches"))
		for i := range all {
			all[i].before = time.Duration(rapid.IntRange(0, 3_000_000).Draw(rt, "microseconds before")) * time.Microsecond
			all[i].rows = rapid.IntRange(0, 5000).Draw(rt, "rows")
		}
		synctest.Test(t, func(*testing.T) {
			limiter := pace.NewLimiter(rate, 0, clock.Now)
			for i := range all {
				<-time.After(all[i].before)
				all[i].start = clock.Now()
				if err := limiter.Wait(context.Background(), all[i].rows, 1<<20); err != nil {
					rt.Error(err)
				}
				all[i].end = clock.Now()
			}
		})
		for i := range all {
			sum := 0
			for _, b := range all[i:] {
				sum += b.rows
				if bound := rate*(b.end.Sub(all[i].start).Seconds()+0.25) + 1; float64(sum) > bound {
					rt.Fatalf("got %d rows in %v, want at most %f", sum, b.end.Sub(all[i].start), bound)
				}
			}
		}
	})
}

func TestLimiterEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := pace.NewLimiter(1e-12, 0, clock.Now)
		cause := errors.New("stopped")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, cause)
		defer cancel()
		for range 3 { // the debt grows beyond all bounds
			if err := limiter.Wait(ctx, 1<<30, 0); !errors.Is(err, cause) {
				t.Errorf("got %v, want %v", err, cause)
			}
		}
	})
}

func TestNoLimiter(t *testing.T) {
	t.Parallel()
	limiter := pace.NewLimiter(0, 0, clock.Now)
	if limiter != nil {
		t.Error("got a limiter without a limit")
	}
	if err := limiter.Wait(t.Context(), 1<<30, 1<<30); err != nil {
		t.Error(err)
	}
}
