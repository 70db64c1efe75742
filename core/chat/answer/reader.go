package answer

import "strings"

// Reader takes one answer apart as it comes. Not safe for concurrent use.
type Reader struct {
	dialect  *Dialect // nil: there are no calls to look for
	tools    []Tool
	thoughts thoughts
	out      []Part

	held    string // not decided yet
	inside  bool   // held is about calls
	started bool   // something that is no call was there
	calls   int
	open    bool // the call has its name out
	sent    int  // bytes of its arguments that are out
}

// NewReader reads an answer in a dialect, nil for one without calls. thinks says whether thoughts
// are told apart, begun that the prompt has already opened them.
func (d *Dialect) NewReader(tools []Tool, thinks, begun bool) *Reader {
	r := &Reader{tools: tools}
	if len(tools) > 0 {
		r.dialect = d
	}
	switch {
	case begun:
		r.thoughts.state = thinking
	case !thinks:
		r.thoughts.state = thought
	}
	return r
}

// Push takes more of the answer. The parts are valid until the next call.
func (r *Reader) Push(text string) []Part {
	r.out = r.out[:0]
	said, thought := r.thoughts.push(text)
	r.think(thought)
	r.push(said)
	return r.out
}

// End says that there is no more. What was held back comes out.
func (r *Reader) End() []Part {
	r.out = r.out[:0]
	said, thought := r.thoughts.end()
	r.think(thought)
	r.push(said)
	left := r.held
	if r.calls > 0 && r.inside {
		left = r.unclosed(left)
	}
	if !r.open && (r.calls == 0 || left != "") {
		r.say(left)
	}
	return r.out
}

// unclosed is a text without the ends of calls that it begins with.
func (r *Reader) unclosed(text string) string {
	text = strings.TrimLeft(text, whiteSpace)
	for _, end := range r.dialect.closers {
		if rest, ok := strings.CutPrefix(text, end); ok {
			text = strings.TrimLeft(rest, whiteSpace)
		}
	}
	return text
}

// Calls is how many calls there were so far, one that is not whole included.
func (r *Reader) Calls() int {
	if r.open {
		return r.calls + 1
	}
	return r.calls
}

func (r *Reader) think(text string) {
	if text != "" {
		r.out = append(r.out, Part{Thought: text})
	}
}

// say puts text out. White space around calls is not part of it.
func (r *Reader) say(text string) {
	if r.calls > 0 && !r.started {
		text = strings.TrimLeft(text, whiteSpace)
	}
	if text == "" {
		return
	}
	r.started = true
	r.out = append(r.out, Part{Text: text})
}

const whiteSpace = " \t\r\n"

func (r *Reader) push(text string) {
	if r.dialect == nil {
		r.say(text)
		return
	}
	r.held += text
	for r.held != "" {
		if !r.inside {
			at, hold := r.find()
			r.say(r.held[:at])
			r.held = r.held[at:]
			if hold {
				return
			}
			r.inside = true
		}
		if !r.read() {
			return
		}
	}
}

// find returns where calls may begin; before that there are none. hold: what comes next decides.
func (r *Reader) find() (at int, hold bool) {
	text := r.held
	trimmed := strings.TrimLeft(text, whiteSpace)
	if r.dialect.bare && !r.started && r.calls == 0 {
		if trimmed == "" {
			return 0, true
		}
		if begun, short := r.bare(trimmed); begun || short {
			return 0, short
		}
	}
	at = len(text)
	for _, m := range r.dialect.markers {
		if i := strings.Index(text, m); i >= 0 && i < at {
			at = i
		}
	}
	if at < len(text) {
		return len(strings.TrimRight(text[:at], whiteSpace)), false
	}
	for _, m := range r.dialect.markers {
		for n := min(len(m)-1, len(text)); n > 0; n-- {
			if strings.HasSuffix(text, m[:n]) {
				at = min(at, len(text)-n)
				break
			}
		}
	}
	return len(strings.TrimRight(text[:at], whiteSpace)), true
}

// bare says whether an answer begins like a call, or may.
func (r *Reader) bare(text string) (begun, short bool) {
	if r.dialect != glm4 {
		return text[0] == '{', false
	}
	c := cursor{rest: text}
	for _, t := range r.tools {
		if c.skip(t.Name + "\n") {
			return true, false
		}
	}
	return false, c.short
}

// read reads the next call of what is held. It returns false when more text is needed.
func (r *Reader) read() bool {
	c := cursor{rest: r.held}
	call, status := r.dialect.next(&c, r.tools)
	if (status == part || status == whole) && (!isName(call.name) || !r.marked() && !r.known(call.name)) {
		status = other
	}
	if status == done && r.calls == 0 {
		status = other
	}
	switch status {
	case more:
		return false
	case part, whole:
		r.progress(call)
		if status == part {
			return false
		}
		r.calls++
		r.open, r.sent, r.started = false, 0, false
		r.held = c.rest
		return true
	case done:
		r.inside = false
		r.held = strings.TrimLeft(c.rest, whiteSpace)
		return true
	}
	r.inside = false
	r.give()
	return true
}

func isName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !isNameRune(r) }) < 0
}

// give lets go of the first character of what looked like a call.
func (r *Reader) give() {
	skip := len(r.held) - len(strings.TrimLeft(r.held, whiteSpace))
	n := min(skip+1, len(r.held))
	r.started = r.started || r.calls == 0
	r.say(r.held[:n])
	r.held = r.held[n:]
}

// marked says whether what is held begins with a marker of the dialect.
func (r *Reader) marked() bool {
	text := strings.TrimLeft(r.held, whiteSpace)
	for _, m := range r.dialect.markers {
		if strings.HasPrefix(text, m) {
			return true
		}
	}
	return r.calls > 0
}

func (r *Reader) known(name string) bool {
	for _, t := range r.tools {
		if t.Name == name {
			return true
		}
	}
	return false
}

// progress puts out what is new of a call.
func (r *Reader) progress(call found) {
	delta := CallDelta{Index: r.calls}
	if !r.open {
		delta.Name, r.open = call.name, true
	}
	if len(call.args) > r.sent {
		delta.Arguments = call.args[r.sent:]
		r.sent = len(call.args)
	}
	if delta.Name != "" || delta.Arguments != "" {
		r.out = append(r.out, Part{Call: &delta})
	}
}
