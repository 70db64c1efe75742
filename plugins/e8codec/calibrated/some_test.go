package calibrated_test

import (
	"math/rand/v2"
	"testing"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
)

func mustModel(t testing.TB, c *calibrated.Calibration) *calibrated.Model {
	t.Helper()
	file, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	m, err := calibrated.NewModel(file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func shapeOf(m *calibrated.Model, d contract.DType) contract.Shape {
	return contract.Shape{Layers: m.Layers, KVHeads: m.KVHeads, HeadDim: m.HeadDim, Type: d}
}

func mustCoder(t testing.TB, m *calibrated.Model, q int, how calibrated.How, d contract.DType) *calibrated.Coder {
	t.Helper()
	c, err := m.New(shapeOf(m, d), q, how)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// somePage is a page of normal vectors.
func somePage(s contract.Shape, seed uint64, pos, tokens int) (v []contract.Vectors) {
	rng := rand.New(rand.NewPCG(seed, 2))
	x := make([]float32, tokens*s.TokenElements())
	for layer := range s.Layers {
		for _, part := range []contract.Part{contract.Key, contract.Value} {
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			data := make([]byte, tokens*s.TokenBytes())
			s.Type.Store(data, x)
			v = append(v, contract.Vectors{Layer: layer, Part: part, Pos: pos, Tokens: tokens, Data: data})
		}
	}
	return v
}

func blank(v []contract.Vectors) []contract.Vectors {
	out := append([]contract.Vectors(nil), v...)
	for i := range out {
		out[i].Data = make([]byte, len(v[i].Data))
	}
	return out
}

func copied(v []contract.Vectors) []contract.Vectors {
	out := blank(v)
	for i := range out {
		copy(out[i].Data, v[i].Data)
	}
	return out
}

func loss(s contract.Shape, want, got []contract.Vectors) float64 {
	var lost, energy float64
	for i := range want {
		n := len(want[i].Data) / s.Type.Size()
		a, b := make([]float32, n), make([]float32, n)
		s.Type.Load(a, want[i].Data)
		s.Type.Load(b, got[i].Data)
		for j := range a {
			d := float64(a[j]) - float64(b[j])
			lost += d * d
			energy += float64(a[j]) * float64(a[j])
		}
	}
	return lost / energy
}
