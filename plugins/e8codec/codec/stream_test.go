package codec

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
)

// TestBits packs a page of another draw and wants what the stream tells of it, also where the
// stream measured itself on fewer heads than it has.
func TestBits(t *testing.T) {
	for _, c := range []struct {
		shape  contract.Shape
		params contract.Params
	}{
		{contract.Shape{Layers: 30, KVHeads: 3, HeadDim: 64, Type: contract.F32}, contract.Params{"q": "38"}},
		{contract.Shape{Layers: 30, KVHeads: 3, HeadDim: 64, Type: contract.F16}, contract.Params{"q": "4", "scaling": "head"}},
		{contract.Shape{Layers: 18, KVHeads: 1, HeadDim: 256, Type: contract.BF16}, contract.Params{"q": "255", "variant": "d4"}},
		{contract.Shape{Layers: 2, KVHeads: 40, HeadDim: 128, Type: contract.F16}, contract.Params{"q": "10", "scaling": "vector"}},
		{contract.Shape{Layers: 4, KVHeads: 8, HeadDim: 96, Type: contract.BF16}, contract.Params{"q": "1", "coding": "fixed"}},
		{contract.Shape{Layers: 1, KVHeads: 1, HeadDim: 32, Type: contract.F32}, contract.Params{"coding": "fixed", "compat": "reference"}},
	} {
		t.Run(fmt.Sprintf("%v_%v", c.shape, c.params), func(t *testing.T) {
			s := open(t, c.shape, c.params)
			page := codectest.Page(c.shape, codectest.PageTokens, 77)
			packed, err := s.Encode(t.Context(), nil, page...)
			if err != nil {
				t.Fatal(err)
			}
			elements := len(page) * codectest.PageTokens * c.shape.TokenElements()
			told, got := s.Describe().Bits, 8*float64(len(packed))/float64(elements)
			margin := 0.005
			if c.params["coding"] == "fixed" {
				margin = 0.01 * 8 / float64(c.shape.HeadDim) // nothing but the length of a position differs
			}
			if math.Abs(got/told-1) > margin {
				t.Errorf("an element takes %.5f bits, told are %.5f", got, told)
			}
		})
	}
}

// TestBitsPromised holds the sizes that docs/codec.md gives for the shape of SmolLM2-135M.
func TestBitsPromised(t *testing.T) {
	for q, most := range map[string]float64{"38": 6.4, "10": 4.5, "4": 3.2} {
		if bits := open(t, codectest.BenchmarkShape, contract.Params{"q": q}).Describe().Bits; bits > most {
			t.Errorf("q %s: %.3f bits, at most %.1f are promised", q, bits, most)
		}
	}
}

// TestOtherCoding reads frames of either coding with a stream of the other: equal vectors.
func TestOtherCoding(t *testing.T) {
	for _, compat := range []string{"", "reference"} {
		page := codectest.Page(small, 70, 3)
		fixed := open(t, small, contract.Params{"coding": "fixed", "compat": compat})
		pages := open(t, small, contract.Params{"coding": "pages", "compat": compat})
		if a, b := fixed.Describe().Format, pages.Describe().Format; a != b {
			t.Fatalf("formats %q and %q", a, b)
		}
		want := clone(page)
		if err := fixed.RoundTrip(t.Context(), want...); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ from, to contract.Stream }{{fixed, pages}, {pages, fixed}} {
			packed, err := c.from.Encode(t.Context(), nil, page...)
			if err != nil {
				t.Fatal(err)
			}
			got := clone(page)
			if err := c.to.Decode(t.Context(), packed, got...); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if !bytes.Equal(got[i].Data, want[i].Data) {
					t.Errorf("compat %q: vectors[%d] differ", compat, i)
				}
			}
		}
	}
}

// TestTokensAreIndependent wants the vectors of a token not to depend on what is beside them, as long
// as every vector has a scale of its own: a prompt and its tokens one by one give the same cache.
func TestTokensAreIndependent(t *testing.T) {
	for _, scaling := range []string{"box", "vector"} {
		s := open(t, small, contract.Params{"scaling": scaling})
		prompt := codectest.Page(small, 300, 5)
		steps := clone(prompt)
		if err := s.RoundTrip(t.Context(), prompt...); err != nil {
			t.Fatal(err)
		}
		for n := range steps[0].Tokens {
			step := make([]contract.Vectors, len(steps))
			for i, v := range steps {
				size := small.TokenBytes()
				v.Data, v.Pos, v.Tokens = v.Data[n*size:(n+1)*size], v.Pos+n, 1
				step[i] = v
			}
			if err := s.RoundTrip(t.Context(), step...); err != nil {
				t.Fatal(err)
			}
		}
		for i := range prompt {
			if !bytes.Equal(prompt[i].Data, steps[i].Data) {
				t.Errorf("%s: vectors[%d] differ", scaling, i)
			}
		}
	}
}

func clone(v []contract.Vectors) []contract.Vectors {
	out := make([]contract.Vectors, len(v))
	for i := range v {
		out[i] = v[i]
		out[i].Data = bytes.Clone(v[i].Data)
	}
	return out
}
