package peercodec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
)

func TestConformance(t *testing.T) {
	for _, bits := range []string{"8", "5", "4"} {
		for _, rotation := range []string{None, Hadamard} {
			t.Run(fmt.Sprintf("q%s_0 %s", bits, rotation), func(t *testing.T) {
				codectest.Run(t, &codectest.Env{
					Codec:  New("ggml", rotation, Even),
					Params: codec.Params{keyQ: bits, keyRotation: rotation},
				})
			})
		}
	}
	for name, params := range map[string]codec.Params{
		"K8V4": {keyQ: "8", keyValues: "4"}, "TurboQuant 3": {keyQ: "3", keyLevels: LloydMax}, "TurboQuant 4": {keyQ: "4", keyLevels: LloydMax},
	} {
		t.Run(name, func(t *testing.T) {
			codectest.Run(t, &codectest.Env{Codec: New("ggml", Hadamard, Even), Params: params})
		})
	}
}

// The levels lose of normal numbers what Max found (1960, table I).
func TestLevels(t *testing.T) {
	for bits, want := range map[int]float64{3: 0.03454, 4: 0.009497} {
		rng := rand.New(rand.NewPCG(1, 2))
		x, y := make([]float32, 1<<16), make([]float32, 1<<16)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		unpackLevels(y, packLevels(nil, x, bits), bits)
		lost, squares := 0.0, 0.0
		for i := range x {
			d := float64(x[i]) - float64(y[i])
			lost += d * d
			squares += float64(x[i]) * float64(x[i])
		}
		if got := lost / squares; math.Abs(got/want-1) > 0.03 {
			t.Errorf("%d bits: %v, not %v", bits, got, want)
		}
	}
}

// TestBlocks holds the layout to what ggml's blocks are: by hand, from its block_q4_0.
func TestBlocks(t *testing.T) {
	x := make([]float32, block)
	x[0], x[1], x[16], x[31] = -8, 3.4, 7, 1
	b := packLow(nil, x, 4)
	if len(b) != blockBytes(4) || len(b) != 18 {
		t.Fatalf("%d bytes", len(b))
	}
	if b[0] != 0 || b[1] != 0x3c { // 1 as f16: -8 over -8
		t.Errorf("scale %x", b[:2])
	}
	if b[2] != 0xf0 || b[3] != 0x8b || b[17] != 0x98 {
		t.Errorf("elements %x", b[2:])
	}
	y := make([]float32, block)
	unpackLow(y, b, 4)
	if y[0] != -8 || y[1] != 3 || y[16] != 7 || y[31] != 1 || y[2] != 0 {
		t.Errorf("back: %v", y)
	}
}

func TestHadamardIsItsOwnInverse(t *testing.T) {
	x := make([]float32, 64)
	x[5] = 1
	hadamard(x)
	for _, v := range x {
		if math.Abs(math.Abs(float64(v))-0.125) > 1e-6 {
			t.Fatalf("%v", x)
		}
	}
	hadamard(x)
	if math.Abs(float64(x[5])-1) > 1e-6 {
		t.Errorf("%v", x)
	}
}
