package grammar

// checkLeftRecursion refuses rules that can come back to themselves without reading a byte: their
// stacks would grow forever. The named rules come first in p.rules.
func checkLeftRecursion(p *program, rules []rule) error {
	left := leftWalker{p: p, nullable: nullableRules(p), seen: make([]bool, len(p.nodes))}
	const (
		unseen = iota
		open   // on the path
		done
	)
	state := make([]uint8, len(p.rules))
	type frame struct {
		rule  int32
		calls []int32
	}
	var path []frame
	enter := func(r int32) {
		state[r] = open
		path = append(path, frame{r, left.calls(r)})
	}
	for first := range p.rules {
		if state[first] == unseen {
			enter(int32(first))
		}
		for len(path) > 0 {
			top := &path[len(path)-1]
			if len(top.calls) == 0 {
				state[top.rule] = done
				path = path[:len(path)-1]
				continue
			}
			called := top.calls[0]
			top.calls = top.calls[1:]
			switch state[called] {
			case unseen:
				enter(called)
			case open:
				// Rules without a name only call what they were written with, so every cycle
				// has one with a name, and it is the nearest to the end of the path.
				for i := len(path) - 1; ; i-- {
					if r := int(path[i].rule); r < len(rules) {
						return rules[r].at.errorf("rule %q is left-recursive: it can come back to itself without reading anything", rules[r].name)
					}
				}
			}
		}
	}
	return nil
}

// leftWalker visits what rules can do before they read a byte. A node belongs to one rule, so
// each is visited once.
type leftWalker struct {
	p        *program
	nullable []bool
	seen     []bool
}

// calls returns the rules that r can call before it reads a byte. It is asked once for each rule.
func (w *leftWalker) calls(r int32) (calls []int32) {
	todo := []int32{w.p.rules[r]}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if w.seen[at] {
			continue
		}
		w.seen[at] = true
		switch n := w.p.nodes[at]; n.op {
		case opSplit:
			todo = append(todo, n.next, n.arg)
		case opCall:
			calls = append(calls, n.arg)
			if w.nullable[n.arg] {
				todo = append(todo, n.next)
			}
		}
	}
	return calls
}

// nullableRules says which rules can match nothing: those from whose first node a return can be
// reached over splits and calls of such rules. It works backwards from the return.
func nullableRules(p *program) []bool {
	before := make([][]int32, len(p.nodes)) // nodes that go on at this one
	callers := make([][]int32, len(p.rules))
	begins := make(map[int32][]int32) // rules that begin at a node
	for i, n := range p.nodes {
		switch n.op {
		case opSplit:
			before[n.next] = append(before[n.next], int32(i))
			before[n.arg] = append(before[n.arg], int32(i))
		case opCall:
			before[n.next] = append(before[n.next], int32(i))
			callers[n.arg] = append(callers[n.arg], int32(i))
		}
	}
	for r, first := range p.rules {
		begins[first] = append(begins[first], int32(r))
	}

	returns := make([]bool, len(p.nodes)) // a return can be reached from here
	nullable := make([]bool, len(p.rules))
	todo := []int32{returnNode}
	returns[returnNode] = true
	mark := func(n int32) {
		if !returns[n] {
			returns[n] = true
			todo = append(todo, n)
		}
	}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, n := range before[at] {
			if p.nodes[n].op == opSplit || nullable[p.nodes[n].arg] {
				mark(n)
			}
		}
		for _, r := range begins[at] {
			nullable[r] = true
			for _, call := range callers[r] {
				if returns[p.nodes[call].next] {
					mark(call)
				}
			}
		}
	}
	return nullable
}
