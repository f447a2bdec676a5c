package s3

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/realmport/realmport/internal/clock"
)

// age tells whether what the storage lists is older than that, by the storage's own clock: the one of this machine may differ by as
// much as a signature may be late.
type age struct {
	limit time.Duration
	now   atomic.Int64 // when the storage last answered, in seconds; 0 as long as it did not say
}

// ageKey is the key, in a request's context, of an age that wants to know when it is answered.
type ageKey struct{}

// withAge returns an age, and the context for the requests whose answers it judges.
func withAge(ctx context.Context, limit time.Duration) (context.Context, *age) {
	a := &age{limit: limit}
	return context.WithValue(ctx, ageKey{}, a), a
}

// than tells whether what was made then is older. If the limit is not above 0 that is not a matter of clocks: all is.
func (a *age) than(made time.Time) bool {
	if a.limit <= 0 {
		return true
	}
	now := clock.Now()
	if told := a.now.Load(); told != 0 {
		now = time.Unix(told, 0)
	}
	return made.Before(now.Add(-a.limit))
}

// note keeps the time of an answer, for the request's age if it has one. What stands between may answer in place of the storage,
// with errors, and have another clock.
func note(resp *http.Response) {
	a, ok := resp.Request.Context().Value(ageKey{}).(*age)
	if !ok || resp.StatusCode != http.StatusOK {
		return
	}
	if now, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		a.now.Store(now.Unix())
	}
}
