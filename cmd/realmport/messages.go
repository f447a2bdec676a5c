package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// messages is a log handler that speaks to the person at the command line.
type messages struct {
	main *Main
	json bool
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
	if h.json {
		h.main.object(h.main.Stdout, struct {
			MessageType string `json:"message_type"`
			Message     string `json:"message"`
		}{"warning", text.String()})
		return nil
	}
	clear := ""
	if h.main.Terminal {
		clear = "\r\x1b[K" // the progress bar may stand there
	}
	_, err := fmt.Fprintf(h.main.Stderr, "%srealmport: warning: %s\n", clear, text.String())
	return err
}

// WithAttrs implements slog.Handler; nothing here uses it.
func (h *messages) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler; nothing here uses it.
func (h *messages) WithGroup(string) slog.Handler { return h }
