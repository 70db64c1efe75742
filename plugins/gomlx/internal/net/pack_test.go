package net

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
	e8 "github.com/kakeyad/kakeyad/plugins/e8codec/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/testplugin"
)

// TestPack holds what programs make of vectors against the codec itself: integers and scales. Few differ, where both orders
// of adding in the rotation round a vector to different sides.
func TestPack(t *testing.T) {
	const tokens, heads = 64, 2
	d, err := device.Open(testplugin.CPU(t), 0)
	require.NoError(t, err)
	for _, variant := range []lattice.Variant{lattice.E8, lattice.D4} {
		for _, dim := range []int{64, 128, 96} {
			for _, q := range []int{4, 10, 38} {
				t.Run(fmt.Sprint(variant, dim, q), func(t *testing.T) {
					stream, err := e8.New(variant, "test").Open(context.Background(),
						codec.Shape{Layers: 1, KVHeads: heads, HeadDim: dim, Type: codec.F32}, codec.Params{"q": strconv.Itoa(q)})
					require.NoError(t, err)
					vectors := random(tokens*heads*dim, uint64(q))
					frame, err := stream.Encode(context.Background(), nil, codec.Vectors{Part: codec.Key, Tokens: tokens, Data: bytesOf(vectors)})
					require.NoError(t, err)
					want := codec.Coordinates{Part: codec.Key, Tokens: tokens, Z: make([]int16, len(vectors)), Scale: make([]float32, tokens*heads)}
					require.NoError(t, stream.(codec.Integers).DecodeIntegers(context.Background(), frame, want))

					packed, err := PackedAs(stream.Describe().Affine)
					require.NoError(t, err)
					integers, scales := packOn(t, d, packed, vectors, tokens, heads, dim)
					differ := 0
					for i, z := range want.Z {
						if float32(z) != integers[i] {
							differ++
						}
					}
					require.LessOrEqual(t, differ, len(vectors)/1000)
					for i, s := range want.Scale {
						require.InEpsilon(t, s/float32(packed.denominator()), scales[i], 1e-5)
					}
				})
			}
		}
	}
}

func random(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func bytesOf(v []float32) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func packOn(t *testing.T, d *device.Device, p *Packed, vectors []float32, tokens, heads, dim int) (integers, scales []float32) {
	t.Helper()
	m := Net{Config: arch.Config{HeadDim: dim}, Packed: p, Compute: dtypes.Float32}
	program, _, err := d.Program(fmt.Sprint("pack ", p, dim), []device.Shape{f32(tokens, heads, dim), f32(dim, dim)}, func(in []*Node) []*Node {
		c := cache{Net: m, shared: shared{rotation: in[1]}}
		made := c.pack(in[0])
		return []*Node{made.integers, made.scales}
	})
	require.NoError(t, err)
	var args []device.Buffer
	for _, fill := range []func([]float32){func(to []float32) { copy(to, vectors) }, func(to []float32) { p.Rotate(to, dim) }} {
		dims := []int{tokens, heads, dim}
		if len(args) == 1 {
			dims = []int{dim, dim}
		}
		a, err := d.NewArray(dtypes.Float32, dims...)
		require.NoError(t, err)
		t.Cleanup(a.Free)
		fill(a.Floats())
		b, err := a.Move()
		require.NoError(t, err)
		args = append(args, b)
	}
	out, err := program.Run(args...)
	require.NoError(t, err)
	for i, to := range []*[]float32{&integers, &scales} {
		numbers, err := out[i].Floats()
		require.NoError(t, err)
		*to = append(*to, numbers...)
		out[i].Free()
	}
	return integers, scales
}
