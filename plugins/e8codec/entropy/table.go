package entropy

import (
	"math"
	"math/bits"
)

// A table is a distribution of small integers. What it does not list is coded as the integer escape,
// and by other means then.

// escape is the integer that stands for all that a table does not list.
const escape = -128

// slots are a table to decode by: what the integer in a slot is, its frequency and the slot's distance
// from the integer's first.
type slots [probOne]uint32

func newSlot(value, freq, bias int) uint32 {
	return uint32(value)<<24 | uint32(freq)<<probBits | uint32(bias)
}

func slotValue(s uint32) int   { return int(int32(s) >> 24) }
func slotFreq(s uint32) uint32 { return s >> probBits & (probOne - 1) }
func slotBias(s uint32) uint32 { return s & (probOne - 1) }

// symbols are a table to encode by, at [value-escape]. An integer that is not listed is zero there.
type symbols [256]symbol

// symbol is an integer's slots, in the form in which a state is divided by their number without a division:
// with q = x·recip / 2^(32+shift), the state after it is x + bias + q·(probOne-freq).
type symbol struct {
	recip uint32
	rest  uint32 // bias | freq<<symbolFreq | shift<<symbolShift
}

const (
	symbolFreq  = 13
	symbolShift = 25
)

func newSymbol(start, freq int) symbol {
	if freq == 1 { // q is x-1, which the bias makes good
		return symbol{recip: math.MaxUint32, rest: uint32(start+probOne-1) | 1<<symbolFreq}
	}
	shift := bits.Len(uint(freq - 1))
	recip := (uint64(1)<<(shift+31) + uint64(freq) - 1) / uint64(freq)
	return symbol{recip: uint32(recip), rest: uint32(start) | uint32(freq)<<symbolFreq | uint32(shift-1)<<symbolShift}
}

// event is the symbol's slots; false: it has none.
func (s symbol) event() (event, bool) {
	freq := int(s.rest >> symbolFreq & (probOne - 1))
	start := int(s.rest & (1<<symbolFreq - 1))
	if freq == 1 {
		start -= probOne - 1
	}
	return newEvent(start, freq), freq != 0
}

// newTable rounds weights, those of low, low+1, ... and last of the escape, to frequencies. Weights that
// are not zero keep a frequency that is not zero.
func newTable(low int, weights []float64) (*slots, *symbols) {
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
	d, e := new(slots), new(symbols)
	at := 0
	for i, f := range freq {
		if f == 0 {
			continue
		}
		value := low + i
		if i == len(freq)-1 {
			value = escape
		}
		e[value-escape] = newSymbol(at, f)
		for bias := range f {
			d[at+bias] = newSlot(value, f, bias)
		}
		at += f
	}
	return d, e
}

// listed says whether the table lists v.
func (t *symbols) listed(v int) bool { return v > escape && v < -escape && t[v-escape].rest != 0 }

// put codes an integer of any size.
func (t *symbols) put(e *encoder, v int) {
	if t.listed(v) {
		s, _ := t[v-escape].event()
		e.put(s)
		return
	}
	s, _ := t[0].event()
	e.put(s)
	putAny(e, v)
}

// get decodes an integer.
func (t *slots) get(d *decoder) int {
	s := t[d.slot()]
	d.take(slotFreq(s), slotBias(s))
	if v := slotValue(s); v != escape {
		return v
	}
	return getAny(d)
}

// putAny codes an integer that no table foresaw: sign, length and digits.
func putAny(e *encoder, v int) {
	u := uint64(v)<<1 ^ uint64(v>>63)
	n := bits.Len64(u)
	e.raw(uint64(n), 6)
	e.raw(u, n)
}

func getAny(d *decoder) int {
	u := d.raw(int(d.raw(6)))
	return int(u>>1) ^ -int(u&1)
}
