package frame

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
	"github.com/kakeyad/kakeyad/plugins/e8codec/spread"
)

// span is vectors of one tensor, whole tokens.
type span struct{ tensor, lo, hi int }

// streamOf is the spans of a stream, and how many vectors they have.
type streamOf struct {
	spans []span
	n     int
}

// streams says what the streams of tensors of so many vectors hold. Tensors that fit one stream together
// share it; see [Codec.Join].
func (c *Codec) streams(vectors []int) (all []streamOf) {
	if len(vectors) > 1 {
		var s streamOf
		for i, n := range vectors {
			s.spans = append(s.spans, span{i, 0, n})
			s.n += n
		}
		return []streamOf{s}
	}
	size := c.streamTokens() * c.options.Heads
	for lo := 0; lo < vectors[0]; lo += size {
		hi := min(lo+size, vectors[0])
		all = append(all, streamOf{[]span{{0, lo, hi}}, hi - lo})
	}
	return all
}

// runs are the lengths of the spans.
func (s streamOf) runs() []int {
	n := make([]int, len(s.spans))
	for i, p := range s.spans {
		n[i] = p.hi - p.lo
	}
	return n
}

func (c *Codec) encodePages(dst []byte, ts []Tensor, vectors []int) ([]byte, error) {
	streams := c.streams(vectors)
	packed := make([][]byte, len(streams))
	err := spread.Over(len(streams), 1, func(i, _ int) error {
		w := c.worker()
		defer c.workers.Put(w)
		s := streams[i]
		codes, at := w.room(c.quantizer, s.n), 0
		for _, p := range s.spans {
			n := p.hi - p.lo
			part := lattice.Codes{Z: codes.Z[at*c.quantizer.CodesPerVector():], Side: codes.Side[at : at+n]}
			if err := c.quantise(part, w, ts[p.tensor], p.lo, p.hi); err != nil {
				return lattice.AfterVectors(before(vectors, p.tensor), err)
			}
			at += n
		}
		packed[i] = c.pages.Encode(nil, codes.Z, codes.Side, s.runs(), &w.encoder)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, s := range packed {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)))
		dst = append(dst, s...)
	}
	return dst, nil
}

// before is how many vectors the tensors before one have.
func before(vectors []int, tensor int) (n int) {
	for _, v := range vectors[:tensor] {
		n += v
	}
	return n
}

// quantise makes the codes of the vectors [lo, hi), whole tokens.
func (c *Codec) quantise(codes lattice.Codes, w *worker, t Tensor, lo, hi int) error {
	dim, q := c.options.Params.Dim, c.quantizer
	if c.options.Scaling == ScaleBox {
		for i := range hi - lo {
			t.Load(w.x, (lo+i)*dim, w.tmp)
			var err error
			if codes.Side[i], err = q.Box(q.Vector(codes, i), w.x, w.s); err != nil {
				return lattice.AtVector(lo+i, err)
			}
		}
		return nil
	}
	x := make([]float32, (hi-lo)*dim)
	for i := range hi - lo {
		t.Load(x[i*dim:(i+1)*dim], (lo+i)*dim, w.tmp)
	}
	scales := c.scales(x)
	for i := range hi - lo {
		codes.Side[i] = uint32(scales[i])
		if err := q.Free(q.Vector(codes, i), x[i*dim:(i+1)*dim], scales[i], w.s); err != nil {
			return lattice.AtVector(lo+i, err)
		}
	}
	return nil
}

// scales are those of every vector, by the codec's Scaling, which is not ScaleBox.
func (c *Codec) scales(x []float32) []uint16 {
	dim, heads := c.options.Params.Dim, c.options.Heads
	n := len(x) / dim
	squares := make([]float64, n)
	for i := range squares {
		squares[i] = c.quantizer.MeanSquare(x[i*dim : (i+1)*dim])
	}
	scales := make([]uint16, n)
	if c.options.Scaling == ScaleVector {
		for i, s := range squares {
			scales[i] = c.quantizer.ScaleFor(s)
		}
		return scales
	}
	for h := range heads {
		var head []float64
		for i := h; i < n; i += heads {
			if squares[i] > 0 {
				head = append(head, squares[i])
			}
		}
		if len(head) == 0 {
			continue // nothing but zeros
		}
		slices.Sort(head)
		scale := c.quantizer.ScaleFor(head[len(head)/2])
		for i := h; i < n; i += heads {
			scales[i] = max(scale, c.quantizer.LeastScale(squares[i]))
		}
	}
	return scales
}

// readPages takes the streams of tensors of so many vectors apart.
func (c *Codec) readPages(payload []byte, vectors []int, each sink) error {
	streams := c.streams(vectors)
	packed := make([][]byte, 0, min(len(streams), len(payload)/4))
	for range streams {
		stream, rest, err := cutStream(payload)
		if err != nil {
			return err
		}
		packed, payload = append(packed, stream), rest
	}
	if len(payload) != 0 {
		return fmt.Errorf("%w: %d bytes after the last stream", fault.ErrCorrupt, len(payload))
	}
	return spread.Over(len(streams), 1, func(i, _ int) error {
		w := c.worker()
		defer c.workers.Put(w)
		s := streams[i]
		codes, at := w.room(c.quantizer, s.n), 0
		if err := c.pages.Decode(codes.Z, codes.Side, s.runs(), packed[i], &w.decoder); err != nil {
			return err
		}
		for _, p := range s.spans {
			for v := p.lo; v < p.hi; v++ {
				each(w, p.tensor, v, c.quantizer.Vector(codes, at), codes.Side[at])
				at++
			}
		}
		return nil
	})
}

// cutStream takes one stream and its length off the front of a payload.
func cutStream(payload []byte) (stream, rest []byte, err error) {
	if len(payload) < 4 {
		return nil, nil, fmt.Errorf("%w: a stream is missing", fault.ErrCorrupt)
	}
	length := binary.LittleEndian.Uint32(payload)
	if uint64(length) > uint64(len(payload)-4) {
		return nil, nil, fmt.Errorf("%w: a stream of %d bytes in %d", fault.ErrCorrupt, length, len(payload)-4)
	}
	return payload[4 : 4+length], payload[4+length:], nil
}
