package export

import (
	"context"
	"iter"

	"golang.org/x/sync/errgroup"
)

// task makes one result, on any worker.
type task[T any] func(context.Context) (T, error)

// ordered runs tasks on n workers and hands their results to done in the order of the tasks, from one
// goroutine. At most about 2n results exist at a time: workers wait for done.
func ordered[T any](ctx context.Context, n int, tasks iter.Seq[task[T]], done func(T) error) error {
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
	g.Go(func() error {
		for out := range queue {
			select {
			case v := <-out:
				if err := done(v); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	return g.Wait()
}
