package host

import (
	"strings"
	"sync"
)

// tail keeps the last lines that were written to it.
type tail struct {
	mu      sync.Mutex
	lines   []string
	partial []byte
}

const (
	tailLines  = 10
	tailLength = 500 // bytes of a line
)

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range b {
		switch {
		case c == '\n':
			t.flush()
		case len(t.partial) < tailLength:
			t.partial = append(t.partial, c)
		}
	}
	return len(b), nil
}

func (t *tail) flush() {
	if len(t.partial) == 0 {
		return
	}
	if len(t.lines) == tailLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
	t.lines = append(t.lines, strings.ToValidUTF8(string(t.partial), "\uFFFD"))
	t.partial = t.partial[:0]
}

// String returns the lines, one below the other.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
	return strings.Join(t.lines, "\n")
}
