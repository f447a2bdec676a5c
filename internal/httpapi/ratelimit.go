package httpapi

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/realmport/realmport"
)

// RateRule lets Calls happen in Window.
type RateRule struct {
	Window time.Duration
	Calls  int
}

// RateRules hold all at once, the shortest window first; the last one is the one that answers tell of.
type RateRules []RateRule

// The most that a rule may say: the limiter remembers every call of the window.
const (
	maxWindow = 24 * time.Hour
	maxCalls  = 100_000
)

// ParseRateRules reads rules as Zulip writes them: "seconds:calls", several with commas.
func ParseRateRules(text string) (RateRules, error) {
	var list RateRules
	for pair := range strings.SplitSeq(text, ",") {
		a, b, _ := strings.Cut(pair, ":")
		seconds, err1 := strconv.Atoi(strings.TrimSpace(a))
		calls, err2 := strconv.Atoi(strings.TrimSpace(b))
		if err1 != nil || err2 != nil || seconds < 1 || calls < 1 || seconds > int(maxWindow/time.Second) || calls > maxCalls {
			return nil, realmport.Errorf(realmport.Invalid, "rate limit %q is not seconds:calls, with seconds up to %d and calls up to %d",
				pair, int(maxWindow/time.Second), maxCalls)
		}
		list = append(list, RateRule{Window: time.Duration(seconds) * time.Second, Calls: calls})
	}
	slices.SortStableFunc(list, func(a, b RateRule) int { return cmp.Compare(a.Window, b.Window) })
	return list, nil
}

// maxAccounts is how many callers a limiter tells apart; the others share one account.
const maxAccounts = 100_000

// limiter bounds the calls of each caller. It forgets who has not called for as long as the rules look back.
type limiter struct {
	now       func() time.Time
	rules     RateRules
	algorithm algorithm

	mu       sync.Mutex
	accounts map[string]*account
	swept    time.Time
}

// account is what is known of a caller; the meaning of times is the algorithm's.
type account struct {
	times []time.Time
	until time.Time // when it may be forgotten
}

// algorithm decides on a call and notes it in the account if it may happen.
type algorithm func(a *account, rules RateRules, now time.Time) verdict

// verdict is the decision on one call.
type verdict struct {
	limit, remaining int
	reset            time.Time
	retry            time.Duration // above 0 if the call may not happen
}

func newLimiter(now func() time.Time, rules RateRules, algorithm algorithm) *limiter {
	return &limiter{now: now, rules: rules, algorithm: algorithm, accounts: map[string]*account{}, swept: now()}
}

// take decides on a call. Rules are the caller's own, nil for the limiter's.
func (l *limiter) take(caller string, own RateRules) verdict {
	rules := l.rules
	if own != nil {
		rules = own
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.sweep(now)
	a := l.accounts[caller]
	if a == nil && len(l.accounts) >= maxAccounts {
		caller = ""
		a = l.accounts[caller]
	}
	if a == nil {
		a = &account{}
		l.accounts[caller] = a
	}
	a.until = now.Add(rules[len(rules)-1].Window)
	return l.algorithm(a, rules, now)
}

func (l *limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Minute {
		return
	}
	l.swept = now
	for caller, a := range l.accounts {
		if a.until.Before(now) {
			delete(l.accounts, caller)
		}
	}
}

// slidingLog refuses a call if the rule's number of calls have happened within the window. Refused calls are not
// remembered (api.md §3.3).
func slidingLog(a *account, rules RateRules, now time.Time) verdict {
	last := rules[len(rules)-1]
	a.times = slices.DeleteFunc(a.times, func(t time.Time) bool { return now.Sub(t) >= last.Window })
	v := verdict{limit: last.Calls}
	for _, r := range rules {
		if n := len(a.times); n >= r.Calls {
			v.retry = max(v.retry, r.Window-now.Sub(a.times[n-r.Calls]))
		}
	}
	if v.retry > 0 {
		v.reset = now.Add(v.retry)
		return v
	}
	a.times = append(a.times, now)
	v.remaining = max(last.Calls-len(a.times), 0)
	v.reset = now.Add(last.Window)
	return v
}

// leakyBucket refuses a call if the bucket would overflow; a window's worth of calls fits in. The account's times say for
// each rule when its bucket is empty.
func leakyBucket(a *account, rules RateRules, now time.Time) verdict {
	last := rules[len(rules)-1]
	v := verdict{limit: last.Calls}
	empty := make([]time.Time, len(rules))
	for i, r := range rules {
		empty[i] = now
		if len(a.times) == len(rules) && a.times[i].After(now) {
			empty[i] = a.times[i]
		}
		empty[i] = empty[i].Add(r.Window / time.Duration(r.Calls))
		v.retry = max(v.retry, empty[i].Sub(now)-r.Window)
	}
	if v.retry > 0 {
		v.reset = now.Add(v.retry)
		return v
	}
	a.times = empty
	v.reset = empty[len(empty)-1]
	v.remaining = int((last.Window - v.reset.Sub(now)) / (last.Window / time.Duration(last.Calls)))
	return v
}

// limited counts the call of the user who asks and sets the headers; it fails if it is one too many.
func (c *call) limited(l *limiter) error {
	var own RateRules
	if c.user.RateLimits != "" {
		var err error
		if own, err = ParseRateRules(c.user.RateLimits); err != nil {
			c.api.o.Log.Warn("a user's own rate limit cannot be read: the server's holds", "user", c.user.ID)
			own = nil
		}
	}
	v := l.take(strconv.FormatInt(c.user.ID, 10), own)
	h := c.w.Header()
	h["X-RateLimit-Limit"] = []string{strconv.Itoa(v.limit)}
	h["X-RateLimit-Remaining"] = []string{strconv.Itoa(v.remaining)}
	h["X-RateLimit-Reset"] = []string{strconv.FormatInt(v.reset.Unix(), 10)}
	if v.retry <= 0 {
		return nil
	}
	seconds := strconv.FormatFloat(v.retry.Seconds(), 'f', -1, 64)
	if !strings.Contains(seconds, ".") {
		seconds += ".0" // it is a float wherever it is read
	}
	h.Set("Retry-After", seconds)
	return &failure{
		status: http.StatusTooManyRequests, code: "RATE_LIMIT_HIT", message: "API usage exceeded rate limit",
		after: []field{{"retry-after", jsontext.Value(seconds)}},
	}
}
