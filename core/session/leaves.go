package session

import "container/heap"

// leaves is a heap of nodes, the one used longest ago on top.
type leaves []*node

// set puts a node in, or to its new place, or takes it out.
func (l *leaves) set(n *node, in bool) {
	switch {
	case in && n.place == 0:
		heap.Push(l, n)
	case in:
		heap.Fix(l, n.place-1)
	case n.place > 0:
		heap.Remove(l, n.place-1)
	}
}

// top is the leaf used longest ago, or nil.
func (l leaves) top() *node {
	if len(l) == 0 {
		return nil
	}
	return l[0]
}

// Len is for package heap, and so are the next four.
func (l leaves) Len() int { return len(l) }

// Less orders by the last use.
func (l leaves) Less(i, j int) bool { return l[i].turn < l[j].turn }

// Swap keeps the nodes' places.
func (l leaves) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].place, l[j].place = i+1, j+1
}

// Push appends.
func (l *leaves) Push(x any) {
	n := x.(*node)
	*l = append(*l, n)
	n.place = len(*l)
}

// Pop takes the last.
func (l *leaves) Pop() any {
	last := len(*l) - 1
	n := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	n.place = 0
	return n
}
