package fake

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// text turns pieces into text that may be sent: whole characters, and nothing that is or may
// become a stop string.
type text struct {
	stops []string
	held  []byte
}

// push adds a piece. A stop string that is met is returned, and the text ends before it.
func (t *text) push(piece string) (out, stop string) {
	t.held = append(t.held, piece...)
	at := len(t.held)
	for _, s := range t.stops {
		if i := bytes.Index(t.held, []byte(s)); i >= 0 && i < at {
			at, stop = i, s
		}
	}
	if stop != "" {
		return t.take(at), stop
	}
	return t.take(min(t.beforeStop(), t.wholeCharacters())), ""
}

// flush returns what is held; no more will come.
func (t *text) flush() string { return t.take(len(t.held)) }

func (t *text) take(n int) string {
	out := strings.ToValidUTF8(string(t.held[:n]), string(utf8.RuneError))
	t.held = t.held[:copy(t.held, t.held[n:])]
	return out
}

// beforeStop is where the longest suffix begins that may become a stop string.
func (t *text) beforeStop() int {
	at := len(t.held)
	for _, s := range t.stops {
		for n := min(len(s)-1, len(t.held)); n > len(t.held)-at; n-- {
			if strings.HasPrefix(s, string(t.held[len(t.held)-n:])) {
				at = len(t.held) - n
				break
			}
		}
	}
	return at
}

// wholeCharacters is where the character begins that is not whole yet.
func (t *text) wholeCharacters() int {
	for n := 1; n <= min(utf8.UTFMax-1, len(t.held)); n++ {
		at := len(t.held) - n
		if utf8.RuneStart(t.held[at]) {
			if utf8.FullRune(t.held[at:]) {
				break
			}
			return at
		}
	}
	return len(t.held)
}
