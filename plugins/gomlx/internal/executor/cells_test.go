package executor

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/engine"
)

// TestCells does random things to the books and to a simple model of them: which positions each sequence holds.
func TestCells(t *testing.T) {
	const sequences, n = 5, 24
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		c, model := newCells(n, 0, 0), make([]map[int32]int32, sequences) // position: cell
		for i := range model {
			model[i] = map[int32]int32{}
		}
		end := func(s int) (p int32) {
			for q := range model[s] {
				p = max(p, q+1)
			}
			return p
		}
		for range 200 {
			s := random.IntN(sequences)
			switch random.IntN(4) {
			case 0, 1: // append
				items := make([]engine.Item, 1+random.IntN(5))
				for i := range items {
					items[i] = engine.Item{Seq: engine.SeqID(s), Pos: end(s) + int32(i)}
				}
				used := map[int32]bool{}
				for _, m := range model {
					for _, cell := range m {
						used[cell] = true
					}
				}
				spots, ok := c.take(items, nil)
				require.Equal(t, n-len(used) >= len(items), ok)
				for i, spot := range spots {
					require.False(t, used[spot], "cell %d is taken", spot)
					model[s][items[i].Pos] = spot
				}
			case 2: // cut
				from := int32(random.IntN(int(end(s)) + 1))
				c.remove(engine.SeqID(s), from, -1)
				for p := range model[s] {
					if p >= from {
						delete(model[s], p)
					}
				}
			case 3: // copy to another
				d := (s + 1) % sequences
				c.remove(engine.SeqID(d), 0, -1)
				clear(model[d])
				to := int32(random.IntN(int(end(s)) + 1))
				c.share(engine.SeqID(s), engine.SeqID(d), to)
				for p, cell := range model[s] {
					if p < to {
						model[d][p] = cell
					}
				}
			}
			used, last := map[int32]bool{}, 0
			for s, m := range model {
				spots, ok := c.find(engine.SeqID(s), 0, end(s))
				require.True(t, ok)
				for p, cell := range spots {
					require.Equal(t, m[int32(p)], cell)
				}
				for _, cell := range m {
					used[cell] = true
					last = max(last, int(cell)+1)
				}
			}
			require.Equal(t, n-len(used), c.free)
			all := owners{1<<sequences - 1}
			require.Equal(t, last, c.end(&all, nil))
		}
	}
}

func TestBuckets(t *testing.T) {
	require.Equal(t, []int{1, 2, 4, 8, 16, 24}, tokenBuckets(24))
	require.Equal(t, []int{1, 2, 4, 8, 16, 64, maxChunk}, tokenBuckets(512))
	require.Equal(t, []int{1, 2, 4, 8, 16}, blockBuckets(4096, true))
	require.Equal(t, []int{1, 2, 4, 5}, blockBuckets(1280, true))
	require.Equal(t, []int{5}, blockBuckets(1280, false))
	for n, want := range map[int]int{0: 1, 1: 1, 2: 4, 5: 16, 16: 16, 99: 16} {
		_, size := bucket([]int{1, 4, 16}, n)
		require.Equal(t, want, size)
	}
}
