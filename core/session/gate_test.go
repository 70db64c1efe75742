package session

// gate is a backing whose commits wait until it is opened, and may fail.
type gate struct {
	backing
	entered chan struct{} // sent to by each commit that arrives while somebody listens
	open    chan struct{}
	fail    func(batch) error // may be nil
}

// newGate puts a gate before the backing of a store that nobody uses yet.
func newGate(s *Store) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &gate{backing: s.back, entered: make(chan struct{}, 1), open: make(chan struct{})}
	s.back = g
	return g
}

func (g *gate) commit(b batch) error {
	select {
	case g.entered <- struct{}{}:
	default:
	}
	<-g.open
	if g.fail != nil {
		if err := g.fail(b); err != nil {
			return err
		}
	}
	return g.backing.commit(b)
}
