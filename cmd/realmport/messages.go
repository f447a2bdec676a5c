package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// messages is a log handler that speaks to the person at the command line. What is said again and
// again, as while a server does not answer, it says once.
type messages struct {
	main *Main
	json bool

	mu   sync.Mutex
	last string // +checklocks:mu
}

// Enabled implements slog.Handler.
func (h *messages) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle implements slog.Handler.
func (h *messages) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&text, ": %s", a.Value)
		return true
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	if text.String() == h.last {
		return nil
	}
	h.last = text.String()
	if h.json {
		h.main.object(h.main.Stdout, struct {
			MessageType string `json:"message_type"`
			Message     string `json:"message"`
		}{"warning", redacted(text.String())})
		return nil
	}
	clear := ""
	if h.main.Terminal {
		clear = "\r\x1b[K" // the progress bar may stand there
	}
	_, err := fmt.Fprintf(h.main.Stderr, "%srealmport: warning: %s\n", clear, redacted(text.String()))
	return err
}

// WithAttrs implements slog.Handler; nothing here uses it.
func (h *messages) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler; nothing here uses it.
func (h *messages) WithGroup(string) slog.Handler { return h }
