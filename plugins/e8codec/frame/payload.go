package frame

import (
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
	"github.com/kakeyad/kakeyad/plugins/e8codec/spread"
)

// Payloads stand alone in formats that have a header and a checksum of their own. How they are
// coded and the number of their tokens must be known from there.

// AppendPayload appends the payload of the tensor's vectors to dst: what a frame of theirs has
// after its header. Errors are those of [Codec.Encode].
func (c *Codec) AppendPayload(dst []byte, t Tensor) ([]byte, error) {
	n, err := c.count(t)
	if err != nil {
		return nil, err
	}
	return c.encode(dst, t, n)
}

// CutPayload takes the payload of so many tokens off the front of b. Its bytes are not looked at.
func (c *Codec) CutPayload(b []byte, coding Coding, tokens int) (payload, rest []byte, err error) {
	if coding == Fixed {
		size := uint64(tokens) * uint64(c.options.Heads) * uint64(c.fixed.RecordBytes())
		if size > uint64(len(b)) {
			return nil, nil, fmt.Errorf("%w: %d bytes of %d for %d tokens", base.ErrCorrupt, len(b), size, tokens)
		}
		return b[:size], b[size:], nil
	}
	rest = b
	for range (tokens + c.streamTokens() - 1) / c.streamTokens() {
		if _, rest, err = cutStream(rest); err != nil {
			return nil, nil, err
		}
	}
	return b[:len(b)-len(rest)], rest, nil
}

// DecodePayload writes a payload's vectors to t, which has room for exactly those. Damage that
// shows is a [base.ErrCorrupt]; other damage gives other vectors.
func (c *Codec) DecodePayload(t Tensor, coding Coding, payload []byte) error {
	n, err := c.count(t)
	if err != nil {
		return err
	}
	return c.read(coding, payload, n, c.storeIn(t))
}

// DecodeCodes writes the codes of a payload's vectors to z, head_dim of them a vector in the order
// of its elements, and the step of each to steps: a vector is step·(code·R), see
// [lattice.Quantizer.Step]. The clamp of Compat is applied.
func (c *Codec) DecodeCodes(z []int16, steps []float64, coding Coding, payload []byte) error {
	p := c.options.Params
	dim, block := p.Dim, p.Variant.Block()
	if len(z) != len(steps)*dim {
		return fmt.Errorf("%w: room for %d codes and %d vectors", base.ErrInvalid, len(z), len(steps))
	}
	return c.read(coding, payload, len(steps), func(_ *worker, i int, codes []int16, side uint32) {
		steps[i] = c.quantizer.Step(side)
		out := z[i*dim : (i+1)*dim]
		for b := range p.Blocks() {
			first, stride := p.Variant.BlockPositions(b)
			for j := b * block; j < min((b+1)*block, dim); j++ {
				out[j] = codes[first]
				first += stride
			}
		}
		if p.Compat {
			for j, code := range out {
				out[j] = min(max(code, int16(-2*p.Q)), int16(2*p.Q))
			}
		}
	})
}

// RoundTrip replaces the tensor's vectors by what they are after Encode and Decode, bit for bit.
// After an error the tensor is undefined.
func (c *Codec) RoundTrip(t Tensor) error {
	n, err := c.count(t)
	if err != nil {
		return err
	}
	dim, store := c.options.Params.Dim, c.storeIn(t)
	if c.options.Scaling == ScaleBox {
		return spread.Over(n, grain, func(lo, hi int) error {
			w := c.worker()
			defer c.workers.Put(w)
			for i := lo; i < hi; i++ {
				t.load(w.x, i*dim, w.tmp)
				side, err := c.quantizer.Box(w.z, w.x, w.s)
				if err != nil {
					return lattice.AtVector(i, err)
				}
				store(w, i, w.z, side)
			}
			return nil
		})
	}
	return spread.Over(n, c.streamTokens()*c.options.Heads, func(lo, hi int) error {
		codes := c.quantizer.NewCodes(hi - lo)
		if err := c.quantise(codes, t, lo, hi); err != nil {
			return err
		}
		w := c.worker()
		defer c.workers.Put(w)
		for i, side := range codes.Side {
			store(w, lo+i, c.quantizer.Vector(codes, i), side)
		}
		return nil
	})
}

// count is how many vectors a tensor holds, or an error if they are not whole tokens.
func (c *Codec) count(t Tensor) (int, error) {
	n, err := t.vectors(c.options.Params.Dim)
	if err == nil && n%c.options.Heads != 0 {
		err = fmt.Errorf("%w: %d vectors are not whole tokens of %d heads", base.ErrInvalid, n, c.options.Heads)
	}
	return n, err
}

func (c *Codec) encode(dst []byte, t Tensor, n int) ([]byte, error) {
	if c.options.Coding == Fixed {
		return c.encodeFixed(dst, t, n)
	}
	return c.encodePages(dst, t, n)
}

// sink takes vector i of a payload. Several are called at once, each with a worker of its own.
type sink func(w *worker, i int, z []int16, side uint32)

func (c *Codec) read(coding Coding, payload []byte, n int, each sink) error {
	if coding == Fixed {
		return c.readFixed(payload, n, each)
	}
	return c.readPages(payload, n, each)
}

// storeIn writes vectors to a tensor.
func (c *Codec) storeIn(t Tensor) sink {
	return func(w *worker, i int, z []int16, side uint32) {
		c.quantizer.Decode(w.x, z, side, w.s)
		t.store(w.x, i*c.options.Params.Dim, w.tmp)
	}
}
