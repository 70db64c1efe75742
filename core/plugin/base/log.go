package base

import (
	"io"
	"log/slog"
	"os"
	"strings"
)

// EnvLogLevel names the environment variable in which the host tells a plugin what it wants to
// read: debug, info, warn or error. Without it a plugin logs from info on.
const EnvLogLevel = "KAKEYA_PLUGIN_LOG_LEVEL"

// timeFormat is what go-plugin's host end parses.
const timeFormat = "2006-01-02T15:04:05.000000Z07:00"

// NewLogger writes one JSON object a line in the form that go-plugin's host end takes apart and
// logs again with its level. The level comes from [EnvLogLevel].
func NewLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: logLevel(), ReplaceAttr: rename}))
}

func logLevel() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(os.Getenv(EnvLogLevel))); err != nil {
		return slog.LevelInfo
	}
	return level
}

func rename(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey:
		if a.Value.Kind() == slog.KindTime {
			return slog.String("@timestamp", a.Value.Time().Format(timeFormat))
		}
	case slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok {
			return slog.String("@level", strings.ToLower(level.String()))
		}
	case slog.MessageKey:
		if a.Value.Kind() == slog.KindString {
			return slog.String("@message", a.Value.String())
		}
	}
	return a
}
