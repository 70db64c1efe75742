package grammar

import (
	"container/list"
	"slices"
	"sync"
)

// Limits of a machine. Over them it forgets all states and masks; matchers keep their own.
const (
	maxStates    = 1 << 14
	maxPlaces    = 1 << 20 // configs of all states
	maxStacks    = 1 << 20
	manyStacks   = 1 << 17 // forget states rather than let stacks come near maxStacks
	maxMaskBytes = 32 << 20
)

// machine is the automaton of a program over a vocabulary, built as it is used. The matchers of
// a grammar that were cloned from one another share it; the mutex guards all of it, and the
// states too.
type machine struct {
	mu         sync.Mutex
	program    *program
	vocabulary *Vocabulary

	epoch  int // rises when states and stacks are forgotten
	states map[string]*state
	places int // configs of states
	stacks map[stackKey]*stack
	masks  *list.List // of *state: those with a mask, used last first
	path   []*state   // of the walk over the trie, by depth

	closing closure // reused
}

// state is everything that the bytes so far can mean. Its configs and complete never change.
type state struct {
	epoch    int
	configs  []config // sorted, no two equal
	complete bool     // the text may end here
	next     []*state // by kind of byte; nil: not known yet; dead: no text goes on like that
	mask     []uint64
	used     *list.Element // in masks, while there is a mask
}

var dead = &state{}

func newMachine(p *program, v *Vocabulary) *machine {
	m := &machine{program: p, vocabulary: v}
	m.closing = closure{m: m, seen: map[config]struct{}{}}
	m.forget()
	return m
}

// forget drops all states and stacks. Matchers bring theirs back with adopt.
func (m *machine) forget() {
	m.epoch++
	m.states, m.places = map[string]*state{}, 0
	m.stacks = map[stackKey]*stack{}
	m.masks = list.New()
}

// initial returns the state of the empty text; false when it passes a limit.
func (m *machine) initial() (*state, bool) {
	m.begin()
	m.closing.add(m.program.start, nil)
	s := m.end()
	return s, !m.closing.over
}

// full says that no more states are kept.
func (m *machine) full() bool { return len(m.states) >= maxStates || m.places >= maxPlaces }

// adopt returns the machine's own copy of a state that it may have forgotten, after making room.
// It is dead when the copy passes a limit.
func (m *machine) adopt(s *state) *state {
	if m.full() || len(m.stacks) >= manyStacks {
		m.forget()
	}
	if s.epoch == m.epoch || s == dead {
		return s
	}
	m.begin()
	for _, c := range s.configs {
		var nodes []int32
		for f := c.stack; f != nil; f = f.rest {
			nodes = append(nodes, f.top)
		}
		var own *stack
		for _, top := range slices.Backward(nodes) {
			if own = m.push(top, own); own == nil {
				return dead
			}
		}
		m.closing.add(c.at, own)
	}
	m.closing.complete = s.complete
	return m.end()
}

// step returns the state after a byte.
func (m *machine) step(s *state, b byte) *state {
	kind := m.program.kindOf[b]
	if next := s.next[kind]; next != nil {
		return next
	}
	m.begin()
	for _, c := range s.configs {
		n := m.program.nodes[c.at]
		if m.program.sets[n.arg].has(b) {
			m.closing.add(n.next, c.stack)
		}
		if m.closing.over {
			break
		}
	}
	next := m.end()
	if !m.full() || next == dead {
		s.next[kind] = next
	}
	return next
}

// begin and end enclose calls of closing.add, whose places become a state.
func (m *machine) begin() {
	c := &m.closing
	if len(c.seen) > 1024 {
		c.seen = map[config]struct{}{} // clearing costs what the map has grown to
	} else {
		clear(c.seen)
	}
	c.todo, c.found, c.complete, c.over = c.todo[:0], c.found[:0], false, false
}

func (m *machine) end() *state {
	c := &m.closing
	if c.over || len(c.found) == 0 && !c.complete {
		return dead
	}
	slices.SortFunc(c.found, compareConfigs)
	key := keyOf(c.found, c.complete)
	if s, known := m.states[key]; known {
		return s
	}
	s := &state{
		epoch:    m.epoch,
		configs:  slices.Clone(c.found),
		complete: c.complete,
		next:     make([]*state, len(m.program.sample)),
	}
	if !m.full() {
		m.states[key] = s
		m.places += len(s.configs)
	}
	return s
}
