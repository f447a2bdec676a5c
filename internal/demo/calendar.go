package demo

import (
	"slices"
	"time"
)

// Working days that the history of the demo organization has.
const workingDays = 260

// calendar is the days on which the demo organization writes, the last of them before a given time. All times are UTC.
type calendar struct {
	working []time.Time // midnights of working days, the last one first
	days    []time.Time // midnights of all days from the first working day on
	// shares are how much is written before each day, in parts of the last one: weekends are quiet.
	shares []int
}

func newCalendar(now time.Time) *calendar {
	c := &calendar{}
	for d := now.UTC().Truncate(24 * time.Hour); len(c.working) < workingDays; {
		d = d.AddDate(0, 0, -1)
		if d.Weekday() != time.Saturday && d.Weekday() != time.Sunday {
			c.working = append(c.working, d)
		}
	}
	sum := 0
	for d := c.working[workingDays-1]; !d.After(c.working[0]); d = d.AddDate(0, 0, 1) {
		c.days, c.shares = append(c.days, d), append(c.shares, sum)
		switch d.Weekday() {
		case time.Saturday:
			sum += 2
		case time.Sunday:
			sum++
		default:
			sum += 50
		}
	}
	return c
}

// workday returns the midnight that begins the n-th working day before the last one; the day before the history if there are not so many.
func (c *calendar) workday(n int) time.Time {
	if n >= workingDays {
		return c.begin().AddDate(0, 0, -1)
	}
	return c.working[n]
}

// begin and end are the time that the history fills.
func (c *calendar) begin() time.Time { return c.days[0] }
func (c *calendar) end() time.Time   { return c.working[0].AddDate(0, 0, 1) }

// part returns which of n things that are spread over the days belong to the i-th one: those from first up to next. The last
// day gets none.
func (c *calendar) part(i, n int) (first, next int) {
	last := len(c.days) - 1
	if i >= last {
		return n, n
	}
	return n * c.shares[i] / c.shares[last], n * c.shares[i+1] / c.shares[last]
}

// number returns which of the days a time is on, -1 for earlier ones.
func (c *calendar) number(t time.Time) int {
	n, _ := slices.BinarySearchFunc(c.days, t, func(day, t time.Time) int {
		if day.After(t) {
			return 1
		}
		return -1
	})
	return n - 1
}

// later moves a time that is on a weekend to the Monday after it.
func later(t time.Time) time.Time {
	switch t.Weekday() {
	case time.Saturday:
		return t.AddDate(0, 0, 2)
	case time.Sunday:
		return t.AddDate(0, 0, 1)
	default:
		return t
	}
}
