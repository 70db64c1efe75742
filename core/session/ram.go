package session

import "github.com/dgraph-io/ristretto/v2"

// typicalPage is a guess at a page's bytes, from which the RAM tier learns how many uses to count.
const typicalPage = 256 << 10

// newRAM makes the RAM tier: data of pages that the disk has, by the nodes' ids, costed in bytes.
// It may drop, reject or evict what it likes: then the page is read from disk. Ids are counted and
// never used twice, so what it may still hold of a dropped page is found by nobody, and goes as
// room is needed.
func newRAM(bytes int64) (*ristretto.Cache[uint64, []byte], error) {
	return ristretto.NewCache(&ristretto.Config[uint64, []byte]{
		NumCounters:        min(max(10*bytes/typicalPage, 1<<10), 1<<22),
		MaxCost:            bytes,
		BufferItems:        64,
		IgnoreInternalCost: true,
	})
}

// cached is the bytes in the RAM tier.
func (s *Store) cached() int64 {
	if s.ram == nil {
		return 0
	}
	return max(0, s.ram.MaxCost()-s.ram.RemainingCost())
}
