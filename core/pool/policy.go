package pool

import (
	"sync"

	"github.com/dgraph-io/ristretto/v2"
)

// policy asks ristretto what is worth least. Ristretto holds the keys of idle things, costed in
// bytes, and never the things: what it drops, rejects or evicts by itself is lost to it, not to
// the pool. It hears of uses and of what is idle when it is asked, and not before: each word wakes
// one of its goroutines, which a request would have to wait for.
type policy struct {
	cache *ristretto.Cache[uint64, struct{}]

	// The pool's lock guards these.
	ids  map[string]uint64  // of keys
	last uint64             // id given
	told map[uint64]int64   // what ristretto holds, and its bytes
	uses [remembered]uint64 // ids: a ring of those that ristretto has not heard of
	used int                // uses since it heard of any

	mu       sync.Mutex // guards the next two; taken by ristretto's callbacks
	chosen   map[uint64]struct{}
	rejected bool
}

const (
	probe = uint64(0) // an id that stands for whoever needs room

	// sketchCounters bounds how many uses ristretto remembers: it halves its counts after as
	// many, so that what was used much long ago does not stay for ever.
	sketchCounters = 1 << 10

	// remembered is how many uses between two questions count: the latest.
	remembered = 256

	// insistence is how often the probe asks again. Ristretto lets nothing go for a newcomer that
	// is used less, but room has to be made: each time the probe is used once more, and
	// ristretto does not count beyond 16. A few uses may be dropped.
	insistence = 64
)

func newPolicy(budget int64) (*policy, error) {
	p := &policy{ids: make(map[string]uint64), told: make(map[uint64]int64)}
	cache, err := ristretto.NewCache(&ristretto.Config[uint64, struct{}]{
		NumCounters:        sketchCounters,
		MaxCost:            budget,
		BufferItems:        1, // count each use at once: there are few
		IgnoreInternalCost: true,
		OnEvict: func(item *ristretto.Item[struct{}]) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.chosen != nil {
				p.chosen[item.Key] = struct{}{}
			}
		},
		OnReject: func(*ristretto.Item[struct{}]) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.rejected = true
		},
	})
	if err != nil {
		return nil, err
	}
	p.cache = cache
	return p, nil
}

// id is how the policy names a key. Ristretto tells apart ids that differ in their lowest bits,
// so they are counted and not hashed. After many keys it starts afresh: an id is only good for
// advice.
func (p *policy) id(key string) uint64 {
	id, ok := p.ids[key]
	if !ok {
		if len(p.ids) == sketchCounters/2 {
			clear(p.ids)
		}
		p.last++
		id = p.last
		p.ids[key] = id
	}
	return id
}

// hit counts a use.
func (p *policy) hit(id uint64) {
	p.uses[p.used%remembered] = id
	p.used++
}

// advise says which of the idle things, given with their bytes, should go so that bytes, at most
// the budget, fit beside the others. It may say too few, or none.
func (p *policy) advise(bytes int64, idle map[uint64]int64) map[uint64]struct{} {
	p.tell(idle)
	chosen := make(map[uint64]struct{})
	p.mu.Lock()
	p.chosen = chosen
	p.mu.Unlock()
	for range insistence {
		if p.fits(bytes) {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.chosen = nil
	delete(chosen, probe)
	for id := range chosen { // ristretto has let go of them; the pool may not
		delete(p.told, id)
	}
	return chosen
}

// tell brings ristretto up to date.
func (p *policy) tell(idle map[uint64]int64) {
	for id, bytes := range p.told {
		if now, ok := idle[id]; !ok || now != bytes {
			p.cache.Del(id)
			delete(p.told, id)
		}
	}
	for id, bytes := range idle {
		if _, ok := p.told[id]; !ok {
			p.cache.Set(id, struct{}{}, bytes)
			p.told[id] = bytes
		}
	}
	for i := max(0, p.used-remembered); i < p.used; i++ {
		p.cache.Get(p.uses[i%remembered])
		p.cache.Wait() // time to count it: ristretto drops uses that come faster
	}
	p.used = 0
	p.cache.Wait()
}

// fits puts the probe in, at a cost of bytes, and out again, and says whether it was let in.
func (p *policy) fits(bytes int64) bool {
	p.mu.Lock()
	p.rejected = false
	p.mu.Unlock()
	p.cache.Get(probe)
	p.cache.Set(probe, struct{}{}, bytes)
	p.cache.Wait()
	p.cache.Del(probe)
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.rejected
}

func (p *policy) close() { p.cache.Close() }
