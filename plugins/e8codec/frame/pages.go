package frame

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/e8codec/entropy"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
	"github.com/kakeyad/kakeyad/plugins/e8codec/spread"
)

func (c *Codec) encodePages(dst []byte, t Tensor, n int) ([]byte, error) {
	size := c.streamTokens() * c.options.Heads
	streams := make([][]byte, (n+size-1)/size)
	err := spread.Over(n, size, func(lo, hi int) error {
		codes := c.quantizer.NewCodes(hi - lo)
		if err := c.quantise(codes, t, lo, hi); err != nil {
			return err
		}
		streams[lo/size] = c.pages.Encode(nil, codes.Z, codes.Side, new(entropy.Encoder))
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, s := range streams {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)))
		dst = append(dst, s...)
	}
	return dst, nil
}

// quantise makes the codes of the vectors [lo, hi), whole tokens.
func (c *Codec) quantise(codes lattice.Codes, t Tensor, lo, hi int) error {
	dim, q := c.options.Params.Dim, c.quantizer
	w := c.newWorker(hi - lo)
	t.load(w.x, lo*dim, w.tmp)
	scales := c.scales(w.x)
	for i := range hi - lo {
		x, z := w.x[i*dim:(i+1)*dim], q.Vector(codes, i)
		var err error
		if c.options.Scaling == ScaleBox {
			codes.Side[i], err = q.Box(z, x, w.s)
		} else {
			codes.Side[i] = uint32(scales[i])
			err = q.Free(z, x, scales[i], w.s)
		}
		if err != nil {
			return lattice.AtVector(lo+i, err)
		}
	}
	return nil
}

// scales are those of every vector, by the codec's Scaling; ScaleBox has none.
func (c *Codec) scales(x []float32) []uint16 {
	if c.options.Scaling == ScaleBox {
		return nil
	}
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

// readPages takes the streams of n vectors apart.
func (c *Codec) readPages(payload []byte, n int, each sink) error {
	size := c.streamTokens() * c.options.Heads
	streams := make([][]byte, 0, min((n+size-1)/size, len(payload)/4))
	for lo := 0; lo < n; lo += size {
		stream, rest, err := cutStream(payload)
		if err != nil {
			return err
		}
		streams, payload = append(streams, stream), rest
	}
	if len(payload) != 0 {
		return fmt.Errorf("%w: %d bytes after the last stream", base.ErrCorrupt, len(payload))
	}
	return spread.Over(n, size, func(lo, hi int) error {
		codes := c.quantizer.NewCodes(hi - lo)
		if err := c.pages.Decode(codes.Z, codes.Side, streams[lo/size]); err != nil {
			return err
		}
		w := c.worker()
		defer c.workers.Put(w)
		for i, side := range codes.Side {
			each(w, lo+i, c.quantizer.Vector(codes, i), side)
		}
		return nil
	})
}

// cutStream takes one stream and its length off the front of a payload.
func cutStream(payload []byte) (stream, rest []byte, err error) {
	if len(payload) < 4 {
		return nil, nil, fmt.Errorf("%w: a stream is missing", base.ErrCorrupt)
	}
	length := binary.LittleEndian.Uint32(payload)
	if uint64(length) > uint64(len(payload)-4) {
		return nil, nil, fmt.Errorf("%w: a stream of %d bytes in %d", base.ErrCorrupt, length, len(payload)-4)
	}
	return payload[4 : 4+length], payload[4+length:], nil
}
