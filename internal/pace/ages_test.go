package pace_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/pace"
)

// TestAges checks that the age of the oldest open snapshot is known, and of none once all are closed.
func TestAges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ages := &pace.Ages{}
		source := pace.Source(plain{}, &pace.Pacer{Ages: ages, Now: clock.Now})
		want := func(open int, oldest time.Duration) {
			t.Helper()
			if ages.Open() != open || ages.Oldest() != oldest {
				t.Errorf("got %d open, the oldest for %s, want %d and %s", ages.Open(), ages.Oldest(), open, oldest)
			}
		}
		want(0, 0)
		first, err := source.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		second, err := source.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		want(2, time.Minute+time.Second)
		for range 2 { // a second time does nothing
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
		}
		want(1, time.Second)
		if err := second.Close(); err != nil {
			t.Fatal(err)
		}
		want(0, 0)
	})
}
