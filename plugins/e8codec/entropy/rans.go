package entropy

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// The coder's state lies in [stateLow, 2^32·stateLow); probabilities are in units of 2^-probBits.
const (
	probBits = 14
	probOne  = 1 << probBits
	stateLow = 1 << 31
)

var errStream = fmt.Errorf("%w: entropy coded stream", base.ErrCorrupt)

// event is something that was coded: it takes the slots [start, start+freq) of probOne.
type event uint32

func newEvent(start, freq int) event { return event(start | freq<<16) }

// encoder gathers events; bytes turns them into a stream, last event first as the system wants it.
type encoder struct {
	events []event
	words  []uint32
}

func (e *encoder) put(v event) { e.events = append(e.events, v) }

// raw codes the n lowest bits of v at no gain, the lowest first.
func (e *encoder) raw(v uint64, n int) {
	for n > 0 {
		k := min(n, probBits)
		e.put(newEvent(int(v&(1<<k-1))<<(probBits-k), 1<<(probBits-k)))
		v >>= k
		n -= k
	}
}

// bytes appends the stream of all events to dst and forgets them.
func (e *encoder) bytes(dst []byte) []byte {
	x := uint64(stateLow)
	e.words = e.words[:0]
	for _, v := range slices.Backward(e.events) {
		start, freq := uint64(v&0xffff), uint64(v>>16)
		if x >= freq<<(63-probBits) {
			e.words = append(e.words, uint32(x))
			x >>= 32
		}
		x = x/freq<<probBits + x%freq + start
	}
	dst = binary.LittleEndian.AppendUint64(dst, x)
	for _, w := range slices.Backward(e.words) {
		dst = binary.LittleEndian.AppendUint32(dst, w)
	}
	e.events = e.events[:0]
	return dst
}

// decoder reads a stream. Past its end it reads zeros and remembers that it did.
type decoder struct {
	x    uint64
	src  []byte
	over bool
}

func newDecoder(src []byte) (decoder, error) {
	if len(src) < 8 {
		return decoder{}, errStream
	}
	x := binary.LittleEndian.Uint64(src)
	if x < stateLow || x >= stateLow<<32 {
		return decoder{}, errStream
	}
	return decoder{x: x, src: src[8:]}, nil
}

// slot is where the next event lies; take consumes it.
func (d *decoder) slot() int { return int(d.x & (probOne - 1)) }

func (d *decoder) take(start, freq uint64) {
	d.x = freq*(d.x>>probBits) + d.x&(probOne-1) - start
	if d.x < stateLow {
		d.refill()
	}
}

func (d *decoder) refill() {
	var w uint32
	if len(d.src) >= 4 {
		w = binary.LittleEndian.Uint32(d.src)
		d.src = d.src[4:]
	} else {
		d.over = true
	}
	d.x = d.x<<32 | uint64(w)
}

func (d *decoder) raw(n int) (v uint64) {
	for at := 0; n > 0; {
		k := min(n, probBits)
		bits := uint64(d.slot() >> (probBits - k))
		d.take(bits<<(probBits-k), 1<<(probBits-k))
		v |= bits << at
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
