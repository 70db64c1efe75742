package codec

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/frame"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// Codec is a codec. It keeps nothing between calls.
type Codec struct {
	*base.Self
	variant lattice.Variant
}

// New makes a codec that is named for the variant, which is the default of its streams.
func New(variant lattice.Variant, version string) *Codec {
	return &Codec{
		Self: base.NewSelf(base.Info{
			Kind:         base.KindCodec,
			Name:         variant.String(),
			Version:      version,
			Capabilities: []base.Capability{contract.CapAffine},
			Description:  "packs vectors as points of the lattice E8 or D4",
		}),
		variant: variant,
	}
}

// Open implements the contract. head_dim is from [lattice.MinDim] to [lattice.MaxDim].
func (c *Codec) Open(ctx context.Context, shape contract.Shape, params contract.Params) (contract.Stream, error) {
	if err := shape.Validate(); err != nil {
		return nil, err
	}
	o, err := parseParams(params, c.variant)
	if err != nil {
		return nil, err
	}
	if err := supported(shape, o.Params.Compat); err != nil {
		return nil, err
	}
	o.Params.Dim, o.Heads = shape.HeadDim, shape.KVHeads
	packer, err := frame.New(o)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &stream{shape: shape, packer: packer}
	s.description, err = s.describe()
	return s, err
}

// supported refuses what the contract knows and this codec does not.
func supported(s contract.Shape, compat bool) error {
	if s.HeadDim < lattice.MinDim || s.HeadDim > lattice.MaxDim {
		return fmt.Errorf("head_dim: %w: %d is not between %d and %d", base.ErrUnsupported, s.HeadDim, lattice.MinDim, lattice.MaxDim)
	}
	if compat && s.HeadDim&(s.HeadDim-1) != 0 {
		return fmt.Errorf("head_dim: %w: %d: the reference knows only powers of two", base.ErrUnsupported, s.HeadDim)
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return fmt.Errorf("type: %w: this machine is not little-endian", base.ErrUnsupported)
	}
	return nil
}
