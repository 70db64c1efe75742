package peercodec

import (
	"fmt"
	"math"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
)

func TestConformance(t *testing.T) {
	for _, bits := range []string{"8", "5", "4"} {
		for _, rotation := range []string{None, Hadamard} {
			t.Run(fmt.Sprintf("q%s_0 %s", bits, rotation), func(t *testing.T) {
				codectest.Run(t, &codectest.Env{
					Codec:  New("ggml", rotation),
					Params: codec.Params{keyQ: bits, keyRotation: rotation},
				})
			})
		}
	}
}

// TestBlocks holds the layout to what ggml's blocks are: by hand, from its block_q4_0.
func TestBlocks(t *testing.T) {
	x := make([]float32, block)
	x[0], x[1], x[16], x[31] = -8, 3.4, 7, 1
	s := &stream{bits: 4}
	b := packLow(nil, x, 4)
	if len(b) != s.blockBytes() || len(b) != 18 {
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
