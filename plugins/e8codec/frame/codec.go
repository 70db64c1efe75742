package frame

import (
	"fmt"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
	"github.com/kakeyad/kakeyad/plugins/e8codec/entropy"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// Scaling says how coarse a vector's lattice is. Fixed coding and Compat know only ScaleBox.
type Scaling uint8

// The scalings.
const (
	// ScaleBox: a vector's largest rotated coordinate becomes Q.
	ScaleBox Scaling = iota
	// ScaleVector: a vector's root mean square decides, and nothing is bounded. On normal data the
	// squared error is on average that of ScaleBox.
	ScaleVector
	// ScaleHead: as ScaleVector, by the median vector of a head within a stream. All its vectors
	// have the same absolute error, and large ones take more bits.
	ScaleHead
)

func (s Scaling) String() string {
	switch s {
	case ScaleBox:
		return "box"
	case ScaleVector:
		return "vector"
	case ScaleHead:
		return "head"
	}
	return fmt.Sprintf("scaling(%d)", uint8(s))
}

// ParseScaling reads what String writes.
func ParseScaling(s string) (Scaling, error) {
	for _, v := range []Scaling{ScaleBox, ScaleVector, ScaleHead} {
		if v.String() == s {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%w: scaling %q is none of box, vector, head", fault.ErrInvalid, s)
}

// Options make a [Codec].
type Options struct {
	Params  lattice.Params
	Heads   int // kv_heads; of all layers, when one frame is to hold them
	Coding  Coding
	Scaling Scaling
}

// Codec makes frames. It reads those of any options with the same lattice, Q, head_dim, heads and
// Compat. It never changes and is safe for concurrent use.
type Codec struct {
	options   Options
	quantizer *lattice.Quantizer
	fixed     *entropy.Fixed
	pages     *entropy.Pages
	workers   sync.Pool // of workers with room for one vector
}

// New makes a Codec; what is wrong with the options is a [fault.ErrInvalid] that names it.
func New(o Options) (*Codec, error) {
	q, err := lattice.New(o.Params)
	if err != nil {
		return nil, err
	}
	if o.Heads < 1 || o.Heads > MaxHeads {
		return nil, fmt.Errorf("%w: kv_heads %d is outside [1, %d]", fault.ErrInvalid, o.Heads, MaxHeads)
	}
	if o.Coding != Fixed && o.Coding != Pages {
		return nil, fmt.Errorf("%w: %v", fault.ErrInvalid, o.Coding)
	}
	if o.Scaling > ScaleHead {
		return nil, fmt.Errorf("%w: %v", fault.ErrInvalid, o.Scaling)
	}
	if o.Scaling != ScaleBox && (o.Coding == Fixed || o.Params.Compat) {
		return nil, fmt.Errorf("%w: scaling %v needs pages without compat", fault.ErrInvalid, o.Scaling)
	}
	return &Codec{
		options:   o,
		quantizer: q,
		fixed:     entropy.NewFixed(o.Params),
		pages:     entropy.NewPages(o.Params, o.Heads),
	}, nil
}

// Options are those the Codec was made with.
func (c *Codec) Options() Options { return c.options }

// Quantizer is the lattice's, for who wants vectors rounded but not packed.
func (c *Codec) Quantizer() *lattice.Quantizer { return c.quantizer }

// RecordBytes is what a vector takes with coding Fixed.
func (c *Codec) RecordBytes() int { return c.fixed.RecordBytes() }

// streamVectors is how many vectors a stream of coding Pages is made to hold.
const streamVectors = 1024

// streamTokens is how many tokens one stream of coding Pages holds.
func (c *Codec) streamTokens() int { return max(64, streamVectors/c.options.Heads) }

// Encode appends a frame of the tensor's vectors to dst. An element that is infinite or not a
// number is a [lattice.ErrNonFinite] that names its vector. Big tensors use all processors.
func (c *Codec) Encode(dst []byte, t Tensor) ([]byte, error) {
	vectors, err := c.count([]Tensor{t})
	if err != nil {
		return nil, err
	}
	n, at := vectors[0], len(dst)
	dst = append(dst, make([]byte, headerSize)...)
	if dst, err = c.encode(dst, []Tensor{t}, []int{n}); err != nil {
		return nil, err
	}
	h := Header{
		Params: c.options.Params, Coding: c.options.Coding, DType: t.DType,
		Heads: c.options.Heads, Tokens: n / c.options.Heads,
	}
	return dst, h.seal(dst[at:])
}

// Decode writes a frame's vectors to t, which has room for exactly those. A frame that is damaged
// or foreign is a [fault.ErrCorrupt]; one of another shape, lattice or Q is so too.
func (c *Codec) Decode(t Tensor, frame []byte) error {
	h, payload, err := Parse(frame)
	if err != nil {
		return err
	}
	if h.Params != c.options.Params || h.Heads != c.options.Heads {
		return fmt.Errorf("%w: frame of %+v with %d heads, not %+v with %d",
			fault.ErrCorrupt, h.Params, h.Heads, c.options.Params, c.options.Heads)
	}
	n, err := t.vectors(h.Params.Dim)
	if err != nil {
		return err
	}
	if n != h.Vectors() {
		return fmt.Errorf("%w: frame of %d vectors, not %d", fault.ErrCorrupt, h.Vectors(), n)
	}
	return c.read(h.Coding, payload, []int{n}, c.storeIn([]Tensor{t}))
}
