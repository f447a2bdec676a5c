package pace_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/pace"
)

// lines is a log without times.
func lines(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// server is what a gate asks. Its fields change only while nobody does.
type server struct {
	mu       sync.Mutex
	busy     string
	err      error
	asked    []time.Duration // since the beginning
	together int             // checks under way
	begin    time.Time
}

func (s *server) check(ctx context.Context) (string, error) {
	s.mu.Lock()
	s.asked = append(s.asked, clock.Now().Sub(s.begin))
	s.together++
	alone, busy, err := s.together == 1, s.busy, s.err
	s.mu.Unlock()
	if !alone {
		err = errors.New("two checks at a time")
	}
	select {
	case <-time.After(10 * time.Millisecond):
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	s.mu.Lock()
	s.together--
	s.mu.Unlock()
	return busy, err
}

func (s *server) set(busy string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy, s.err = busy, err
}

func TestGatePausesAllReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &server{begin: clock.Now()}
		gate := pace.NewGate(s.check, 5*time.Second, clock.Now, lines(&log))
		time.AfterFunc(7*time.Second, func() { s.set("the lag is 20s", nil) })
		time.AfterFunc(9*time.Second, func() { s.set("", errors.New("too busy to tell")) }) // nobody asks meanwhile
		time.AfterFunc(9500*time.Millisecond, func() { s.set("the lag is 20s", nil) })
		time.AfterFunc(11*time.Second, func() { s.set("", errors.New("too busy to tell")) })
		time.AfterFunc(21*time.Second, func() { s.set("the lag is 10s", nil) })
		time.AfterFunc(32*time.Second, func() {
			if got := gate.Paused(); got != "the lag is 10s" {
				t.Errorf("got reason %q", got)
			}
			s.set("", nil)
		})
		var longest [3]time.Duration
		var readers sync.WaitGroup
		for i := range longest {
			readers.Go(func() {
				for clock.Now().Sub(s.begin) < 45*time.Second {
					before := clock.Now()
					if err := gate.Wait(t.Context()); err != nil {
						t.Error(err)
					}
					longest[i] = max(longest[i], clock.Now().Sub(before))
					<-time.After(time.Second) // a batch of rows
				}
			})
		}
		readers.Wait()
		for i, got := range longest {
			if got < 20*time.Second || got > 30*time.Second {
				t.Errorf("reader %d: got a pause of %v, want one of 24 seconds or so", i, got)
			}
		}
		for i := 1; i < len(s.asked); i++ {
			if got := s.asked[i] - s.asked[i-1]; got < 5*time.Second {
				t.Errorf("got two checks in %v, want 5s", got)
			}
		}
		var messages []string
		for line := range strings.Lines(log.String()) {
			level, rest, _ := strings.Cut(line, " msg=")
			message, _, _ := strings.Cut(strings.Trim(rest, `"`), `"`)
			messages = append(messages, level+" "+message)
		}
		want := []string{
			"level=WARN reading pauses for the server's sake", "level=WARN the server's load is unknown",
			"level=INFO reading goes on",
		}
		if diff := cmp.Diff(want, messages); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		if gate.Paused() != "" {
			t.Error("the gate is still closed")
		}
	})
}

func TestGateEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{begin: clock.Now(), busy: "busy"}
		gate := pace.NewGate(s.check, time.Second, clock.Now, slog.New(slog.DiscardHandler))
		cause := errors.New("stopped")
		// One ends in the check, one in the pause, one before either; then the check is there for others.
		for _, after := range []time.Duration{5 * time.Millisecond, time.Minute, 0} {
			ctx, cancel := context.WithTimeoutCause(t.Context(), after, cause)
			if err := gate.Wait(ctx); !errors.Is(err, cause) {
				t.Errorf("after %v: got %v, want %v", after, err, cause)
			}
			cancel()
		}
		s.set("", nil)
		if err := gate.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestGateDoesNotWaitForACheckThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		begin := clock.Now()
		gate := pace.NewGate(func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", context.Cause(ctx)
		}, time.Second, clock.Now, lines(&log))
		if err := gate.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if got := clock.Now().Sub(begin); got > time.Minute {
			t.Errorf("got a wait of %v", got)
		}
		if !strings.Contains(log.String(), "took too long") {
			t.Errorf("got log %q, want why", log.String())
		}
	})
}

func TestNoGate(t *testing.T) {
	t.Parallel()
	gate := pace.NewGate(nil, time.Second, clock.Now, nil)
	if err := gate.Wait(t.Context()); gate != nil || err != nil || gate.Paused() != "" {
		t.Errorf("got %v, %v, want no gate", gate, err)
	}
}
