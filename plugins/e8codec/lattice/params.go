package lattice

import (
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
)

// Variant names a lattice.
type Variant uint8

// The lattices.
const (
	E8 Variant = 1
	D4 Variant = 2
)

// Block is the number of coordinates in one lattice point.
func (v Variant) Block() int {
	if v == D4 {
		return 4
	}
	return 8
}

func (v Variant) String() string {
	switch v {
	case E8:
		return "e8"
	case D4:
		return "d4"
	}
	return fmt.Sprintf("variant(%d)", uint8(v))
}

// ParseVariant reads "e8" or "d4".
func ParseVariant(s string) (Variant, error) {
	switch s {
	case "e8":
		return E8, nil
	case "d4":
		return D4, nil
	}
	return 0, fmt.Errorf("%w: variant %q is neither e8 nor d4", fault.ErrInvalid, s)
}

// Limits of [Params].
const (
	MinQ   = 1
	MaxQ   = 255
	MinDim = 32
	MaxDim = 512
)

// Tile is the number of coordinates in a tile.
const Tile = 64

// Params say what a [Quantizer] does.
type Params struct {
	Variant Variant
	Q       int  // a bounded vector's coordinates lie in [-Q, Q]
	Dim     int  // head_dim
	Compat  bool // reproduce the reference codec, faults included
}

// Validate names the field that is wrong in a [fault.ErrInvalid].
func (p Params) Validate() error {
	if p.Variant != E8 && p.Variant != D4 {
		return fmt.Errorf("%w: variant %d", fault.ErrInvalid, p.Variant)
	}
	if p.Q < MinQ || p.Q > MaxQ {
		return fmt.Errorf("%w: q %d is outside [%d, %d]", fault.ErrInvalid, p.Q, MinQ, MaxQ)
	}
	if p.Dim < MinDim || p.Dim > MaxDim {
		return fmt.Errorf("%w: head_dim %d is outside [%d, %d]", fault.ErrInvalid, p.Dim, MinDim, MaxDim)
	}
	if p.Compat && p.Dim&(p.Dim-1) != 0 {
		return fmt.Errorf("%w: head_dim %d: the reference knows only powers of two", fault.ErrInvalid, p.Dim)
	}
	return nil
}

// Tiles is how many tiles a vector of dim elements fills.
func Tiles(dim int) int { return (dim + Tile - 1) / Tile }

// Blocks is how many lattice points a vector of dim elements takes; the last may be padded.
func (p Params) Blocks() int {
	n := p.Variant.Block()
	return (p.Dim + n - 1) / n
}

// position is where coordinate i of a vector lies among its tiles.
func position(i int) int { return i&^63 | i&7<<3 | i>>3&7 }

// BlockPositions is where coordinate 0 of a block lies among a vector's codes, and the distance
// from one coordinate of the block to the next.
func (v Variant) BlockPositions(block int) (first, stride int) {
	return position(block * v.Block()), 8
}
