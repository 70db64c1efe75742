package vocab

import "container/heap"

// merge joins neighbours until no pair has a rank any more: of all pairs the one of the smallest rank first, of equal
// ones the leftmost. It takes n log n steps.
func merge(symbols []string, rank func(left, right string) (float64, bool)) []string {
	m := merging{symbols: make([]symbol, len(symbols))}
	for i, text := range symbols {
		m.symbols[i] = symbol{text: text, left: i - 1, right: i + 1}
	}
	for i := 1; i < len(symbols); i++ {
		m.consider(i-1, i, rank)
	}
	for m.Len() > 0 {
		p := heap.Pop(&m).(pair)
		a, b := &m.symbols[p.left], &m.symbols[p.right]
		if a.gone || b.gone || len(a.text)+len(b.text) != p.size {
			continue // one of them is part of another pair by now
		}
		a.text, a.right, b.gone = a.text+b.text, b.right, true
		if b.right < len(m.symbols) {
			m.symbols[b.right].left = p.left
			m.consider(p.left, b.right, rank)
		}
		if a.left >= 0 {
			m.consider(a.left, p.left, rank)
		}
	}
	var out []string
	for _, s := range m.symbols {
		if !s.gone {
			out = append(out, s.text)
		}
	}
	return out
}

type symbol struct {
	text        string
	left, right int // neighbours
	gone        bool
}

// pair is two neighbours as they were when it was found, size bytes together.
type pair struct {
	rank        float64
	left, right int
	size        int
}

type merging struct {
	symbols []symbol
	pairs   []pair
}

func (m *merging) consider(left, right int, rank func(left, right string) (float64, bool)) {
	a, b := m.symbols[left].text, m.symbols[right].text
	if r, known := rank(a, b); known {
		heap.Push(m, pair{r, left, right, len(a) + len(b)})
	}
}

func (m *merging) Len() int { return len(m.pairs) }
func (m *merging) Less(i, j int) bool {
	a, b := m.pairs[i], m.pairs[j]
	return a.rank < b.rank || a.rank == b.rank && a.left < b.left
}
func (m *merging) Swap(i, j int) { m.pairs[i], m.pairs[j] = m.pairs[j], m.pairs[i] }
func (m *merging) Push(x any)    { m.pairs = append(m.pairs, x.(pair)) }
func (m *merging) Pop() any {
	last := m.pairs[len(m.pairs)-1]
	m.pairs = m.pairs[:len(m.pairs)-1]
	return last
}
