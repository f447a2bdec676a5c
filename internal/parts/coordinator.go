package parts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/export"
)

// Folder is where parts are kept in a bucket, each attempt's below its name.
const Folder = "realmport-parts"

// folderOf is an attempt's folder.
func folderOf(attempt string) string { return Folder + "/" + attempt }

// Queue wakes workers.
type Queue interface {
	// EnqueuePart has some worker called for a part soon. A round of a part is queued once. Parts of a lower priority, from 1 to 4, go first.
	EnqueuePart(ctx context.Context, attempt string, number, round, priority int) error
	// ForgetParts removes what is queued of an attempt.
	ForgetParts(ctx context.Context, attempt string) error
}

// Coordination is what all coordinators of a process have in common.
type Coordination struct {
	Parts realmport.Parts
	Queue Queue
	Stock realmport.Stock
	// Width is how many parts of an export are asked for at the same time: more than all workers make at once, so that none waits.
	Width int
	// Poll is how often the parts are looked at. Stale is how long a silent worker keeps a part.
	Poll, Stale time.Duration
	// Tries is how often a part is begun before the export fails.
	Tries int
	Log   *slog.Logger
}

// Coordinator has the parts of one attempt at an export made. It is safe for concurrent use.
type Coordinator struct {
	Coordination
	attempt string

	stop     context.CancelFunc
	watching sync.WaitGroup

	mu      sync.Mutex
	begun   bool             // +checklocks:mu
	next    int              // number of the next part; +checklocks:mu
	waiting map[int]*waiting // +checklocks:mu
	failed  error            // why no part will be made any more; +checklocks:mu
}

var _ export.Team = (*Coordinator)(nil)

// waiting is a part that somebody waits for.
type waiting struct {
	outcome chan outcome // of one element
	added   bool         // others know of it
	round   int          // how often it was queued
	again   time.Time    // when it is queued again if nobody is at work on it
	busy    bool         // somebody was at work on it when it was last looked at
}

type outcome struct {
	made *export.Made
	err  error
}

// New makes a coordinator of an attempt with that name, which nobody can guess. The caller closes it.
func (c Coordination) New(attempt string) *Coordinator {
	return &Coordinator{Coordination: c, attempt: attempt, stop: func() {}, waiting: map[int]*waiting{}}
}

// Width implements export.Team.
func (c *Coordinator) Width() int { return c.Coordination.Width }

// Begin implements export.Team.
func (c *Coordinator) Begin(ctx context.Context, plan export.Plan) error {
	text, err := json.Marshal(plan)
	if err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	if err := c.Parts.Begin(ctx, c.attempt, text); err != nil {
		return err
	}
	c.mu.Lock()
	c.begun = true
	c.mu.Unlock()
	watch, stop := context.WithCancel(ctx)
	c.stop = stop
	c.watching.Go(func() { c.watch(watch) })
	return nil
}

// Make implements export.Team.
func (c *Coordinator) Make(ctx context.Context, spec export.Spec) (*export.Made, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("write the specification of a part: %w", err)
	}
	w := &waiting{outcome: make(chan outcome, 1), again: clock.Now().Add(firstPatience)}
	c.mu.Lock()
	c.next++
	number, failed := c.next, c.failed
	if failed == nil {
		c.waiting[number] = w
	}
	c.mu.Unlock()
	if failed != nil {
		return nil, failed
	}
	defer func() {
		c.mu.Lock()
		delete(c.waiting, number)
		c.mu.Unlock()
	}()
	if err := c.Parts.Add(ctx, c.attempt, number, text); err != nil {
		return nil, err
	}
	c.mu.Lock()
	w.added = true
	c.mu.Unlock()
	c.enqueue(ctx, number, 0)
	select {
	case o := <-w.outcome:
		return o.made, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// enqueue wakes a worker for a part. What fails is done again, since nobody will be at work on the part.
func (c *Coordinator) enqueue(ctx context.Context, number, round int) {
	if err := c.Queue.EnqueuePart(ctx, c.attempt, number, round, priorityOf(number)); err != nil && ctx.Err() == nil {
		c.Log.Warn("part not queued yet", "part", number, "err", err)
	}
}

// priorityOf lets the first parts of any export go before the later ones of another, so that small exports do not wait for
// large ones.
func priorityOf(number int) int {
	switch {
	case number <= 8:
		return 1
	case number <= 64:
		return 2
	case number <= 512:
		return 3
	default:
		return 4
	}
}

// Patience with a part that is queued and that nobody is at work on: its job may have been lost, or all workers are busy.
const (
	firstPatience = 5 * time.Second
	mostPatience  = 5 * time.Minute
)

// watch looks at the parts until ctx ends.
func (c *Coordinator) watch(ctx context.Context) {
	tick := time.NewTicker(c.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		states, err := c.Parts.Look(ctx, c.attempt, c.Stale)
		switch {
		case ctx.Err() != nil:
			return
		case realmport.ErrorCode(err) == realmport.NotFound:
			c.fail(realmport.Errorf(realmport.Unavailable, "this process was silent for so long that the export was given up"))
			return
		case err != nil:
			// The database may come back. If it does not in time, others end the attempt, and this process sees it then.
			c.Log.Warn("parts not looked at", "err", err)
		default:
			c.see(ctx, states)
		}
	}
}

// fail ends all waiting.
func (c *Coordinator) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = err
	for _, w := range c.waiting {
		w.deliver(outcome{err: err})
	}
}

// deliver hands over the outcome; a second one is dropped.
func (w *waiting) deliver(o outcome) {
	select {
	case w.outcome <- o:
	default:
	}
}

// see acts on what was seen of the parts.
func (c *Coordinator) see(ctx context.Context, states []realmport.PartState) {
	seen := map[int]bool{}
	for _, s := range states {
		seen[s.Number] = true
		c.mu.Lock()
		w := c.waiting[s.Number]
		c.mu.Unlock()
		switch {
		case w == nil: // nobody waits for it any more
		case s.Result != nil || s.GivenUp || s.Idle && s.Tries >= c.Tries:
			w.deliver(c.outcomeOf(s))
			if err := c.Parts.Drop(ctx, c.attempt, s.Number); err != nil && ctx.Err() == nil {
				c.Log.Warn("part not dropped yet", "part", s.Number, "err", err)
			}
		case s.Idle:
			c.urge(ctx, s, w)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for number, w := range c.waiting {
		w.busy = w.added && !seen[number]
	}
}

// urge queues a part again that somebody has left, or that waits for long.
func (c *Coordinator) urge(ctx context.Context, s realmport.PartState, w *waiting) {
	now := clock.Now()
	c.mu.Lock()
	due := w.busy || now.After(w.again)
	if due {
		w.round++
		w.again = now.Add(min(firstPatience<<min(w.round, 16), mostPatience))
	}
	round, left := w.round, w.busy
	c.mu.Unlock()
	if !due {
		return
	}
	if left {
		c.Log.Info("part is made again", "part", s.Number, "tries", s.Tries, "reason", s.Reason)
	}
	c.enqueue(ctx, s.Number, round)
}

// outcomeOf reads the result of a part, or why there is none.
func (c *Coordinator) outcomeOf(s realmport.PartState) outcome {
	if s.Result == nil {
		err := readReason(s.Reason)
		return outcome{err: fmt.Errorf("make part %d, try %d: %w", s.Number, s.Tries, err)}
	}
	made := &export.Made{}
	if err := json.Unmarshal(s.Result, made); err != nil {
		return outcome{err: fmt.Errorf("read the result of part %d: %w", s.Number, err)}
	}
	return outcome{made: made}
}

// Close ends the attempt: no worker finishes a part of it any more, and what was stored is removed. It is no error if something
// stays that Clean will find.
func (c *Coordinator) Close(ctx context.Context) error {
	c.stop()
	c.watching.Wait()
	c.mu.Lock()
	begun := c.begun
	c.mu.Unlock()
	if !begun {
		return nil
	}
	return c.end(ctx, c.attempt)
}

// end ends an attempt and removes what is left of it.
func (c Coordination) end(ctx context.Context, attempt string) error {
	err := c.Parts.End(ctx, attempt)
	_, swept := c.Stock.Sweep(ctx, folderOf(attempt), 0)
	return errors.Join(err, c.Queue.ForgetParts(ctx, attempt), swept)
}

// Reap ends the attempts whose coordinators have fallen silent. It is called now and then, by any process; several at the same time do no harm.
func (c Coordination) Reap(ctx context.Context) error {
	silent, err := c.Parts.Silent(ctx, c.Stale)
	errs := []error{err}
	for _, attempt := range silent {
		c.Log.Warn("the coordinator of an export fell silent: its parts are removed")
		errs = append(errs, c.end(ctx, attempt))
	}
	return errors.Join(errs...)
}

// Clean is Reap, and removes what workers that were killed left in the bucket long ago, for which all parts there are listed.
func (c Coordination) Clean(ctx context.Context) error {
	err := c.Reap(ctx)
	_, swept := c.Stock.Sweep(ctx, Folder, leftoverAge)
	return errors.Join(err, swept)
}

// leftoverAge is how old parts are of which it is certain that no export needs them: none keeps a snapshot for so long.
const leftoverAge = 7 * 24 * time.Hour
