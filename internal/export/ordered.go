package export

import (
	"context"
	"iter"

	"golang.org/x/sync/errgroup"
)

// task makes one result, on any worker.
type task[T any] func(context.Context) (T, error)

// ordered runs tasks on n workers and hands their results to done in the order of the tasks, from one
// goroutine. At most about 2n results exist at a time: workers wait for done. After an error discard gets
// those that done did not.
func ordered[T any](ctx context.Context, n int, tasks iter.Seq[task[T]], done func(T) error, discard func(T)) error {
	type job struct {
		run task[T]
		out chan T
	}
	g, ctx := errgroup.WithContext(ctx)
	queue, work := make(chan chan T, n), make(chan job)
	g.Go(func() error {
		defer close(work)
		defer close(queue)
		for t := range tasks {
			j := job{t, make(chan T, 1)}
			select {
			case queue <- j.out:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case work <- j:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range n {
		g.Go(func() error {
			for j := range work {
				v, err := j.run(ctx)
				if err != nil {
					return err
				}
				j.out <- v
			}
			return nil
		})
	}
	var left chan T // that was waited for when the work ended
	g.Go(func() error {
		for out := range queue {
			select {
			case v := <-out:
				if err := done(v); err != nil {
					return err
				}
			case <-ctx.Done():
				left = out
				return ctx.Err()
			}
		}
		return nil
	})
	err := g.Wait()
	discardAll(left, discard)
	for out := range queue {
		discardAll(out, discard)
	}
	return err
}

// discardAll discards the result, if there is one, in a channel that nobody writes to any more.
func discardAll[T any](out chan T, discard func(T)) {
	select {
	case v := <-out:
		discard(v)
	default:
	}
}
