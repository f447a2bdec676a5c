package jobs

import (
	"context"
	"log/slog"
	"time"
)

// Periodic calls fn when the queue is started, and again each time that long after it returned, until the queue stops, which ends
// the context. Every process does so for itself, one that only inserts, too; fn bears that others are at it.
// A panic is logged and ends that call only.
func (q *Queue) Periodic(name string, every time.Duration, fn func(context.Context)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	begin := func() {
		q.periodic.Go(func() { repeat(q.life, every, guarded(name, fn, q.opts.Log)) })
	}
	switch {
	case q.stopping:
	case q.started:
		begin()
	default:
		q.waiting = append(q.waiting, begin)
	}
}

// repeat calls fn until the context ends, with a pause after each call.
func repeat(ctx context.Context, pause time.Duration, fn func(context.Context)) {
	for timer := time.NewTimer(0); ; timer.Reset(pause) {
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			fn(ctx)
		}
	}
}

// guarded logs a panic of fn.
func guarded(name string, fn func(context.Context), log *slog.Logger) func(context.Context) {
	return func(ctx context.Context) {
		defer func() {
			if v := recover(); v != nil {
				log.Error("periodic work failed", "work", name, "error", panicked(v))
			}
		}()
		fn(ctx)
	}
}
