package device

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// Program is a compiled graph of 32-bit numbers. It runs once at a time.
type Program struct {
	device *Device
	graph  *graph.Graph
	inputs [][]int
}

// Compile builds a graph over inputs of the given shapes.
func (d *Device) Compile(name string, inputs [][]int, build func(in []*graph.Node) []*graph.Node) (p *Program, err error) {
	defer func() {
		if r := recover(); r != nil { // GoMLX reports mistakes and failures so
			err = fmt.Errorf("compile %s: %v", name, r)
		}
	}()
	g := graph.NewGraph(d.backend, name)
	var in []*graph.Node
	for i, dims := range inputs {
		in = append(in, graph.Parameter(g, fmt.Sprint("p", i), shapes.Make(dtypes.Float32, dims...)))
	}
	g.Compile(build(in)...)
	return &Program{device: d, graph: g, inputs: inputs}, nil
}

// Run computes. The inputs are arrays whose beginnings have the shapes of Compile; outputs are copied into out, which has
// an array or nil for each.
func (p *Program) Run(inputs []*Array, out []*Array) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: %v", p.graph.Name(), r)
		}
	}()
	buffers := make([]backends.Buffer, len(inputs))
	for i, a := range inputs {
		if buffers[i], err = a.view(p.inputs[i]...); err != nil {
			return err
		}
		if p.device.client == nil {
			defer func() { _ = p.device.backend.BufferFinalize(buffers[i]) }()
		}
	}
	results := p.graph.RunWithBuffers(buffers, make([]bool, len(buffers)), 0)
	for i, t := range results {
		if i < len(out) && out[i] != nil {
			b, err := t.Buffer(p.device.backend, 0)
			if err != nil {
				return err
			}
			if err := p.device.backend.BufferToFlatData(b, out[i].Data[:t.Shape().Size()]); err != nil {
				return err
			}
		}
		if err := t.FinalizeAll(); err != nil {
			return err
		}
	}
	return nil
}

// Free gives the program's memory back.
func (p *Program) Free() { p.graph.Finalize() }
