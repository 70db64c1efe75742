package grammar

import (
	"cmp"
	"encoding/binary"
)

// Limits of a state.
const (
	maxConfigs = 1 << 12 // places that a state can be at
	maxDepth   = 1 << 12 // calls that a stack can hold
	maxVisits  = 1 << 16 // places passed to find those of a state
	maxWalk    = 1 << 22 // places passed to find the mask of a state
)

// stack is what to return to: a list whose tails are shared. There is one of each in a machine,
// so that equal stacks are equal pointers. The empty stack is nil.
type stack struct {
	top   int32 // node
	rest  *stack
	depth int32
	id    uint32 // from 1; 0 is the empty stack
}

func (s *stack) ident() uint32 {
	if s == nil {
		return 0
	}
	return s.id
}

type stackKey struct {
	top  int32
	rest *stack
}

// config is a place in the program: a node that reads, and what to return to after its rule.
type config struct {
	at    int32
	stack *stack
}

func compareConfigs(a, b config) int {
	if c := cmp.Compare(a.at, b.at); c != 0 {
		return c
	}
	return cmp.Compare(a.stack.ident(), b.stack.ident())
}

// push returns the stack with one node more, or nil when it would pass a limit.
func (m *machine) push(top int32, rest *stack) *stack {
	key := stackKey{top, rest}
	if s, known := m.stacks[key]; known {
		return s
	}
	depth := int32(1)
	if rest != nil {
		depth = rest.depth + 1
	}
	if depth > maxDepth || len(m.stacks) >= maxStacks {
		return nil
	}
	s := &stack{top: top, rest: rest, depth: depth, id: uint32(len(m.stacks) + 1)}
	m.stacks[key] = s
	return s
}

// closure collects the places that can be reached without reading a byte.
type closure struct {
	m        *machine
	seen     map[config]struct{}
	todo     []config
	found    []config
	visits   int  // since the machine was made
	complete bool // the grammar can end here
	over     bool // a limit was passed
}

// add follows everything that can be done at a place before a byte is read.
func (c *closure) add(at int32, s *stack) {
	c.todo = append(c.todo, config{at, s})
	for len(c.todo) > 0 {
		place := c.todo[len(c.todo)-1]
		c.todo = c.todo[:len(c.todo)-1]
		if _, seen := c.seen[place]; seen {
			continue
		}
		if len(c.seen) >= maxVisits || len(c.found) >= maxConfigs {
			c.over = true
			return
		}
		c.seen[place] = struct{}{}
		c.visits++
		switch n := c.m.program.nodes[place.at]; n.op {
		case opRead:
			c.found = append(c.found, place)
		case opSplit:
			c.todo = append(c.todo, config{n.arg, place.stack}, config{n.next, place.stack})
		case opCall:
			rest := place.stack
			if n.next != returnNode {
				if rest = c.m.push(n.next, rest); rest == nil {
					c.over = true
					return
				}
			}
			c.todo = append(c.todo, config{c.m.program.rules[n.arg], rest})
		case opReturn:
			if place.stack == nil {
				c.complete = true
			} else {
				c.todo = append(c.todo, config{place.stack.top, place.stack.rest})
			}
		}
	}
}

// keyOf identifies a set of sorted configs within a machine.
func keyOf(configs []config, complete bool) string {
	key := make([]byte, 1, 1+8*len(configs))
	if complete {
		key[0] = 1
	}
	for _, c := range configs {
		key = binary.LittleEndian.AppendUint32(key, uint32(c.at))
		key = binary.LittleEndian.AppendUint32(key, c.stack.ident())
	}
	return string(key)
}
