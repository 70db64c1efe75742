package grammar

import (
	"errors"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// ErrRefused says that a token does not go on with the grammar.
var ErrRefused = errors.New("token refused by the grammar")

// Matcher is where a text of tokens stands in a grammar. It is not safe for concurrent use;
// different matchers are, clones of each other too.
type Matcher struct {
	machine *machine
	state   *state
	ended   bool // an end token was accepted
}

// Matcher returns a Matcher of the empty text. What it learns of the grammar is shared with its
// clones only, so one that is kept and cloned for each text saves work.
func (g *Grammar) Matcher(v *Vocabulary) *Matcher {
	m := newMachine(&g.program, v)
	start, _ := m.initial() // within limits: Parse has tried
	return &Matcher{machine: m, state: start}
}

// Clone returns an independent Matcher at the same place. It costs next to nothing.
func (m *Matcher) Clone() *Matcher {
	c := *m
	return &c
}

// CanEnd says whether the text is complete as it stands, so that an end token is allowed.
func (m *Matcher) CanEnd() bool { return m.state.complete && !m.ended }

// Done says that the text is complete and nothing can be added to it.
func (m *Matcher) Done() bool { return m.ended || m.state.complete && len(m.state.configs) == 0 }

// Accept adds a token to the text. ErrRefused: it is not allowed, and nothing has changed.
func (m *Matcher) Accept(t backend.Token) error {
	next, ended := m.after(t)
	if next == dead {
		return fmt.Errorf("%w: token %d", ErrRefused, t)
	}
	m.state, m.ended = next, ended
	return nil
}

// Allowed says whether Accept would take a token.
func (m *Matcher) Allowed(t backend.Token) bool {
	next, _ := m.after(t)
	return next != dead
}

// after returns the state after a token, and whether it ends the text.
func (m *Matcher) after(t backend.Token) (next *state, ended bool) {
	v := m.machine.vocabulary
	if m.ended || t < 0 || int(t) >= v.Size() {
		return dead, false
	}
	if v.endsText(t) {
		if m.state.complete {
			return m.state, true
		}
		return dead, false
	}
	if len(v.pieces[t]) == 0 {
		return dead, false
	}
	m.machine.mu.Lock()
	defer m.machine.mu.Unlock()
	next = m.machine.adopt(m.state)
	for _, b := range v.pieces[t] {
		if next == dead {
			break
		}
		next = m.machine.step(next, b)
	}
	return next, false
}

// Mask answers Allowed for every token: bit t%64 of word t/64 is set when token t is allowed.
// The slice is shared and must not be written to; it stays as it is. It is nil when no token is
// allowed because the text has ended, or because finding out would pass a limit, which only
// grammars that are ambiguous without measure do.
func (m *Matcher) Mask() []uint64 {
	if m.ended {
		return nil
	}
	m.machine.mu.Lock()
	defer m.machine.mu.Unlock()
	s := m.machine.adopt(m.state)
	if s == dead {
		return nil
	}
	m.state = s
	return m.machine.mask(s)
}
