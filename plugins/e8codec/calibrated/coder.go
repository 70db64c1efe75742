package calibrated

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
)

// How the vectors of a call are packed.
type How uint8

// The ways that there are. The values are those in a frame.
const (
	Random How = 1 // every layer's K and V for itself
	Page   How = 2 // predicted from the layers before it that the call has
)

func (h How) String() string {
	switch h {
	case Random:
		return "random"
	case Page:
		return "page"
	}
	return fmt.Sprintf("how(%d)", uint8(h))
}

// ParseHow reads "random" or "page".
func ParseHow(s string) (How, error) {
	for _, h := range []How{Random, Page} {
		if h.String() == s {
			return h, nil
		}
	}
	return 0, fmt.Errorf("%w: %q is neither page nor random", base.ErrInvalid, s)
}

// Coder packs vectors at one rate of a model. It never changes and is safe for concurrent use.
type Coder struct {
	model  *Model
	how    How
	pitch  *pitch
	finest *pitch // there is
	finer  *pitch // of what the guard finds unlike; nil: there is none finer
	bold   bool   // without the guard
	memo   *memo
	shape  contract.Shape
}

// New makes a Coder. q is any whole number from the least to the largest of the calibration's rates; steps and bins of one
// between two rates lie between theirs. Errors: ErrInvalid that names q, how, or the field of a shape that is not the model's.
func (m *Model) New(shape contract.Shape, q int, how How) (*Coder, error) {
	if err := shape.Validate(); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name      string
		got, want int
	}{{"layers", shape.Layers, m.Layers}, {"kv_heads", shape.KVHeads, m.KVHeads}, {"head_dim", shape.HeadDim, m.HeadDim}} {
		if f.got != f.want {
			return nil, fmt.Errorf("%s: %w: %d, the calibration of %s has %d", f.name, base.ErrInvalid, f.got, m.Name, f.want)
		}
	}
	if how != Random && how != Page {
		return nil, fmt.Errorf("form: %w: %v", base.ErrInvalid, how)
	}
	pitch, err := m.pitchOf(q)
	if err != nil {
		return nil, err
	}
	_, most := m.Qs()
	finest, err := m.pitchOf(most)
	if err != nil {
		return nil, err
	}
	c := &Coder{finest: &finest, model: m, how: how, pitch: &pitch, finer: m.fallBack(pitch), shape: shape, memo: newMemo()}
	c.pitch.over(m)
	c.finest.over(m)
	if c.finer != nil {
		c.finer.over(m)
	}
	return c, nil
}

// WithoutGuard is the coder without its guard: it packs everything in the same steps, and reads what the other packs.
func (c *Coder) WithoutGuard() *Coder {
	bold := *c
	bold.bold, bold.memo = true, newMemo()
	return &bold
}

// RoundTrip replaces v by what Decode of Encode gives.
// Errors: *contract.NonFiniteError, the context's, ErrInvalid of a model that cannot pack.
func (c *Coder) RoundTrip(ctx context.Context, v ...contract.Vectors) error {
	chains := c.chains(v)
	var before *grown
	var hashes []uint64
	grows := len(chains) == 1 && chains[0].grows()
	if grows {
		before, hashes = c.memo.take(chains[0]), chains[0].hashes(c.memo.seed)
		chains[0].resume(before, hashes)
	}
	if err := c.guard(ctx, chains); err != nil {
		return err
	}
	_, err := run(ctx, chains, packing|storing)
	if err == nil && grows {
		c.memo.keep(chains[0], chains[0].grow(before, hashes))
	}
	return err
}

// Encode appends a frame of v to dst. Errors: as RoundTrip.
func (c *Coder) Encode(ctx context.Context, dst []byte, v ...contract.Vectors) ([]byte, error) {
	chains := c.chains(v)
	if err := c.guard(ctx, chains); err != nil {
		return dst, err
	}
	makeRoom(chains)
	if _, err := run(ctx, chains, packing); err != nil {
		return dst, err
	}
	streams, err := c.encodeAll(ctx, chains)
	if err != nil {
		return dst, err
	}
	return c.seal(dst, v, chains, streams), nil
}

// Decode fills v from a frame. Errors: ErrCorrupt, ErrUnsupported (another version, another calibration), the context's.
func (c *Coder) Decode(ctx context.Context, frame []byte, v ...contract.Vectors) error {
	chains := c.chains(v)
	streams, err := c.unseal(frame, v, chains)
	if err != nil {
		return err
	}
	makeRoom(chains)
	if err := c.decodeAll(ctx, chains, streams); err != nil {
		return err
	}
	_, err = run(ctx, chains, storing)
	return err
}

// How is how the coder packs.
func (c *Coder) How() How { return c.how }
