package entropy

import "math"

// table is a distribution of integers from low on; the last symbol is the escape to all others.
type table struct {
	low    int
	start  []uint16 // one more than there are symbols
	slots  [probOne]uint8
	escape int
}

// newTable rounds weights, those of low, low+1, ... and last of the escape, to probabilities.
// Weights that are not zero keep a probability that is not zero.
func newTable(low int, weights []float64) *table {
	t := &table{low: low, escape: len(weights) - 1, start: make([]uint16, len(weights)+1)}
	var sum float64
	for _, w := range weights {
		sum = float64(sum + w)
	}
	freq := make([]int, len(weights))
	left, largest := probOne, 0
	for i, w := range weights {
		if w > 0 {
			freq[i] = max(1, int(math.RoundToEven(float64(float64(w*probOne)/sum))))
		}
		left -= freq[i]
		if freq[i] > freq[largest] {
			largest = i
		}
	}
	freq[largest] += left
	at := 0
	for i, f := range freq {
		t.start[i] = uint16(at)
		for j := range f {
			t.slots[at+j] = uint8(i)
		}
		at += f
	}
	t.start[len(freq)] = probOne
	return t
}

// event of a symbol, which has a probability.
func (t *table) event(symbol int) event {
	return newEvent(int(t.start[symbol]), int(t.start[symbol+1]-t.start[symbol]))
}

// put codes an integer.
func (t *table) put(e *encoder, v int) {
	symbol := v - t.low
	if uint(symbol) < uint(t.escape) && t.start[symbol] != t.start[symbol+1] {
		e.put(t.event(symbol))
		return
	}
	e.put(t.event(t.escape))
	putAny(e, v)
}

// get decodes an integer.
func (t *table) get(d *decoder) int {
	symbol := int(t.slots[d.slot()])
	start := t.start[symbol]
	d.take(uint64(start), uint64(t.start[symbol+1]-start))
	if symbol != t.escape {
		return t.low + symbol
	}
	return getAny(d)
}

// putAny codes an integer that no table foresaw: sign, length and digits.
func putAny(e *encoder, v int) {
	u := uint64(v)<<1 ^ uint64(v>>63)
	n := 0
	for u>>n != 0 {
		n++
	}
	e.raw(uint64(n), 6)
	e.raw(u, n)
}

func getAny(d *decoder) int {
	u := d.raw(int(d.raw(6)))
	return int(u>>1) ^ -int(u&1)
}
