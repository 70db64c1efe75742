package frame

import (
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
	"github.com/kakeyad/kakeyad/plugins/e8codec/spread"
)

// Payloads stand alone in formats that have a header and a checksum of their own. How they are
// coded and the number of their tokens must be known from there. A payload holds one tensor, or some that
// [Codec.Join] puts together.

// Join is how many of the first tensors, of so many tokens, are best put into one payload: at least one.
// Many small ones together take fewer bytes, since a stream has states to begin with.
func (c *Codec) Join(tokens []int) int {
	n, vectors := 0, 0
	for _, t := range tokens {
		vectors += t * c.options.Heads
		if n > 0 && vectors > streamVectors {
			break
		}
		n++
	}
	return n
}

// BaseBytes is what a payload of so many vectors takes beside them, about.
func (c *Codec) BaseBytes(vectors int) int {
	if c.options.Coding == Fixed {
		return 0
	}
	size := c.streamTokens() * c.options.Heads
	return (vectors + size - 1) / size * (4 + c.pages.BaseBytes(min(vectors, size)))
}

// AppendPayload appends the payload of the tensors' vectors to dst: what a frame of theirs has
// after its header. Errors are those of [Codec.Encode]; vectors are counted through all tensors.
func (c *Codec) AppendPayload(dst []byte, ts ...Tensor) ([]byte, error) {
	vectors, err := c.count(ts)
	if err != nil {
		return nil, err
	}
	return c.encode(dst, ts, vectors)
}

// CutPayload takes the payload of tensors of so many tokens off the front of b. Its bytes are not looked at.
func (c *Codec) CutPayload(b []byte, coding Coding, tokens ...int) (payload, rest []byte, err error) {
	if coding == Fixed {
		all := before(tokens, len(tokens))
		size := uint64(all) * uint64(c.options.Heads) * uint64(c.fixed.RecordBytes())
		if size > uint64(len(b)) {
			return nil, nil, fmt.Errorf("%w: %d bytes of %d for %d tokens", fault.ErrCorrupt, len(b), size, all)
		}
		return b[:size], b[size:], nil
	}
	streams := 1
	if len(tokens) == 1 {
		streams = (tokens[0] + c.streamTokens() - 1) / c.streamTokens()
	}
	rest = b
	for range streams {
		if _, rest, err = cutStream(rest); err != nil {
			return nil, nil, err
		}
	}
	return b[:len(b)-len(rest)], rest, nil
}

// DecodePayload writes a payload's vectors to the tensors, which have room for exactly those. Damage that
// shows is a [fault.ErrCorrupt]; other damage gives other vectors.
func (c *Codec) DecodePayload(coding Coding, payload []byte, ts ...Tensor) error {
	vectors, err := c.count(ts)
	if err != nil {
		return err
	}
	return c.read(coding, payload, vectors, c.storeIn(ts))
}

// Integers are the codes of a tensor's vectors, head_dim of them a vector in the order of its elements, and
// the step of each: a vector is step·(code·R), see [lattice.Quantizer.Step]. The clamp of Compat is applied.
type Integers struct {
	Z     []int16
	Steps []float64
}

// DecodeCodes writes the codes of a payload's tensors.
func (c *Codec) DecodeCodes(coding Coding, payload []byte, to ...Integers) error {
	p := c.options.Params
	dim, block := p.Dim, p.Variant.Block()
	vectors := make([]int, len(to))
	for i := range to {
		vectors[i] = len(to[i].Steps)
		if len(to[i].Z) != vectors[i]*dim {
			return fmt.Errorf("%w: room for %d codes and %d vectors", fault.ErrInvalid, len(to[i].Z), vectors[i])
		}
	}
	return c.read(coding, payload, vectors, func(_ *worker, tensor, i int, codes []int16, side uint32) {
		to[tensor].Steps[i] = c.quantizer.Step(side)
		out := to[tensor].Z[i*dim : (i+1)*dim]
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
	ts := []Tensor{t}
	vectors, err := c.count(ts)
	if err != nil {
		return err
	}
	n, dim, store := vectors[0], c.options.Params.Dim, c.storeIn(ts)
	if c.options.Scaling == ScaleBox {
		return spread.Over(n, grain, func(lo, hi int) error {
			w := c.worker()
			defer c.workers.Put(w)
			for i := lo; i < hi; i++ {
				t.Load(w.x, i*dim, w.tmp)
				side, err := c.quantizer.Box(w.z, w.x, w.s)
				if err != nil {
					return lattice.AtVector(i, err)
				}
				store(w, 0, i, w.z, side)
			}
			return nil
		})
	}
	return spread.Over(n, c.streamTokens()*c.options.Heads, func(lo, hi int) error {
		w := c.worker()
		defer c.workers.Put(w)
		codes := w.room(c.quantizer, hi-lo)
		if err := c.quantise(codes, w, t, lo, hi); err != nil {
			return err
		}
		for i, side := range codes.Side {
			store(w, 0, lo+i, c.quantizer.Vector(codes, i), side)
		}
		return nil
	})
}

// count is how many vectors tensors hold, or an error if they are not whole tokens.
func (c *Codec) count(ts []Tensor) ([]int, error) {
	vectors := make([]int, len(ts))
	for i, t := range ts {
		n, err := t.vectors(c.options.Params.Dim)
		if err == nil && n%c.options.Heads != 0 {
			err = fmt.Errorf("%w: %d vectors are not whole tokens of %d heads", fault.ErrInvalid, n, c.options.Heads)
		}
		if err != nil {
			return nil, err
		}
		vectors[i] = n
	}
	return vectors, nil
}

func (c *Codec) encode(dst []byte, ts []Tensor, vectors []int) ([]byte, error) {
	if c.options.Coding == Fixed {
		return c.encodeFixed(dst, ts, vectors)
	}
	return c.encodePages(dst, ts, vectors)
}

// sink takes vector i of a tensor of a payload. Several are called at once, each with a worker of its own.
type sink func(w *worker, tensor, i int, z []int16, side uint32)

func (c *Codec) read(coding Coding, payload []byte, vectors []int, each sink) error {
	if coding == Fixed {
		return c.readFixed(payload, vectors, each)
	}
	return c.readPages(payload, vectors, each)
}

// storeIn writes vectors to tensors.
func (c *Codec) storeIn(ts []Tensor) sink {
	return func(w *worker, tensor, i int, z []int16, side uint32) {
		c.quantizer.Decode(w.x, z, side, w.s)
		ts[tensor].Store(w.x, i*c.options.Params.Dim, w.tmp)
	}
}
