package net

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:staticcheck // graphs read as GoMLX's own do

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
)

// Packed is how a codec makes integers of a vector: it rotates it, takes as scale the largest magnitude, and of the vector
// times Range over the scale the nearest point of a lattice with coordinates in [-Range, Range]. The vector is then
// scale/Range · (z·R). The scale times Gain is rounded up to ScaleBits bits of mantissa.
type Packed struct {
	Lattice   Lattice
	Range     int
	Gain      float64
	ScaleBits int
	Rotation  []float32 // [head_dim, head_dim]; nil: none
}

// Lattice names what points there are.
type Lattice string

// The lattices: all integers; integers with an even sum, in fours; these and halves, in eights, all times two.
const (
	Z  Lattice = "z"
	D4 Lattice = "d4"
	E8 Lattice = "e8"
)

// String tells what graphs are different for.
func (p *Packed) String() string {
	if p == nil {
		return "no"
	}
	return fmt.Sprintf("%s, %d, gain %g, %d bits, rotated %t", p.Lattice, p.Range, p.Gain, p.ScaleBits, p.Rotation != nil)
}

// Rotate writes the rotation of vectors of so many.
func (p *Packed) Rotate(to []float32, dim int) {
	if copy(to, p.Rotation); p.Rotation == nil {
		for i := range dim {
			to[i*dim+i] = 1
		}
	}
}

// denominator is what integers are the coordinates' multiples of.
func (p *Packed) denominator() float64 {
	if p.Lattice == E8 {
		return 2
	}
	return 1
}

// PackInputs are the shapes of what packing needs: the rotation [head_dim, head_dim], and which tokens stay exact [T], 0 or 1.
func (m Net) PackInputs(t int) []device.Shape {
	if m.Packed == nil {
		return nil
	}
	return []device.Shape{f32(m.HeadDim, m.HeadDim), f32(t)}
}

// packing is what packing makes of vectors [T, kv_heads, head_dim].
type packing struct {
	rotated  *Node // [T, kv_heads, head_dim]
	integers *Node // the same, floats
	scales   *Node // [T, kv_heads]: of integers
}

// heads are some of the heads.
func (p packing) heads(from, to int) packing {
	of := func(x *Node) *Node { return Slice(x, AxisRange(), AxisRange(from, to)) }
	return packing{rotated: of(p.rotated), integers: of(p.integers), scales: of(p.scales)}
}

// turn multiplies vectors [T, heads, head_dim] by the transposed rotation, or by the rotation itself.
func (c *cache) turn(v *Node, back bool) *Node {
	axis := 1
	if back {
		axis = 0
	}
	dims := v.Shape().Dimensions
	return Reshape(DotGeneral(Reshape(v, -1, c.HeadDim), []int{1}, nil, c.rotation, []int{axis}, nil), dims...)
}

// pack rounds vectors to the lattice.
func (c *cache) pack(v *Node) packing {
	p := c.Packed
	y := c.turn(v, false)
	largest := MulScalar(ReduceAndKeep(Abs(y), ReduceMax, -1), p.Gain)
	drop := 23 - p.ScaleBits
	bits := AddScalar(Bitcast(largest, dtypes.Int32), 1<<drop-1)
	scale := Bitcast(BitwiseShiftLeftScalar(BitwiseShiftRightLogicalScalar(bits, drop), drop), dtypes.Float32)
	some := GreaterThan(scale, ScalarZero(v.Graph(), dtypes.Float32))
	inverse := Where(some, Div(Const(v.Graph(), float32(float64(p.Range)*p.Gain)), scale), ZerosLike(scale))
	limit := float64(p.Range) - math.Pow(2, -12)
	u := ClipScalar(Mul(y, broadcastLast(inverse, y)), -limit, limit)
	step := MulScalar(scale, 1/(float64(p.Range)*p.Gain*p.denominator()))
	return packing{rotated: y, integers: p.nearest(u), scales: Reshape(step, v.Shape().Dimensions[:2]...)}
}

// nearest are the points nearest to coordinates in the box.
func (p *Packed) nearest(u *Node) *Node {
	f := Round(u)
	switch p.Lattice {
	case Z:
		return f
	case D4:
		return Reshape(nearestD(inBlocks(u, 4), inBlocks(f, 4)), u.Shape().Dimensions...)
	}
	return Reshape(p.nearestE8(inBlocks(u, 8), inBlocks(f, 8)), u.Shape().Dimensions...)
}

func inBlocks(u *Node, n int) *Node { return Reshape(u, -1, n) }

// nearestD are the points with an even sum: of blocks [N, n] with an odd one the coordinate farthest from its integer f goes
// to its second nearest.
func nearestD(u, f *Node) *Node {
	d := Sub(u, f)
	return Add(f, Mul(flip(Abs(d), odd(f)), away(d)))
}

// nearestE8 are the points nearest to u among integers and halves with an even sum, times two. Of u - f = d, rounding to
// halves leaves ½ - |d|: costs are squared distances, less what both have in common.
func (p *Packed) nearestE8(u, f *Node) *Node {
	d := Sub(u, f)
	a, sign := Abs(d), away(d)
	oddInteger := odd(f)
	oddHalf := NotEqual(oddInteger, odd(MulScalar(AddScalar(sign, -1), 0.5)))
	edge := Equal(Abs(f), Const(u.Graph(), float32(p.Range)))
	gain := Sub(Const(u.Graph(), float32(0.5)), a)
	gain = Where(edge, Neg(gain), gain)
	zero := ZerosLike(ReduceAndKeep(a, ReduceMax, -1))
	costInteger := Where(oddInteger, Sub(OnesLike(zero), MulScalar(ReduceAndKeep(a, ReduceMax, -1), 2)), zero)
	costHalf := Sub(Const(u.Graph(), float32(2)), ReduceAndKeep(a, ReduceSum, -1))
	costHalf = Add(costHalf, Where(oddHalf, Sub(OnesLike(zero), MulScalar(ReduceAndKeep(gain, ReduceMax, -1), 2)), zero))
	half := LessThan(costHalf, costInteger)

	integer := Add(f, Mul(flip(a, oddInteger), sign))
	inward := Where(edge, sign, Neg(sign))
	halves := Add(Add(f, MulScalar(sign, 0.5)), Mul(flip(gain, oddHalf), inward))
	return MulScalar(Where(BroadcastToDims(half, u.Shape().Dimensions...), halves, integer), 2)
}

// away is the direction of d, 1 or -1.
func away(d *Node) *Node { return Where(LessThan(d, ZerosLike(d)), Neg(OnesLike(d)), OnesLike(d)) }

// odd says of which blocks of integers the sum is odd, [N, 1].
func odd(f *Node) *Node {
	sum := ConvertDType(ReduceAndKeep(f, ReduceSum, -1), dtypes.Int32)
	return Equal(BitwiseAnd(sum, OnesLike(sum)), OnesLike(sum))
}

// flip is 1 at the largest of a block where it is wanted, else 0.
func flip(key, wanted *Node) *Node {
	dims := key.Shape().Dimensions
	at := BroadcastToDims(ExpandAxes(ArgMax(key, -1), -1), dims...)
	one := Equal(at, Iota(key.Graph(), at.Shape(), 1))
	return ConvertDType(LogicalAnd(one, BroadcastToDims(wanted, dims...)), dtypes.Float32)
}

// packInto makes the tokens' own part of a packed layer, and the rows of its cache.
func (c *cache) packInto(own *part, k, v packing) {
	own.keys, own.keyScales = c.ownVectors(k)
	own.values, own.valueScales = c.ownVectors(v)
	for _, p := range []packing{k, v} {
		c.rows = append(c.rows, ConvertDType(p.integers, dtypes.Int8), p.scales)
		if c.Exact > 0 {
			c.rows = append(c.rows, as(p.rotated, c.Cache))
		}
	}
}

// ownVectors are the tokens' own: integers with their scales, and those that stay exact rotated, as the cache keeps them.
func (c *cache) ownVectors(p packing) (vectors, scales *Node) {
	exact := GreaterThan(c.exact, ZerosLike(c.exact))
	wide := BroadcastToDims(Reshape(exact, -1, 1, 1), p.rotated.Shape().Dimensions...)
	flat := BroadcastToDims(Reshape(exact, -1, 1), p.scales.Shape().Dimensions...)
	kept := as(as(p.rotated, c.Cache), dtypes.Float32)
	return Where(wide, kept, p.integers), Where(flat, OnesLike(p.scales), p.scales)
}

// PackedAs is how a codec with an affine form packs. base.ErrUnsupported: the form does not say, or says what graphs have not.
func PackedAs(a *codec.Affine) (*Packed, error) {
	if a == nil || a.Points == nil {
		return nil, fmt.Errorf("cache that stays packed: %w: the codec does not say how it makes integers of vectors", base.ErrUnsupported)
	}
	p := &Packed{Lattice: Lattice(a.Points.Lattice), Range: a.Points.Range, Gain: a.Points.Gain, ScaleBits: a.Points.ScaleBits, Rotation: a.R}
	switch p.Lattice {
	case Z, D4, E8:
	default:
		return nil, fmt.Errorf("cache that stays packed: %w: points of %q are not known", base.ErrUnsupported, p.Lattice)
	}
	if a.Min < math.MinInt8 || a.Max > math.MaxInt8 || a.Denominator != int(p.denominator()) {
		return nil, fmt.Errorf("cache that stays packed: %w: integers from %d to %d over %d do not fit in 8 bits", base.ErrUnsupported, a.Min, a.Max, a.Denominator)
	}
	return p, nil
}
