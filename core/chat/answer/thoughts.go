package answer

import "strings"

// The tags of thoughts.
const (
	thinkBegin = "<think>"
	thinkEnd   = "</think>"
)

// Thinks says whether a model of this chat template may think before it answers.
func Thinks(template string) bool {
	return strings.Contains(template, thinkBegin) || strings.Contains(template, thinkEnd)
}

// Begun says whether a prompt has opened the thoughts of the answer.
func Begun(prompt string) bool {
	return strings.HasSuffix(strings.TrimRight(prompt, whiteSpace), thinkBegin)
}

type thoughtState int

const (
	undecided thoughtState = iota // an answer has not begun
	thinking
	thought // and now it speaks
)

// thoughts tells those that come before an answer from it. White space around them goes.
type thoughts struct {
	state thoughtState
	held  string
	begun bool // a thought was told
}

// push takes more text.
func (t *thoughts) push(text string) (said, thoughts string) {
	if t.state == thought {
		return text, ""
	}
	t.held += text
	if t.state == undecided {
		trimmed := strings.TrimLeft(t.held, whiteSpace)
		switch {
		case strings.HasPrefix(trimmed, thinkBegin):
			t.state, t.held = thinking, trimmed[len(thinkBegin):]
		case strings.HasPrefix(thinkBegin, trimmed):
			return "", ""
		default:
			t.state = thought
			if t.begun {
				t.held = trimmed
			}
			return t.take(len(t.held)), ""
		}
	}
	if !t.begun {
		if t.held = strings.TrimLeft(t.held, whiteSpace); t.held == "" {
			return "", ""
		}
	}
	end := strings.Index(t.held, thinkEnd)
	if end < 0 {
		end = len(t.held)
		for n := min(len(thinkEnd)-1, end); n > 0; n-- {
			if strings.HasSuffix(t.held, thinkEnd[:n]) {
				end -= n
				break
			}
		}
		thoughts = t.take(len(strings.TrimRight(t.held[:end], whiteSpace)))
		t.begun = t.begun || thoughts != ""
		return "", thoughts
	}
	thoughts = strings.TrimRight(t.take(end), whiteSpace)
	rest := strings.TrimLeft(t.held[len(thinkEnd):], whiteSpace)
	if t.held = ""; rest == "" {
		t.state, t.begun = undecided, true
		return "", thoughts
	}
	t.state = thought
	return rest, thoughts
}

// end says that there is no more text.
func (t *thoughts) end() (said, thoughts string) {
	if t.state == thinking {
		return "", strings.TrimRight(t.take(len(t.held)), whiteSpace)
	}
	return t.take(len(t.held)), ""
}

func (t *thoughts) take(n int) string {
	out := t.held[:n]
	t.held = t.held[n:]
	return out
}
