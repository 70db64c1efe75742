package grammar

import "slices"

// compiler makes a program of rules. Expressions are compiled from their end: each method takes
// the node to go on at and returns the node that the expression begins at.
type compiler struct {
	program program
	names   map[string]int32 // index into program.rules
	setOf   map[byteSet]int32
	tails   map[string]int32 // rules for the characters of a class beyond ASCII, by byte ranges
	full    bool             // over maxNodes
}

func compile(rules []rule) (program, error) {
	c := &compiler{names: map[string]int32{}, setOf: map[byteSet]int32{}, tails: map[string]int32{}}
	c.emit(node{op: opReturn})
	for i, r := range rules {
		c.names[r.name] = int32(i)
	}
	c.program.rules = make([]int32, len(rules))
	for i, r := range rules {
		c.program.rules[i] = c.expr(r.body, returnNode)
		if c.full {
			return program{}, r.at.errorf("the grammar is too large: rule %q passes the limit of %d nodes", r.name, maxNodes)
		}
	}
	if err := checkLeftRecursion(&c.program, rules); err != nil {
		return program{}, err
	}
	c.program.start = c.program.rules[c.names[Root]]
	c.program.classify()
	if _, ok := newMachine(&c.program, nil).initial(); !ok {
		return program{}, rules[c.names[Root]].at.errorf("the grammar is too ambiguous: more than %d ways to begin", maxConfigs)
	}
	return c.program, nil
}

func (c *compiler) emit(n node) int32 {
	if len(c.program.nodes) >= maxNodes {
		c.full = true
		return returnNode
	}
	c.program.nodes = append(c.program.nodes, n)
	return int32(len(c.program.nodes) - 1)
}

func (c *compiler) expr(e expr, next int32) int32 {
	if c.full {
		return next
	}
	switch e := e.(type) {
	case literal:
		for _, b := range slices.Backward([]byte(e)) {
			next = c.read(b, b, next)
		}
		return next
	case class:
		return c.class(e, next)
	case reference:
		return c.emit(node{op: opCall, next: next, arg: c.names[e.name]})
	case sequence:
		for _, item := range slices.Backward(e) {
			next = c.expr(item, next)
		}
		return next
	case choice:
		at := c.expr(e[len(e)-1], next)
		for _, item := range slices.Backward(e[:len(e)-1]) {
			at = c.emit(node{op: opSplit, next: c.expr(item, next), arg: at})
		}
		return at
	case repeat:
		return c.repeat(e, next)
	}
	panic("grammar: unknown expression")
}

// repeat unrolls a repetition. What is copied more than once and is not small becomes a rule.
func (c *compiler) repeat(r repeat, next int32) int32 {
	body := func(next int32) int32 { return c.expr(r.of, next) }
	if copies := max(r.min+1, r.max); copies > 1 && !isSmall(r.of) {
		own := c.rule(func() int32 { return c.expr(r.of, returnNode) })
		body = func(next int32) int32 { return c.emit(node{op: opCall, next: next, arg: own}) }
	}
	at := next
	if r.max < 0 {
		at = c.emit(node{op: opSplit, arg: next})
		c.program.nodes[at].next = body(at)
	}
	for i := r.min; i < r.max && !c.full; i++ {
		at = c.emit(node{op: opSplit, next: body(at), arg: next})
	}
	for i := 0; i < r.min && !c.full; i++ {
		at = body(at)
	}
	return at
}

// isSmall says whether copying an expression costs no more than a few nodes.
func isSmall(e expr) bool {
	switch e := e.(type) {
	case literal:
		return len(e) <= 2
	case class, reference:
		return true
	}
	return false
}

// rule adds a rule that no name refers to.
func (c *compiler) rule(body func() int32) int32 {
	c.program.rules = append(c.program.rules, returnNode)
	index := len(c.program.rules) - 1
	c.program.rules[index] = body()
	return int32(index)
}

func (c *compiler) read(from, to byte, next int32) int32 {
	var set byteSet
	set.add(from, to)
	return c.readSet(set, next)
}

func (c *compiler) readSet(set byteSet, next int32) int32 {
	index, known := c.setOf[set]
	if !known {
		index = int32(len(c.program.sets))
		c.setOf[set] = index
		c.program.sets = append(c.program.sets, set)
	}
	return c.emit(node{op: opRead, next: next, arg: index})
}
