package host

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
)

// levelTrace is below slog's own levels, as hclog's is.
const levelTrace = slog.LevelDebug - 4

// hostLog is an hclog.Logger that writes to slog. go-plugin logs to it: what it has to say itself,
// which is only of interest when debugging, and under a name of their own the lines of the
// plugin, with their level, fields and time.
type hostLog struct {
	out  *slog.Logger
	own  bool // go-plugin's own words: everything is debug
	name string
	args []any
}

var _ hclog.Logger = (*hostLog)(nil)

func newHostLog(out *slog.Logger) *hostLog { return &hostLog{out: out, own: true} }

func toSlog(level hclog.Level) slog.Level {
	switch level {
	case hclog.Trace:
		return levelTrace
	case hclog.Debug, hclog.NoLevel:
		return slog.LevelDebug
	case hclog.Info:
		return slog.LevelInfo
	case hclog.Warn:
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}

// Log implements hclog.Logger.
func (l *hostLog) Log(level hclog.Level, msg string, args ...any) {
	to := toSlog(level)
	if l.own {
		to = min(to, slog.LevelDebug)
	}
	ctx := context.Background()
	if level == hclog.Off || !l.out.Enabled(ctx, to) {
		return
	}
	r := slog.NewRecord(time.Now(), to, msg, 0)
	for i := 0; i+1 < len(args); i += 2 {
		key := fmt.Sprint(args[i])
		if at, ok := args[i+1].(string); ok && key == "timestamp" && !l.own {
			if when, err := time.Parse(hclog.TimeFormat, at); err == nil {
				r.Time = when
				continue
			}
		}
		r.AddAttrs(slog.Any(key, args[i+1]))
	}
	_ = l.out.Handler().Handle(ctx, r) // a log that cannot be written has nowhere to say so
}

// Trace implements hclog.Logger.
func (l *hostLog) Trace(msg string, args ...any) { l.Log(hclog.Trace, msg, args...) }

// Debug implements hclog.Logger.
func (l *hostLog) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }

// Info implements hclog.Logger.
func (l *hostLog) Info(msg string, args ...any) { l.Log(hclog.Info, msg, args...) }

// Warn implements hclog.Logger.
func (l *hostLog) Warn(msg string, args ...any) { l.Log(hclog.Warn, msg, args...) }

// Error implements hclog.Logger.
func (l *hostLog) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

func (l *hostLog) is(level slog.Level) bool { return l.out.Enabled(context.Background(), level) }

// IsTrace implements hclog.Logger.
func (l *hostLog) IsTrace() bool { return l.is(levelTrace) }

// IsDebug implements hclog.Logger.
func (l *hostLog) IsDebug() bool { return l.is(slog.LevelDebug) }

// IsInfo implements hclog.Logger.
func (l *hostLog) IsInfo() bool { return l.is(slog.LevelInfo) }

// IsWarn implements hclog.Logger.
func (l *hostLog) IsWarn() bool { return l.is(slog.LevelWarn) }

// IsError implements hclog.Logger.
func (l *hostLog) IsError() bool { return l.is(slog.LevelError) }

// ImpliedArgs implements hclog.Logger.
func (l *hostLog) ImpliedArgs() []any { return l.args }

// With implements hclog.Logger.
func (l *hostLog) With(args ...any) hclog.Logger {
	c := *l
	c.out, c.args = l.out.With(args...), append(l.args[:len(l.args):len(l.args)], args...)
	return &c
}

// Name implements hclog.Logger.
func (l *hostLog) Name() string { return l.name }

// Named implements hclog.Logger. go-plugin names its logger after the binary for the plugin's lines
// and "stdio" for a stream of its own.
func (l *hostLog) Named(name string) hclog.Logger {
	c := *l
	c.name, c.own = name, name == "stdio"
	return &c
}

// ResetNamed implements hclog.Logger.
func (l *hostLog) ResetNamed(name string) hclog.Logger { return l.Named(name) }

// SetLevel implements hclog.Logger: the level is slog's.
func (l *hostLog) SetLevel(hclog.Level) {}

// GetLevel implements hclog.Logger.
func (l *hostLog) GetLevel() hclog.Level {
	for _, level := range []hclog.Level{hclog.Trace, hclog.Debug, hclog.Info, hclog.Warn, hclog.Error} {
		if l.is(toSlog(level)) {
			return level
		}
	}
	return hclog.Off
}

// StandardLogger implements hclog.Logger.
func (l *hostLog) StandardLogger(o *hclog.StandardLoggerOptions) *log.Logger {
	return log.New(l.StandardWriter(o), "", 0)
}

// StandardWriter implements hclog.Logger.
func (l *hostLog) StandardWriter(*hclog.StandardLoggerOptions) io.Writer { return lineWriter{l} }

type lineWriter struct{ log *hostLog }

func (w lineWriter) Write(b []byte) (int, error) {
	w.log.Debug(strings.TrimSpace(string(b)))
	return len(b), nil
}

// pluginLevel is the least level that the log takes, as a plugin is told.
func pluginLevel(out *slog.Logger) string {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn} {
		if out.Enabled(context.Background(), level) {
			return strings.ToLower(level.String())
		}
	}
	return "error"
}
