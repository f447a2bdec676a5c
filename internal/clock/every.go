package clock

import (
	"context"
	"time"
)

// Every calls fn each time that d has passed, from one goroutine, until ctx ends. The returned channel is closed when fn will not be called
// any more.
func Every(ctx context.Context, d time.Duration, fn func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				fn()
			}
		}
	}()
	return done
}
