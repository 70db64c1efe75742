package model

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
)

// Random makes a model of random matrices, which the device makes itself, to measure speed with. The caller frees it.
func Random(d *device.Device, c arch.Config, vocabulary int, o Options) (*Model, error) {
	m := newModel(d, c, o)
	m.Net.Vocabulary, m.random = vocabulary, true
	if err := m.randomize(); err != nil {
		m.Free()
		return nil, err
	}
	return m, nil
}

func (m *Model) randomize() (err error) {
	seed, err := m.Device.NewArray(dtypes.Int32, 1)
	if err != nil {
		return err
	}
	defer seed.Free()
	add := func(in []device.Buffer, all []net.Weight) ([]device.Buffer, error) {
		for _, w := range all {
			for i, s := range w.Inputs(m.Net.Weights) {
				b, err := m.randomWeight(seed, s, w.Columns, w.Rows > 0 && i == 0)
				if err != nil {
					return in, err
				}
				in = append(in, b)
			}
		}
		return in, nil
	}
	for range m.Net.Config.Layers {
		in, err := add(nil, net.LayerWeights(m.Net.Config))
		if err != nil {
			return err
		}
		m.Layers = append(m.Layers, in)
	}
	m.Head, err = add(nil, net.HeadWeights(m.Net.Config, m.Net.Vocabulary, embeddings))
	m.norm = make([]float32, m.Net.Width)
	return err
}

// randomWeight is a matrix of random numbers with a mean square of one over its columns, or a vector of ones; of 8-bit
// numbers the scales, which are a vector, make that.
func (m *Model) randomWeight(seed *device.Array, s device.Shape, columns int, matrix bool) (device.Buffer, error) {
	name := fmt.Sprintf("random %v %v %d %t", s.Kind, s.Dims, columns, matrix)
	p, _, err := m.Device.Program(name, []device.Shape{{Kind: dtypes.Int32, Dims: []int{1}}}, func(in []*graph.Node) []*graph.Node {
		g := in[0].Graph()
		scale := math.Sqrt(3/float64(columns)) / math.MaxInt32
		if !matrix {
			value := 1.0
			if m.Net.Weights == dtypes.Int8 && len(s.Dims) == 1 && s.Dims[0] != columns {
				value = scale * math.MaxInt32 / math.MaxInt8
			}
			return []*graph.Node{graph.AddScalar(graph.Zeros(g, shapes.Make(s.Kind, s.Dims...)), value)}
		}
		h := graph.Add(graph.IotaFull(g, shapes.Make(dtypes.Int32, s.Dims...)), graph.BroadcastToDims(graph.Reshape(in[0], 1, 1), s.Dims...))
		for _, shift := range []int{16, 15} {
			h = graph.MulScalar(graph.BitwiseXor(h, graph.BitwiseShiftRightLogicalScalar(h, int32(shift))), 0x45d9f3b)
		}
		if s.Kind == dtypes.Int8 {
			return []*graph.Node{graph.ConvertDType(graph.BitwiseShiftRightArithmeticScalar(h, int32(24)), s.Kind)}
		}
		return []*graph.Node{graph.ConvertDType(graph.MulScalar(graph.ConvertDType(h, dtypes.Float32), scale), s.Kind)}
	})
	if err != nil {
		return nil, err
	}
	seed.Int32s()[0] += 7919
	b, err := seed.View(1)
	if err != nil {
		return nil, err
	}
	out, err := p.Run(b)
	if err != nil {
		return nil, err
	}
	m.Bytes += s.Bytes()
	m.made = append(m.made, out[0])
	return out[0].Buffer(), nil
}

// randomEmbedding is a token's, any.
func randomEmbedding(token int32, dst []float32) {
	h := uint32(token)*2654435761 + 1
	for i := range dst {
		h = h*1664525 + 1013904223
		dst[i] = float32(int32(h)) / math.MaxInt32
	}
}

// Share is the model with another cache. Its weights stay m's, which is freed last.
func (m *Model) Share(o Options) *Model {
	other := newModel(m.Device, m.Net.Config, o)
	other.Net.Vocabulary = m.Net.Vocabulary
	other.Layers, other.Head, other.Bytes, other.norm = m.Layers, m.Head, m.Bytes, m.norm
	other.embeddings, other.random = m.embeddings, m.random
	return other
}
