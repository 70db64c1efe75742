package session

import (
	"cmp"
	"slices"
)

// Usage is the pages of one identity.
type Usage struct {
	Identity Identity
	Pages    int
	Bytes    int64 // packed
	Nominal  int64 // of the same KV unpacked
}

func (u *Usage) add(n *node, sign int64) {
	u.Pages += int(sign)
	u.Bytes += sign * int64(n.size)
	u.Nominal += sign * n.nominal
}

// Counts are of all that happened since the store was opened.
type Counts struct {
	Puts            int64 // of pages that were new
	PutBytes        int64 // of those, packed
	PutNominal      int64 // of those, unpacked
	Duplicates      int64 // of pages that were there
	Hits, Misses    int64 // lookups that found pages, and that did not
	PagesFromRAM    int64 // handed out
	PagesRead       int64 // handed out, from disk where there is one
	TokensRestored  int64 // in all those
	BytesRestored   int64 // of those, packed
	NominalRestored int64 // of those, unpacked
	Evicted         int64 // pages that made room
	Expired         int64 // pages dropped for want of use
	Dropped         int64 // pages by Drop
	Rejected        int64 // pages that did not fit or could not be written, and those after them
	Damaged         int64 // pages lost to damage, and those after them
	WriteFailures   int64 // commits
}

func (c *Counts) restored(n *node) {
	c.TokensRestored += PageTokens
	c.BytesRestored += int64(n.size)
	c.NominalRestored += n.nominal
}

// Stats is the store at one time.
type Stats struct {
	Usage        // of all identities together
	RAM    int64 // bytes of pages in the RAM tier
	Queued int64 // bytes of pages that wait to be written
	Disk   int64 // bytes of the file; of a store in memory, of its pages
	Counts Counts
	Groups []Usage // by model, codec, scope
}

// Stats returns the store's figures.
func (s *Store) Stats() Stats {
	out := Stats{RAM: s.cached(), Disk: s.back.size()}
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Queued, out.Counts = s.queued, s.counts
	for _, g := range s.index.groups {
		out.Groups = append(out.Groups, g.usage)
		out.Pages += g.usage.Pages
		out.Bytes += g.usage.Bytes
		out.Nominal += g.usage.Nominal
	}
	slices.SortFunc(out.Groups, func(a, b Usage) int {
		return cmp.Or(
			cmp.Compare(a.Identity.Model, b.Identity.Model),
			cmp.Compare(a.Identity.Codec, b.Identity.Codec),
			cmp.Compare(a.Identity.Scope, b.Identity.Scope))
	})
	return out
}
