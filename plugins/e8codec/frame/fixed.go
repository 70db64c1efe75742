package frame

import (
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
	"github.com/kakeyad/kakeyad/plugins/e8codec/entropy"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
	"github.com/kakeyad/kakeyad/plugins/e8codec/spread"
)

// grain is the vectors a goroutine takes at a time.
const grain = 256

// worker is a goroutine's working memory.
type worker struct {
	x   []float32
	tmp []uint16
	z   []int16
	s   *lattice.Scratch
	buf entropy.Buffer

	codes   lattice.Codes // of a stream of pages
	encoder entropy.Encoder
	decoder entropy.Decoder
}

// room is for the codes of n vectors, until it is asked for again.
func (w *worker) room(q *lattice.Quantizer, n int) lattice.Codes {
	if len(w.codes.Side) < n {
		w.codes = q.NewCodes(n)
	}
	return lattice.Codes{Z: w.codes.Z[:n*q.CodesPerVector()], Side: w.codes.Side[:n]}
}

// worker is one with room for one vector. The caller puts it back.
func (c *Codec) worker() *worker {
	if w, ok := c.workers.Get().(*worker); ok {
		return w
	}
	dim := c.options.Params.Dim
	return &worker{
		x:   make([]float32, dim),
		tmp: make([]uint16, dim),
		z:   make([]int16, c.quantizer.CodesPerVector()),
		s:   c.quantizer.NewScratch(),
		buf: c.fixed.NewBuffer(),
	}
}

func (c *Codec) encodeFixed(dst []byte, ts []Tensor, vectors []int) ([]byte, error) {
	size, dim := c.fixed.RecordBytes(), c.options.Params.Dim
	for tensor, n := range vectors {
		at := len(dst)
		dst = append(dst, make([]byte, n*size)...)
		out, t := dst[at:], ts[tensor]
		err := spread.Over(n, grain, func(lo, hi int) error {
			w := c.worker()
			defer c.workers.Put(w)
			for i := lo; i < hi; i++ {
				t.Load(w.x, i*dim, w.tmp)
				side, err := c.quantizer.Box(w.z, w.x, w.s)
				if err != nil {
					return lattice.AtVector(before(vectors, tensor)+i, err)
				}
				c.fixed.Pack(out[i*size:(i+1)*size], w.z, side, w.buf)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// readFixed takes the records of tensors of so many vectors apart.
func (c *Codec) readFixed(payload []byte, vectors []int, each sink) error {
	size, all := c.fixed.RecordBytes(), before(vectors, len(vectors))
	if uint64(len(payload)) != uint64(all)*uint64(size) {
		return fmt.Errorf("%w: %d bytes for %d records of %d", fault.ErrCorrupt, len(payload), all, size)
	}
	for tensor, n := range vectors {
		records := payload[:n*size]
		payload = payload[n*size:]
		err := spread.Over(n, grain, func(lo, hi int) error {
			w := c.worker()
			defer c.workers.Put(w)
			for i := lo; i < hi; i++ {
				side, err := c.fixed.Unpack(w.z, records[i*size:], w.buf)
				if err != nil {
					return fmt.Errorf("vector %d: %w", i, err)
				}
				each(w, tensor, i, w.z, side)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// DecodeSome writes the given vectors of a frame of coding Fixed to t, in their order. It trusts
// the frame: [Parse] has passed it and gave h and payload.
func (c *Codec) DecodeSome(t Tensor, h Header, payload []byte, vectors []int) error {
	if h.Coding != Fixed || h.Params != c.options.Params {
		return fmt.Errorf("%w: random access to %v of %+v", fault.ErrInvalid, h.Coding, h.Params)
	}
	n, err := t.vectors(h.Params.Dim)
	if err != nil {
		return err
	}
	if n != len(vectors) {
		return fmt.Errorf("%w: room for %d vectors, not %d", fault.ErrInvalid, n, len(vectors))
	}
	w, store := c.worker(), c.storeIn([]Tensor{t})
	defer c.workers.Put(w)
	for to, from := range vectors {
		if from < 0 || from >= h.Vectors() || (from+1)*c.fixed.RecordBytes() > len(payload) {
			return fmt.Errorf("%w: vector %d of %d", fault.ErrInvalid, from, h.Vectors())
		}
		side, err := c.fixed.Unpack(w.z, payload[from*c.fixed.RecordBytes():], w.buf)
		if err != nil {
			return fmt.Errorf("vector %d: %w", from, err)
		}
		store(w, 0, to, w.z, side)
	}
	return nil
}
