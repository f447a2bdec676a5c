package parts

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestFailures fails at parts, and rests after that: longer each time, up to a bound, and not at all once a part was made.
func TestFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const aside = 8 * time.Second
		var f failures
		is := func(number int, want bool) {
			t.Helper()
			err := f.aside("x", number)
			var given *Aside
			if (err != nil) != want || want && !errors.As(err, &given) {
				t.Errorf("part %d: got %v, want it left to others: %v", number, err, want)
			}
		}
		is(1, false)
		f.failed("x", 1, aside)
		f.failed("x", 2, aside) // at the same time
		is(3, true)
		<-time.After(firstRest)
		is(3, false)
		is(1, true)
		is(2, true)
		f.failed("x", 3, aside)
		<-time.After(firstRest)
		is(4, true)
		<-time.After(firstRest)
		is(4, false)
		f.worked()
		f.failed("x", 4, aside)
		<-time.After(firstRest)
		is(5, false)
		<-time.After(aside)
		for number := range 6 {
			is(number, false)
		}
		for range 10 {
			f.failed("x", 6, 0)
			<-time.After(mostRest)
			is(6, false)
		}
	})
}
