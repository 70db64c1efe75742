package pool

import (
	"hash/maphash"
	"sync"

	"github.com/dgraph-io/ristretto/v2"
)

// policy asks ristretto what is worth least. It holds the keys of idle things, costed in bytes,
// and never the things: what it drops, rejects or evicts by itself is lost to it, not to the pool.
type policy struct {
	cache *ristretto.Cache[uint64, struct{}]
	seed  maphash.Seed

	mu     sync.Mutex // guards the next; taken by ristretto's callbacks
	chosen map[uint64]struct{}
}

// sketchCounters bounds how many uses ristretto remembers: it halves its counts after as many,
// so that what was used much long ago does not stay for ever.
const sketchCounters = 1 << 10

func newPolicy(budget int64) (*policy, error) {
	p := &policy{seed: maphash.MakeSeed()}
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
	})
	if err != nil {
		return nil, err
	}
	p.cache = cache
	return p, nil
}

// id is how the policy names a key. Two keys may share one: it is only used for advice.
func (p *policy) id(key string) uint64 { return maphash.String(p.seed, key) }

// hit counts a use.
func (p *policy) hit(id uint64) { p.cache.Get(id) }

// idle makes a thing one that may be chosen.
func (p *policy) idle(id uint64, bytes int64) { p.cache.Set(id, struct{}{}, bytes) }

// busy makes it one that may not.
func (p *policy) busy(id uint64) { p.cache.Del(id) }

// advise says which of the idle things should go so that bytes fit beside the others. It may say
// too few, or none: ristretto lets nothing go for a newcomer that is used less. The policy has
// forgotten those that it names.
func (p *policy) advise(id uint64, bytes int64) map[uint64]struct{} {
	chosen := make(map[uint64]struct{})
	p.mu.Lock()
	p.chosen = chosen
	p.mu.Unlock()
	p.cache.Set(id, struct{}{}, bytes)
	p.cache.Wait()
	p.mu.Lock()
	p.chosen = nil
	p.mu.Unlock()
	p.cache.Del(id)
	delete(chosen, id)
	return chosen
}

func (p *policy) close() { p.cache.Close() }
