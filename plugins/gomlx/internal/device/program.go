package device

import (
	"fmt"
	"unsafe"

	"github.com/gomlx/go-xla/pkg/pjrt"
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// Program is a compiled graph. Its device owns it. It is safe for concurrent use.
type Program struct {
	device *Device
	graph  *graph.Graph
	donate []bool
}

// compile builds a graph over inputs of the given shapes.
func (d *Device) compile(name string, inputs []Shape, build func(in []*graph.Node) []*graph.Node) (p *Program, err error) {
	defer func() {
		if r := recover(); r != nil { // GoMLX reports mistakes and failures so
			err = fmt.Errorf("compile %s: %v", name, r)
		}
	}()
	g := graph.NewGraph(d.backend, name)
	var in []*graph.Node
	for i, s := range inputs {
		in = append(in, graph.Parameter(g, fmt.Sprint("p", i), shapes.Make(s.Kind, s.Dims...)))
	}
	outputs := build(in)
	p = &Program{device: d, graph: g, donate: make([]bool, len(inputs))}
	var donated []int
	for i, s := range inputs {
		if p.donate[i] = s.Donated; s.Donated {
			donated = append(donated, i)
		}
	}
	if a, is := d.backend.(*aliasing); is {
		if err := a.alias(donated, len(outputs)-len(donated)); err != nil {
			return nil, fmt.Errorf("compile %s: %w", name, err)
		}
	}
	g.Compile(outputs...)
	return p, nil
}

// Run computes. The outputs are the caller's, who frees them.
func (p *Program) Run(inputs ...Buffer) (out []Output, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: %v", p.graph.Name(), r)
		}
	}()
	for _, t := range p.graph.RunWithBuffers(inputs, p.donate, 0) {
		shape := t.Shape() // gone with the tensor
		b, err := t.DonateBuffer(p.device.backend, 0)
		if err != nil {
			return nil, err
		}
		out = append(out, Output{device: p.device, buffer: b, shape: shape})
	}
	return out, nil
}

// Output is what a program computed.
type Output struct {
	device *Device
	buffer backends.Buffer
	shape  shapes.Shape
}

// Buffer makes it an input.
func (o Output) Buffer() Buffer { return o.buffer }

// Floats are its numbers, until it is freed.
func (o Output) Floats() ([]float32, error) { return read[float32](o) }

// Bytes are its numbers as bytes, until it is freed.
func (o Output) Bytes() ([]byte, error) { return read[byte](o) }

func read[T any](o Output) ([]T, error) {
	var t T
	size := o.shape.Size() * o.shape.DType.Size() / int(unsafe.Sizeof(t))
	var at unsafe.Pointer
	b, is := o.buffer.(*pjrt.Buffer)
	switch {
	case is && o.device.shares:
		var err error
		if at, err = b.UnsafePointer(); err != nil {
			return nil, err
		}
	case is:
		numbers := make([]T, size)
		return numbers, b.ToHost(unsafe.Slice((*byte)(start(numbers)), o.shape.Size()*o.shape.DType.Size()))
	default:
		flat, err := o.device.backend.BufferData(o.buffer)
		if err != nil {
			return nil, err
		}
		at = start(flat)
	}
	return unsafe.Slice((*T)(at), size), nil
}

// CopyTo writes its numbers, as many as there is room for in to.
func (o Output) CopyTo(to []float32) error {
	if b, is := o.buffer.(*pjrt.Buffer); is && !o.device.shares {
		return b.ToHost(unsafe.Slice((*byte)(start(to)), 4*len(to)))
	}
	numbers, err := o.Floats()
	copy(to, numbers)
	return err
}

// Free gives its memory back.
func (o Output) Free() { _ = o.device.backend.BufferFinalize(o.buffer) } // it is only freed once
