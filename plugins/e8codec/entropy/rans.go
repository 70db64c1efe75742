package entropy

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
)

// A coder's state lies in [stateLow, 2^16·stateLow), words have 16 bits; probabilities are in units of
// 2^-probBits.
const (
	probBits   = 12
	probOne    = 1 << probBits
	stateLow   = 1 << 15
	wordBytes  = 2
	stateBytes = 4
)

var errStream = fmt.Errorf("%w: entropy coded stream", fault.ErrCorrupt)

// event is something that was coded: it takes the slots [start, start+freq) of probOne.
type event uint32

func newEvent(start, freq int) event { return event(start | freq<<16) }

// push is the state after an event; a word that does not fit any more goes before those in w[:at],
// which is filled from its end.
func (v event) push(x uint32, w []byte, at int) (uint32, int) {
	start, freq := uint32(v&0xffff), uint32(v>>16)
	if x >= freq<<(31-probBits) {
		at -= wordBytes
		binary.LittleEndian.PutUint16(w[at:], uint16(x))
		x >>= 16
	}
	return x/freq<<probBits + x%freq + start, at
}

// encoder gathers events; bytes turns them into a stream, last event first as the system wants it.
type encoder struct {
	events []event
	words  []byte
}

func (e *encoder) put(v event) { e.events = append(e.events, v) }

// raw codes the n lowest bits of v at no gain, the lowest first.
func (e *encoder) raw(v uint64, n int) {
	for n > 0 {
		k := min(n, probBits-1)
		e.put(newEvent(int(v&(1<<k-1))<<(probBits-k), 1<<(probBits-k)))
		v >>= k
		n -= k
	}
}

// bytes appends the stream of all events to dst and forgets them.
func (e *encoder) bytes(dst []byte) []byte {
	if n := wordBytes * len(e.events); len(e.words) < n {
		e.words = make([]byte, n)
	}
	x, at := uint32(stateLow), len(e.words)
	for _, v := range slices.Backward(e.events) {
		x, at = v.push(x, e.words, at)
	}
	e.events = e.events[:0]
	return append(binary.LittleEndian.AppendUint32(dst, x), e.words[at:]...)
}

// decoder reads a stream. Past its end it reads zeros and remembers that it did.
type decoder struct {
	x    uint32
	src  []byte
	over bool
}

func newDecoder(src []byte) (decoder, error) {
	if len(src) < stateBytes {
		return decoder{}, errStream
	}
	x := binary.LittleEndian.Uint32(src)
	if x < stateLow || x >= stateLow<<16 {
		return decoder{}, errStream
	}
	return decoder{x: x, src: src[stateBytes:]}, nil
}

// slot is where the next event lies; take consumes it.
func (d *decoder) slot() uint32 { return d.x & (probOne - 1) }

// take consumes an event of freq slots, in whose bias'th the state lies.
func (d *decoder) take(freq, bias uint32) {
	d.x = freq*(d.x>>probBits) + bias
	if d.x < stateLow {
		d.refill()
	}
}

func (d *decoder) refill() {
	var w uint16
	if len(d.src) >= wordBytes {
		w = binary.LittleEndian.Uint16(d.src)
		d.src = d.src[wordBytes:]
	} else {
		d.over = true
	}
	d.x = d.x<<16 | uint32(w)
}

func (d *decoder) raw(n int) (v uint64) {
	for at := 0; n > 0; {
		k := min(n, probBits-1)
		slot := d.slot()
		d.take(1<<(probBits-k), slot&(1<<(probBits-k)-1))
		v |= uint64(slot>>(probBits-k)) << at
		at += k
		n -= k
	}
	return v
}

// end checks that the stream was read exactly to its end.
func (d *decoder) end() error {
	if d.over || len(d.src) != 0 || d.x != stateLow {
		return errStream
	}
	return nil
}
