package session

import "time"

// index knows which pages exist: a forest with a tree for each identity, in which a page hangs
// under the page before it. It does no I/O; the store's lock guards it.
type index struct {
	nodes  map[Key]*node
	groups map[Key]*group // by root key
	leaves leaves         // that may be evicted, the one used longest ago first
	turns  uint64         // uses counted
	ids    uint64         // given
	used   int64          // bytes that pages admitted to the backing cost
}

// group is the pages of one identity.
type group struct {
	identity Identity
	root     Key
	roots    *node // first pages
	usage    Usage
}

type state uint8

const (
	pending state = iota // in the queue or being written; has its data
	stored
	gone // dropped, evicted, expired or damaged: in nobody's tree
)

// node is one page.
type node struct {
	entry
	id    uint64 // never used twice
	state state
	page  *record // while pending

	group          *group
	above          *node // the page before it; nil for a first page
	below          *node // the first of those after it
	previous, next *node // its siblings

	pins  int
	turn  uint64 // of its last use
	cost  int64  // bytes of the budget; 0 until it is admitted
	place int    // in leaves, counted from 1; 0: not there
}

func newIndex() *index {
	return &index{nodes: make(map[Key]*node), groups: make(map[Key]*group)}
}

// find returns the longest run of pages with these keys, from the first.
func (x *index) find(keys []Key) []*node {
	var run []*node
	for _, k := range keys {
		n := x.nodes[k]
		if n == nil {
			break
		}
		run = append(run, n)
	}
	return run
}

// add makes a node for an entry, pending, under the page above it, which may be nil.
func (x *index) add(e entry, above *node) *node {
	var g *group
	if above != nil {
		g = above.group
	} else {
		root := e.identity.Root()
		if g = x.groups[root]; g == nil {
			g = &group{identity: e.identity, root: root, usage: Usage{Identity: e.identity}}
			x.groups[root] = g
		}
	}
	e.identity = g.identity // one copy of the strings
	x.ids++
	n := &node{entry: e, id: x.ids, group: g, above: above}
	list := n.list()
	n.next = *list
	if n.next != nil {
		n.next.previous = n
	}
	*list = n
	x.nodes[e.key] = n
	g.usage.add(n, 1)
	x.use(n)
	if above != nil {
		x.fix(above)
	}
	return n
}

// list is where the first of the node and its siblings hangs.
func (n *node) list() **node {
	if n.above != nil {
		return &n.above.below
	}
	return &n.group.roots
}

// admit charges the page's cost in the backing.
func (x *index) admit(n *node, cost int64) {
	n.cost = cost
	x.used += cost
}

// settle makes a pending page one that the backing has.
func (x *index) settle(n *node) {
	n.state = stored
	n.page = nil
	x.fix(n)
}

// touch notes a use of a run of pages. The deepest is used first, so that no page is older than
// those after it.
func (x *index) touch(run []*node, now time.Time) {
	for i := len(run) - 1; i >= 0; i-- {
		n := run[i]
		n.used = max(n.used, now.UnixNano())
		x.use(n)
	}
}

func (x *index) use(n *node) {
	x.turns++
	n.turn = x.turns
	x.fix(n)
}

// pin keeps pages from being evicted or expired until as many calls of unpin.
func (x *index) pin(run []*node) {
	for _, n := range run {
		n.pins++
		x.fix(n)
	}
}

func (x *index) unpin(run []*node) {
	for _, n := range run {
		n.pins--
		x.fix(n)
	}
}

// fix puts the node where it belongs in leaves, or out of them.
func (x *index) fix(n *node) {
	x.leaves.set(n, n.state == stored && n.below == nil && n.pins == 0)
}

// remove takes a page and all after it out of the index and calls each with every one of them.
func (x *index) remove(n *node, each func(*node)) {
	for n.below != nil {
		x.remove(n.below, each)
	}
	x.leaves.set(n, false)
	if n.previous != nil {
		n.previous.next = n.next
	} else {
		*n.list() = n.next
	}
	if n.next != nil {
		n.next.previous = n.previous
	}
	n.previous, n.next = nil, nil
	delete(x.nodes, n.key)
	x.used -= n.cost
	n.group.usage.add(n, -1)
	if n.group.roots == nil {
		delete(x.groups, n.group.root)
	}
	if n.above != nil {
		x.fix(n.above)
	}
	each(n)
	n.state, n.page = gone, nil
}
