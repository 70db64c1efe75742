package session

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// checkStore checks what must hold of a store that nobody uses, once all is written.
func checkStore(t testing.TB, s *Store) {
	t.Helper()
	require.NoError(t, s.Flush(ctx))
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Zero(t, s.queued)
	require.Empty(t, s.queue)
	require.Empty(t, s.used)
	var cost int64
	pages, leaves := 0, 0
	for root, g := range s.index.groups {
		require.Equal(t, root, g.identity.Root())
		require.NotNil(t, g.roots, "no group without pages")
		usage := Usage{Identity: g.identity}
		var walk func(first, above *node)
		walk = func(first, above *node) {
			var previous *node
			for n := first; n != nil; previous, n = n, n.next {
				require.Same(t, n, s.index.nodes[n.key])
				require.Same(t, previous, n.previous)
				require.Same(t, above, n.above)
				require.Same(t, g, n.group)
				require.Equal(t, stored, n.state)
				require.Nil(t, n.page)
				require.Zero(t, n.pins)
				require.Equal(t, n.below == nil, n.place > 0)
				if n.place > 0 {
					require.Same(t, n, s.index.leaves[n.place-1])
					leaves++
				}
				pages++
				usage.add(n, 1)
				cost += n.cost
				require.Positive(t, n.cost)
				walk(n.below, n)
			}
		}
		walk(g.roots, nil)
		require.Equal(t, usage, g.usage)
	}
	require.Len(t, s.index.nodes, pages)
	require.Len(t, s.index.leaves, leaves)
	require.Equal(t, cost, s.index.used)
	require.LessOrEqual(t, cost, s.budget())
	for k := range s.index.nodes {
		_, err := s.back.read(k)
		require.NoError(t, err)
	}
	if d, ok := s.back.(*disk); ok {
		require.Equal(t, pages, countPages(t, d))
	}
}

func (s *Store) budget() int64 {
	if s.options.Dir == "" {
		return s.options.RAMBytes
	}
	return s.options.DiskBytes
}
