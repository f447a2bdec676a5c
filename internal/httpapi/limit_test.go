package httpapi

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/realmport/realmport"
)

func TestParseRateRules(t *testing.T) {
	t.Parallel()
	got, err := ParseRateRules("3600:1000, 60:200")
	if diff := cmp.Diff(RateRules{{time.Minute, 200}, {time.Hour, 1000}}, got); err != nil || diff != "" {
		t.Errorf("got %v %s", err, diff)
	}
	for _, text := range []string{"", "60", "60:", ":200", "60:0", "0:200", "-1:5", "60:200:3", "60:200,", "999999:1", "60:9999999", "a:b"} {
		if _, err := ParseRateRules(text); realmport.ErrorCode(err) != realmport.Invalid {
			t.Errorf("%q: got %v, want it refused", text, err)
		}
	}
}

func TestSeveralRules(t *testing.T) {
	t.Parallel()
	rules := RateRules{{time.Second, 2}, {time.Minute, 3}}
	for name, algorithm := range map[string]algorithm{"sliding log": slidingLog, "leaky bucket": leakyBucket} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := now
			l := newLimiter(func() time.Time { return at }, rules, algorithm)
			for i, c := range []struct {
				later time.Duration
				ok    bool
			}{{0, true}, {0, true}, {0, false}, {time.Second, true}, {2 * time.Second, false}, {time.Minute, true}} {
				at = at.Add(c.later)
				v := l.take("a", nil)
				if (v.retry <= 0) != c.ok || v.limit != 3 {
					t.Errorf("call %d: got %+v, want ok %t", i, v, c.ok)
				}
			}
			if v := l.take("a", RateRules{{time.Second, 100}}); v.retry > 0 || v.limit != 100 {
				t.Errorf("got %+v, want the caller's own rules to hold", v)
			}
		})
	}
}

// TestLimiterIsBounded checks that it forgets callers, and that too many share one account.
func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	at := now
	l := newLimiter(func() time.Time { return at }, RateRules{{time.Minute, 2}}, slidingLog)
	for i := range maxAccounts {
		l.take(fmt.Sprint(i), nil)
	}
	for i := range 10 {
		if v := l.take(fmt.Sprint("more", i), nil); (v.retry > 0) != (i >= 2) {
			t.Errorf("caller %d: got %+v", i, v)
		}
	}
	if got := len(l.accounts); got != maxAccounts+1 {
		t.Errorf("got %d accounts, want %d", got, maxAccounts+1)
	}
	at = at.Add(time.Minute + 1)
	l.take("a", nil)
	if got := len(l.accounts); got != 1 {
		t.Errorf("got %d accounts, want one", got)
	}
}

// TestLimits is the promise of both algorithms: the sliding log never lets more than the rule's calls happen in any window; the
// leaky bucket never lets more than twice as many; and who waits as long as they are told may call.
func TestLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		algorithm algorithm
		times     int
	}{"sliding log": {slidingLog, 1}, "leaky bucket": {leakyBucket, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) {
				rule := RateRule{Window: time.Duration(rapid.IntRange(1, 60).Draw(r, "seconds")) * time.Second, Calls: rapid.IntRange(1, 20).Draw(r, "calls")}
				at := now
				l := newLimiter(func() time.Time { return at }, RateRules{rule}, c.algorithm)
				var accepted []time.Time
				for range 60 {
					at = at.Add(time.Duration(rapid.Int64Range(0, int64(rule.Window)/4).Draw(r, "pause")))
					v := l.take("a", nil)
					if v.retry > 0 {
						if v.remaining != 0 || v.retry > rule.Window {
							r.Fatalf("got %+v", v)
						}
						at = at.Add(v.retry)
						if v = l.take("a", nil); v.retry > 0 {
							r.Fatalf("refused after waiting: %+v", v)
						}
					}
					accepted = append(accepted, at)
					if n := len(accepted) - c.times*rule.Calls - 1; n >= 0 && at.Sub(accepted[n]) < rule.Window {
						r.Fatalf("more than %d calls in %v", c.times*rule.Calls, rule.Window)
					}
				}
			})
		})
	}
}
