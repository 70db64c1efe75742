package calibrated

import (
	"hash/maphash"
	"slices"
	"sync"
)

// memo keeps what RoundTrip found of pages that grow. Attention wants one layer after another; who wants a layer as it is
// in a page asks for it with those before it, and they need not be computed again. Results do not depend on it.
type memo struct {
	seed maphash.Seed

	mu    sync.Mutex
	of    map[[2]int]*grown // by position and tokens
	order [][2]int          // oldest first
}

// memoPages bounds how many are kept, each with up to ten bytes an element.
const memoPages = 40

// grown is a page so far.
type grown struct {
	parts   []grownPart // in the order of a chain's jobs
	finer   bool
	decided bool // the guard's layers are there, so that finer stays as it is
}

// grownPart is a job that was done.
type grownPart struct {
	layer, part int
	given       uint64 // hash of the vectors
	data        []byte // what they became
	units       []int16
}

func newMemo() *memo { return &memo{seed: maphash.MakeSeed(), of: map[[2]int]*grown{}} }

// take takes out what is kept of a chain, nil: nothing.
func (m *memo) take(s *chain) *grown {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [2]int{s.pos, s.tokens}
	g := m.of[key]
	m.drop(key)
	return g
}

func (m *memo) keep(s *chain, g *grown) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [2]int{s.pos, s.tokens}
	m.drop(key)
	if len(m.order) == memoPages {
		m.drop(m.order[0])
	}
	m.of[key] = g
	m.order = append(m.order, key)
}

func (m *memo) drop(key [2]int) {
	delete(m.of, key)
	m.order = slices.DeleteFunc(m.order, func(k [2]int) bool { return k == key })
}

// grows says whether a chain is a page of several layers that may come again with more.
func (s *chain) grows() bool {
	return s.coder.how == Page && s.tokens <= readChunk && s.jobs[0].Layer < s.jobs[len(s.jobs)-1].Layer
}

// resume leaves out the jobs that g has of whole layers, and gives the others what they are predicted from. hashes are
// those of the jobs' vectors.
func (s *chain) resume(g *grown, hashes []uint64) {
	n := 0
	for i := 0; g != nil && i < min(len(g.parts), len(s.jobs)); i++ {
		j, p := &s.jobs[i], &g.parts[i]
		if j.Layer != p.layer || j.part != p.part || hashes[i] != p.given {
			break
		}
		// A layer's K and V are packed by each other: they are both the same, or neither counts.
		ends := i+1 == len(s.jobs) || s.jobs[i+1].Layer != j.Layer
		ended := i+1 == len(g.parts) || g.parts[i+1].layer != p.layer
		if ends != ended {
			break
		}
		if ends {
			n = i + 1
		}
	}
	if n > 0 && s.jobs[n-1].Layer >= guardTo && g.decided {
		s.decided = true
		if g.finer {
			s.refine()
		}
	} else if n > 0 && s.jobs[n-1].Layer > guardTo {
		n = 0
	}
	s.from = n
	for i := range s.jobs {
		if i < n {
			s.jobs[i].units = g.parts[i].units
		} else {
			s.jobs[i].units = make([]int16, s.tokens*s.coder.model.Width())
		}
	}
}

// hashes are those of the vectors of a chain's jobs.
func (s *chain) hashes(seed maphash.Seed) (all []uint64) {
	for i := range s.jobs {
		all = append(all, maphash.Bytes(seed, s.jobs[i].Data))
	}
	return all
}

// grow writes what g has over the vectors that were left out and makes the page of all.
func (s *chain) grow(g *grown, hashes []uint64) *grown {
	next := &grown{finer: s.finer, decided: s.jobs[len(s.jobs)-1].Layer >= guardTo}
	for i := range s.jobs {
		j := &s.jobs[i]
		if i < s.from {
			copy(j.Data, g.parts[i].data)
			next.parts = append(next.parts, g.parts[i])
			continue
		}
		next.parts = append(next.parts, grownPart{
			layer: j.Layer, part: j.part, given: hashes[i], data: append([]byte(nil), j.Data...), units: j.units,
		})
	}
	return next
}
