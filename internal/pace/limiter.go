package pace

import (
	"context"
	"math"
	"sync"
	"time"
)

// burst is how much of its rate a limiter that was not used lets through at once.
const burst = 250 * time.Millisecond

// Limiter bounds how much all its users read together. It is safe for concurrent use.
type Limiter struct {
	now         func() time.Time
	rows, bytes float64 // per second; 0 for no bound

	mu sync.Mutex
	// When what was taken is paid for.
	rowsPaid, bytesPaid time.Time // +checklocks:mu
}

// NewLimiter bounds rows and bytes per second; 0 is no bound. It returns nil if there is none at all, and a nil Limiter never waits.
func NewLimiter(rows, bytes float64, now func() time.Time) *Limiter {
	if rows <= 0 && bytes <= 0 {
		return nil
	}
	return &Limiter{now: now, rows: rows, bytes: bytes}
}

// Wait takes note of what was read, and waits until it, and all that was read before, was worth the time. In any time t
// no more passes than the rate allows in t and a quarter of a second, and what the users had read before they waited. It fails with ctx's cause.
func (l *Limiter) Wait(ctx context.Context, rows, bytes int) error {
	if l == nil {
		return nil
	}
	return pause(ctx, l.charge(rows, bytes))
}

// charge returns how long to wait.
func (l *Limiter) charge(rows, bytes int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	pay(&l.rowsPaid, now, rows, l.rows)
	pay(&l.bytesPaid, now, bytes, l.bytes)
	return max(l.rowsPaid.Sub(now), l.bytesPaid.Sub(now))
}

// pay moves on when all is paid for.
func pay(paid *time.Time, now time.Time, n int, rate float64) {
	if rate <= 0 {
		return
	}
	if earliest := now.Add(-burst); paid.Before(earliest) {
		*paid = earliest
	}
	// A rate that is next to nothing must not overflow.
	*paid = paid.Add(time.Duration(min(float64(n)/rate*float64(time.Second), math.MaxInt64/4)))
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
