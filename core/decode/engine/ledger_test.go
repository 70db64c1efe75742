package engine

import (
	"math/rand/v2"
	"testing"
)

// A ledger counts like sets of cells do.
func TestLedger(t *testing.T) {
	const cells = 40
	random := rand.New(rand.NewPCG(1, 0))
	l := newLedger(cells)
	holders := make([][]int32, 5)
	for range 5000 {
		i, j := random.IntN(len(holders)), random.IntN(len(holders))
		switch n := random.IntN(8); {
		case random.IntN(3) == 0 && n <= l.free():
			holders[i] = l.take(holders[i], n)
		case random.IntN(2) == 0 && i != j && len(holders[i]) == 0:
			n = min(n, len(holders[j]))
			l.share(holders[j][:n])
			holders[i] = append(holders[i], holders[j][:n]...)
		default:
			n = min(n, len(holders[i]))
			l.drop(holders[i][n:])
			holders[i] = holders[i][:n]
		}
		distinct := map[int32]bool{}
		l.startUnion()
		union := 0
		for _, h := range holders {
			union += l.addUnion(h)
			for _, c := range h {
				distinct[c] = true
			}
		}
		if l.used() != len(distinct) || union != len(distinct) || l.free() != cells-len(distinct) {
			t.Fatalf("%d used, union of %d, %d free; there are %d of %d", l.used(), union, l.free(), len(distinct), cells)
		}
	}
}
