package binding

// #include "llama.h"
// extern void kakeyaLog(int level, char *text, void *data);
// static void set_log(void) { llama_log_set((ggml_log_callback)kakeyaLog, NULL); }
import "C"

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// sink gathers llama.cpp's log text into lines. Text arrives in pieces, from any thread.
var sink struct {
	mu      sync.Mutex
	partial strings.Builder
	level   slog.Level
	errors  [8]string // the last lines of level error; the n-th is at n modulo 8
	count   int       // error lines so far
}

// expected counts raised interrupts. While there are any, what llama.cpp complains of is what was
// asked for.
var expected atomic.Int32

func redirectLog() { C.set_log() }

//export kakeyaLog
func kakeyaLog(level C.int, text *C.char, _ unsafe.Pointer) {
	write(int(level), C.GoString(text))
}

// write adds a piece of text; a line is logged when it is whole.
func write(level int, text string) {
	sink.mu.Lock()
	defer sink.mu.Unlock()
	if level != C.GGML_LOG_LEVEL_CONT {
		sink.level = slogLevel(level)
	}
	for text != "" {
		line, rest, whole := strings.Cut(text, "\n")
		sink.partial.WriteString(line)
		if !whole {
			return
		}
		emit(sink.level, strings.TrimSpace(sink.partial.String()))
		sink.partial.Reset()
		text = rest
	}
}

func emit(level slog.Level, line string) {
	if strings.Trim(line, ".") == "" {
		return // llama.cpp draws its progress with dots
	}
	if level >= slog.LevelError {
		sink.errors[sink.count%len(sink.errors)] = line
		sink.count++
	}
	if expected.Load() > 0 {
		level = slog.LevelDebug
	}
	slog.Default().Log(context.Background(), level, line, "source", "llama.cpp")
}

// slogLevel maps ggml's levels one step down: its info is chatter that only debugging needs.
func slogLevel(level int) slog.Level {
	switch level {
	case C.GGML_LOG_LEVEL_ERROR:
		return slog.LevelError
	case C.GGML_LOG_LEVEL_WARN:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}

// errorLines is how many error lines there were, for whyFailed.
func errorLines() int {
	sink.mu.Lock()
	defer sink.mu.Unlock()
	return sink.count
}

// whyFailed is the first error line after the first n: later ones only repeat that the callers
// failed too. Calls at the same time may see each other's lines.
func whyFailed(n int) string {
	sink.mu.Lock()
	defer sink.mu.Unlock()
	n = max(n, sink.count-len(sink.errors))
	if n >= sink.count {
		return "llama.cpp gave no reason"
	}
	return sink.errors[n%len(sink.errors)]
}
