package jobs

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// oneLevel is the distance between slog's levels.
const oneLevel = slog.LevelError - slog.LevelWarn

// quietFor is how long a warning is not repeated.
const quietFor = time.Minute

// quiet passes on what River logs, one level down: what it warns of is its daily work, and what it calls errors are troubles of
// the database that it gets over by itself. Those come every second as long as the trouble lasts, so the same one is passed
// on once a minute.
type quiet struct {
	slog.Handler
	said *said
}

// said remembers when what was logged last.
type said struct {
	mu   sync.Mutex
	last map[string]time.Time // +checklocks:mu
}

func newQuiet(to slog.Handler) slog.Handler {
	return quiet{Handler: to, said: &said{last: map[string]time.Time{}}}
}

// Enabled implements slog.Handler.
func (h quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(ctx, level-oneLevel)
}

// Handle implements slog.Handler.
func (h quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level -= oneLevel
	if r.Level >= slog.LevelWarn && h.said.again(r.Message, r.Time) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quiet{h.Handler.WithAttrs(attrs), h.said}
}

// WithGroup implements slog.Handler.
func (h quiet) WithGroup(name string) slog.Handler {
	return quiet{h.Handler.WithGroup(name), h.said}
}

// again tells whether a message was there a moment ago. River's messages are constants: there are few.
func (s *said) again(message string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[message]; ok && now.Sub(last) < quietFor {
		return true
	}
	s.last[message] = now
	return false
}
