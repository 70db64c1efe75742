package e8k

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
)

const (
	pageTokens = 64

	// errorMargin is by how much a page may be worse than what was measured.
	errorMargin = 1.05
)

// describe packs a page of normal vectors, as the contract wants it. That is nothing like what the model makes: such a
// page takes far more bits than the q of its own.
func describe(ctx context.Context, coder *calibrated.Coder, shape contract.Shape, params contract.Params) (contract.Description, error) {
	page := normalPage(shape)
	packed, err := coder.Encode(ctx, nil, page...)
	if err != nil {
		return contract.Description{}, fmt.Errorf("measure the codec: %w", err)
	}
	var lost, squares float64
	n := pageTokens * shape.TokenElements()
	x, y := make([]float32, n*len(page)), make([]float32, n)
	for i := range page {
		shape.Type.Load(x[i*n:(i+1)*n], page[i].Data)
	}
	if err := coder.RoundTrip(ctx, page...); err != nil {
		return contract.Description{}, fmt.Errorf("measure the codec: %w", err)
	}
	for i := range page {
		shape.Type.Load(y, page[i].Data)
		for j, v := range x[i*n : (i+1)*n] {
			e := float64(v) - float64(y[j])
			lost += e * e
			squares += float64(v) * float64(v)
		}
	}
	resolved := maps.Clone(params)
	resolved[keyForm] = coder.How().String()
	return contract.Description{
		Format:     coder.Format(),
		Params:     resolved,
		Bits:       8 * float64(len(packed)) / float64(n*len(page)),
		ErrorBound: lost / squares * errorMargin,
	}, nil
}

// normalPage is a page of all layers from N(0,1), the same every time.
func normalPage(s contract.Shape) []contract.Vectors {
	source := rand.New(rand.NewPCG(1, uint64(s.HeadDim)))
	x := make([]float32, pageTokens*s.TokenElements())
	var v []contract.Vectors
	for layer := range s.Layers {
		for _, part := range []contract.Part{contract.Key, contract.Value} {
			for i := range x {
				x[i] = float32(source.NormFloat64())
			}
			data := make([]byte, pageTokens*s.TokenBytes())
			s.Type.Store(data, x)
			v = append(v, contract.Vectors{Layer: layer, Part: part, Pos: pageTokens, Tokens: pageTokens, Data: data})
		}
	}
	return v
}
