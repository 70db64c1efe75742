package grammar

// mask returns the tokens that are allowed in a state, computed now or kept from before; nil when
// that would pass maxWalk.
func (m *machine) mask(s *state) []uint64 {
	if s.mask != nil {
		m.masks.MoveToFront(s.used)
		return s.mask
	}
	mask := m.walk(s)
	if mask == nil {
		return nil
	}
	s.mask = mask
	s.used = m.masks.PushFront(s)
	for m.masks.Len() > 1 && m.masks.Len()*len(s.mask)*8 > maxMaskBytes {
		oldest := m.masks.Remove(m.masks.Back()).(*state)
		oldest.mask, oldest.used = nil, nil
	}
	return s.mask
}

// walk steps through the trie, and past what hangs below a byte that is not allowed.
func (m *machine) walk(s *state) []uint64 {
	v := m.vocabulary
	mask := make([]uint64, len(v.isEnd))
	if m.path == nil {
		m.path = make([]*state, v.depth+1)
	}
	path, trie, kindOf := m.path, v.trie, &m.program.kindOf
	visits := m.closing.visits
	defer clear(path)
	path[0] = s
	for i := 0; i < len(trie); {
		n := &trie[i]
		at := path[n.depth]
		next := at.next[kindOf[n.byte]]
		if next == nil {
			next = m.step(at, n.byte)
			if m.closing.visits-visits > maxWalk {
				return nil
			}
		}
		if next == dead {
			i = int(n.skip)
			continue
		}
		if n.token >= 0 {
			mask[n.token>>6] |= 1 << (n.token & 63)
		}
		path[n.depth+1] = next
		i++
	}
	if s.complete {
		for _, t := range v.ends {
			mask[t>>6] |= 1 << (t & 63)
		}
	}
	return mask
}
