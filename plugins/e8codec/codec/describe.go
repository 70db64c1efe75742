package codec

import (
	"fmt"
	"math/rand/v2"
	"slices"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/frame"
)

const (
	pageTokens = 64

	// A stream measures itself on about sampleVectors vectors of at most sampleHeads heads: some
	// milliseconds, whatever the shape.
	sampleVectors = 1024
	sampleHeads   = 16

	// errorMargin is by how much a page may be worse than what was measured.
	errorMargin = 1.05
)

func (s *stream) describe() (contract.Description, error) {
	o := s.packer.Options()
	page := headersOfPage(s.shape)
	bytes, lost, err := measure(o, frame.DType(s.shape.Type), len(page))
	if err != nil {
		return contract.Description{}, fmt.Errorf("measure the codec: %w", err)
	}
	total := float64(len(s.appendHead(nil, o.Coding, page)))
	for _, g := range s.groups(page) {
		vectors := g.n * pageTokens * o.Heads
		total += float64(s.packer.BaseBytes(vectors)) + bytes*float64(vectors)
	}
	elements := len(page) * pageTokens * s.shape.TokenElements()
	return contract.Description{
		Format:     formatOf(o),
		Params:     paramsOf(o),
		Bits:       8 * total / float64(elements),
		ErrorBound: lost * errorMargin,
		Affine:     affineOf(s.packer),
	}, nil
}

// headersOfPage are those of the keys and values of all layers.
func headersOfPage(s contract.Shape) []contract.Vectors {
	v := make([]contract.Vectors, 0, 2*s.Layers)
	for layer := range s.Layers {
		for _, part := range []contract.Part{contract.Key, contract.Value} {
			v = append(v, contract.Vectors{Layer: layer, Part: part, Pos: pageTokens, Tokens: pageTokens})
		}
	}
	return v
}

// measure packs normal numbers as a page of so many tensors is packed: the bytes of a vector beside what its
// stream takes anyway, and the squared error over the squares. It draws the same numbers every time.
func measure(o frame.Options, d frame.DType, tensors int) (bytes, lost float64, err error) {
	o.Heads = min(o.Heads, sampleHeads)
	packer, err := frame.New(o)
	if err != nil {
		return 0, 0, err
	}
	n := packer.Join(slices.Repeat([]int{pageTokens}, tensors))
	vectors := pageTokens * o.Heads
	source := rand.New(rand.NewPCG(1, uint64(o.Params.Dim)))
	x := make([]float32, vectors*o.Params.Dim)
	y := make([]float32, len(x))
	format := contract.DType(d)
	errors, squares, size, packed := 0.0, 0.0, 0, 0
	for packed < sampleVectors {
		group := make([]frame.Tensor, n)
		for i := range group {
			group[i] = frame.Tensor{DType: d, Data: make([]byte, len(x)*d.Size())}
			for j := range x {
				x[j] = float32(source.NormFloat64())
			}
			format.Store(group[i].Data, x)
		}
		payload, err := packer.AppendPayload(nil, group...)
		if err != nil {
			return 0, 0, err
		}
		size += len(payload) - packer.BaseBytes(n*vectors)
		packed += n * vectors
		for _, t := range group {
			format.Load(x, t.Data)
			if err := packer.RoundTrip(t); err != nil {
				return 0, 0, err
			}
			format.Load(y, t.Data)
			for i := range x {
				e := float64(x[i]) - float64(y[i])
				errors += e * e
				squares += float64(x[i]) * float64(x[i])
			}
		}
	}
	return float64(size) / float64(packed), errors / squares, nil
}
