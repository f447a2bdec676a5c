package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/realmport/realmport/internal/clock"
)

func TestNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		before := clock.Now()
		<-time.After(time.Hour)
		if got, want := clock.Now().Sub(before), time.Hour; got != want {
			t.Errorf("an hour later: got %v, want %v", got, want)
		}
	})
}
