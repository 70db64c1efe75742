package codec

import (
	"fmt"
	"math/rand/v2"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/frame"
)

const (
	pageTokens = 64

	// A stream measures itself on about sampleVectors vectors of at most sampleHeads heads: some
	// milliseconds, whatever the shape.
	sampleVectors = 1024
	sampleHeads   = 16

	// What is in a payload of pages whatever the number of heads: the length of its stream and the
	// coder's final state.
	streamBytes = 4 + 8

	// errorMargin is by how much a page may be worse than what was measured.
	errorMargin = 1.05
)

func (s *stream) describe() (contract.Description, error) {
	o := s.packer.Options()
	bytes, lost, err := measure(o, frame.DType(s.shape.Type))
	if err != nil {
		return contract.Description{}, fmt.Errorf("measure the codec: %w", err)
	}
	page := headersOfPage(s.shape)
	total := float64(len(s.appendHead(nil, o.Coding, page))) + bytes*float64(len(page))
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

// measure packs pages of normal numbers: the bytes of one layer's keys in a page, and the squared
// error over the squares. It draws the same numbers every time.
func measure(o frame.Options, d frame.DType) (bytes, lost float64, err error) {
	heads := o.Heads
	o.Heads = min(heads, sampleHeads)
	packer, err := frame.New(o)
	if err != nil {
		return 0, 0, err
	}
	vectors := pageTokens * o.Heads
	pages := (sampleVectors + vectors - 1) / vectors
	source := rand.New(rand.NewPCG(1, uint64(o.Params.Dim)))
	x := make([]float32, vectors*o.Params.Dim)
	y := make([]float32, len(x))
	t := frame.Tensor{DType: d, Data: make([]byte, len(x)*d.Size())}
	format := contract.DType(d)
	size, errors, squares := 0, 0.0, 0.0
	var payload []byte
	for range pages {
		for i := range x {
			x[i] = float32(source.NormFloat64())
		}
		format.Store(t.Data, x)
		format.Load(x, t.Data)
		if payload, err = packer.AppendPayload(payload[:0], t); err != nil {
			return 0, 0, err
		}
		size += len(payload)
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
	fixed := 0.0
	if o.Coding == frame.Pages {
		fixed = streamBytes
	}
	perHead := (float64(size)/float64(pages) - fixed) / float64(o.Heads)
	return fixed + perHead*float64(heads), errors / squares, nil
}
