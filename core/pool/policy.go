package pool

import (
	"sync"

	"github.com/dgraph-io/ristretto/v2"
)

// policy asks ristretto what is worth least. It holds the keys of idle things, costed in bytes,
// and never the things: what it drops, rejects or evicts by itself is lost to it, not to the pool.
type policy struct {
	cache *ristretto.Cache[uint64, struct{}]
	ids   map[string]uint64 // of keys; the pool's lock guards it
	last  uint64            // id given

	mu       sync.Mutex // guards the next two; taken by ristretto's callbacks
	chosen   map[uint64]struct{}
	rejected bool
}

const (
	probe = uint64(0) // an id that stands for whoever needs room

	// sketchCounters bounds how many uses ristretto remembers: it halves its counts after as
	// many, so that what was used much long ago does not stay for ever.
	sketchCounters = 1 << 10

	// insistence is how often the probe asks again. Ristretto lets nothing go for a newcomer that
	// is used less, but room has to be made: each time the probe is used once more, and
	// ristretto does not count beyond 16. A few uses may be dropped.
	insistence = 64
)

func newPolicy(budget int64) (*policy, error) {
	p := &policy{ids: make(map[string]uint64)}
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
func (p *policy) hit(id uint64) { p.cache.Get(id) }

// idle makes a thing one that may be chosen.
func (p *policy) idle(id uint64, bytes int64) { p.cache.Set(id, struct{}{}, bytes) }

// busy makes it one that may not.
func (p *policy) busy(id uint64) { p.cache.Del(id) }

// advise says which of the idle things should go so that bytes, at most the budget, fit beside
// the others. It may say too few, or none. The policy has forgotten those that it names.
func (p *policy) advise(bytes int64) map[uint64]struct{} {
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
	return chosen
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
