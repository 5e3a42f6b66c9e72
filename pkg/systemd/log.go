package systemd

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// LogHandler is a slog.Handler whose records are entries of the journal: the
// message with its attributes as people read them, and each attribute as a field
// SYSG_NAME of its own, so that `journalctl SYSG_SERVICE=api` finds what is about
// a service. What journald does not take goes to the next handler.
type LogHandler struct {
	journal *locked
	next    slog.Handler
	attrs   []slog.Attr
}

// locked is a Journal for several goroutines.
type locked struct {
	mu sync.Mutex
	*Journal
}

// NewLogHandler makes one. It owns journal.
func NewLogHandler(journal *Journal, next slog.Handler) *LogHandler {
	return &LogHandler{journal: &locked{Journal: journal}, next: next}
}

// Enabled implements slog.Handler.
func (h *LogHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h *LogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = append(append([]slog.Attr{}, h.attrs...), attrs...)
	with.next = h.next.WithAttrs(attrs)
	return &with
}

// WithGroup implements slog.Handler. Fields have no groups.
func (h *LogHandler) WithGroup(string) slog.Handler { return h }

// Handle implements slog.Handler.
func (h *LogHandler) Handle(ctx context.Context, record slog.Record) error {
	var entry Entry
	message := record.Message
	add := func(attr slog.Attr) bool {
		value := attr.Value.Resolve().String()
		entry.Field("SYSG_"+attr.Key, value)
		message += ", " + attr.Key + " " + value
		return true
	}
	for _, attr := range h.attrs {
		add(attr)
	}
	record.Attrs(add)
	entry.Field("MESSAGE", strings.TrimSpace(message))
	entry.Field("PRIORITY", priority(record.Level))
	entry.Field("SYSLOG_IDENTIFIER", "sysgd")
	h.journal.mu.Lock()
	_, err := h.journal.Write(entry)
	h.journal.mu.Unlock()
	if err != nil {
		return h.next.Handle(ctx, record)
	}
	return nil
}

// priority is that of syslog(3).
func priority(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "3"
	case level >= slog.LevelWarn:
		return "4"
	case level >= slog.LevelInfo:
		return "6"
	}
	return "7"
}
