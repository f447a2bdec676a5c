package clock_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realmport/realmport/internal/clock"
)

func TestEvery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		done := clock.Every(ctx, time.Second, func() {
			if n++; n == 3 {
				cancel()
			}
		})
		<-done
		if n != 3 {
			t.Errorf("got %d calls, want 3", n)
		}
	})
}
