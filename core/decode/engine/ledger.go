package engine

// ledger counts the executor's KV cells exactly, those included that several sequences share. Its
// cell numbers are the engine's own: they say which positions share a cell, not where it lies.
type ledger struct {
	refs   []int32  // [cells] sequences that hold the cell
	unused []int32  // cells that nobody holds
	seen   []uint64 // [cells] mark of the count that last met the cell
	mark   uint64
}

func newLedger(cells int) *ledger {
	l := &ledger{refs: make([]int32, cells), unused: make([]int32, cells), seen: make([]uint64, cells)}
	for i := range l.unused {
		l.unused[i] = int32(cells - 1 - i)
	}
	return l
}

func (l *ledger) free() int { return len(l.unused) }

func (l *ledger) used() int { return len(l.refs) - len(l.unused) }

// take appends n cells to held. There must be as many.
func (l *ledger) take(held []int32, n int) []int32 {
	at := len(l.unused) - n
	for _, c := range l.unused[at:] {
		l.refs[c] = 1
		held = append(held, c)
	}
	l.unused = l.unused[:at]
	return held
}

// share makes one more sequence hold the cells.
func (l *ledger) share(cells []int32) {
	for _, c := range cells {
		l.refs[c]++
	}
}

// drop lets go of cells; those that nobody else holds are free again.
func (l *ledger) drop(cells []int32) {
	for _, c := range cells {
		if l.refs[c]--; l.refs[c] == 0 {
			l.unused = append(l.unused, c)
		}
	}
}

// startUnion and addUnion count distinct cells over several lists.
func (l *ledger) startUnion() { l.mark++ }

func (l *ledger) addUnion(cells []int32) (fresh int) {
	for _, c := range cells {
		if l.seen[c] != l.mark {
			l.seen[c] = l.mark
			fresh++
		}
	}
	return fresh
}
