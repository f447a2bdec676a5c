package parts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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
	// MaxAge is how long the coordinator waits for parts with messages, for which it keeps its snapshot; 0 for ever.
	MaxAge time.Duration
	Log    *slog.Logger
}

// Coordinator has the parts of one attempt at an export made. It is safe for concurrent use.
type Coordinator struct {
	Coordination
	attempt string

	stop func() // ends the watching, and waits until it has

	mu      sync.Mutex
	begun   time.Time        // zero if it was not; +checklocks:mu
	next    int              // number of the next part; +checklocks:mu
	waiting map[int]*waiting // +checklocks:mu
	failed  error            // why no part will be made any more; +checklocks:mu
}

var _ export.Team = (*Coordinator)(nil)

// waiting is a part that somebody waits for.
type waiting struct {
	outcome  chan outcome // of one element
	added    bool         // others know of it
	messages bool         // the snapshot is kept for it
	round    int          // how often it was queued
	left     int          // how often somebody gave it back
	again    time.Time    // when it is queued again if nobody is at work on it
	busy     bool         // somebody was at work on it when it was last looked at
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
func (c *Coordinator) Begin(ctx context.Context, p export.Plan) error {
	text, err := json.Marshal(plan{p, c.Stock.Place(), c.Stale})
	if err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	if err := persist(ctx, func() error { return c.Parts.Begin(ctx, c.attempt, text) }); err != nil {
		return err
	}
	c.mu.Lock()
	c.begun = clock.Now()
	c.mu.Unlock()
	watch, stop := context.WithCancel(ctx)
	done := clock.Every(watch, c.Poll, func() { c.look(watch, stop) })
	c.stop = func() { stop(); <-done }
	return nil
}

// Make implements export.Team.
func (c *Coordinator) Make(ctx context.Context, spec export.Spec) (*export.Made, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("write the specification of a part: %w", err)
	}
	w := &waiting{outcome: make(chan outcome, 1), again: clock.Now().Add(firstPatience), messages: spec.Messages != nil}
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
	// The snapshot lives, and parts are made: a database that is away for a moment is no reason to give them up.
	if err := persist(ctx, func() error { return c.Parts.Add(ctx, c.attempt, number, text) }); err != nil {
		return nil, err
	}
	c.enqueue(ctx, number, 0)
	c.mu.Lock()
	w.added = true
	c.mu.Unlock()
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
		c.Log.Warn("part not queued yet", "part", number, "error", err)
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
	// mostLeft is how often a part is given back, by processes that cannot make it, before that is the export's fault.
	mostLeft = 50
)

// look looks at the parts. With an attempt that others have ended, it ends the watching.
func (c *Coordinator) look(ctx context.Context, end func()) {
	if err := c.tooOld(); err != nil {
		c.fail(err)
		return
	}
	added := c.added()
	states, err := c.Parts.Look(ctx, c.attempt, c.Stale)
	switch {
	case ctx.Err() != nil:
	case realmport.ErrorCode(err) == realmport.NotFound:
		c.fail(realmport.Errorf(realmport.Unavailable, "this process was silent for so long that the export was given up"))
		end()
	case err != nil:
		// The database may come back. If it does not in time, others end the attempt, and this process sees it then.
		c.Log.Warn("parts not looked at", "error", err)
	default:
		c.see(ctx, states, added)
	}
}

// tooOld says so if the snapshot has been kept for too long. Nothing else looks: the coordinator does not read from it while it waits.
func (c *Coordinator) tooOld() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.MaxAge <= 0 || clock.Now().Sub(c.begun) < c.MaxAge {
		return nil
	}
	for _, w := range c.waiting {
		if w.messages {
			return realmport.Errorf(realmport.Unavailable, "the snapshot was open for longer than %s: raise limits.snapshot_age, start more workers, "+
				"or export from a replica", c.MaxAge)
		}
	}
	return nil
}

// added returns the numbers of the parts that others know of.
func (c *Coordinator) added() map[int]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	numbers := map[int]bool{}
	for number, w := range c.waiting {
		numbers[number] = w.added
	}
	return numbers
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
// Parts that were added before, and are not among the states, somebody is at work on.
func (c *Coordinator) see(ctx context.Context, states []realmport.PartState, added map[int]bool) {
	seen := map[int]bool{}
	for _, s := range states {
		seen[s.Number] = true
		c.mu.Lock()
		w := c.waiting[s.Number]
		c.mu.Unlock()
		switch {
		case w == nil: // nobody waits for it any more
		case s.Result != nil || s.GivenUp || s.Idle && (s.Tries >= c.Tries || w.left >= mostLeft):
			w.deliver(c.outcomeOf(s))
			if err := c.Parts.Drop(ctx, c.attempt, s.Number); err != nil && ctx.Err() == nil {
				c.Log.Warn("part not dropped yet", "part", s.Number, "error", err)
			}
		case s.Idle:
			c.urge(ctx, s, w)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for number, w := range c.waiting {
		w.busy = added[number] && !seen[number]
	}
}

// urge queues a part again that somebody has left, or that waits for long.
func (c *Coordinator) urge(ctx context.Context, s realmport.PartState, w *waiting) {
	now := clock.Now()
	c.mu.Lock()
	due := w.busy || now.After(w.again)
	if due {
		w.round++
		if w.busy {
			w.left++
		}
		w.again = now.Add(min(firstPatience<<min(w.round, 16), mostPatience))
	}
	round, left := w.round, w.busy
	c.mu.Unlock()
	if !due {
		return
	}
	if left {
		c.Log.Info("part is made again", "part", s.Number, "tries", s.Tries, "reason", reasonText(s.Reason))
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
	if !strings.HasPrefix(made.Name, fmt.Sprintf("%s/%06d-", folderOf(c.attempt), s.Number)) {
		return outcome{err: fmt.Errorf("read the result of part %d: it names an object that is no try at the part", s.Number)}
	}
	return outcome{made: made}
}

// Close ends the attempt: no worker finishes a part of it any more, and what was stored is removed. What stays all the
// same, Reap or Clean finds.
func (c *Coordinator) Close(ctx context.Context) error {
	c.stop()
	c.mu.Lock()
	begun := !c.begun.IsZero()
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

// Clean removes what workers that were killed left in the bucket long ago, for which all parts there are listed.
func (c Coordination) Clean(ctx context.Context) error {
	_, err := c.Stock.Sweep(ctx, Folder, LeftoverAge)
	return err
}

// LeftoverAge is how old a part, or an unfinished upload, is of which it is certain that no export needs it any more.
const LeftoverAge = 7 * 24 * time.Hour
