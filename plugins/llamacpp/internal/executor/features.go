package executor

import (
	"fmt"
	"unsafe"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
)

var _ engine.Tapped = (*Executor)(nil)

// features keeps the outputs of some layers of the last step, for a drafter.
type features struct {
	width  int
	place  []int     // of the model's layers: which of those wanted, -1: not
	count  int       // that are wanted
	items  int       // of the step
	rows   []float32 // [items, wanted, width]
	column []float32 // [items, width], of one layer
}

func newFeatures(shape binding.Shape) *features {
	f := &features{width: shape.Embedding, place: make([]int, shape.Layers)}
	for i := range f.place {
		f.place[i] = -1
	}
	return f
}

// outputs is what llama.cpp calls the outputs of layers.
const outputs = "l_out"

// tap looks at no layer until it is told to.
func (f *features) tap() binding.Tap {
	return binding.Tap{Names: []string{outputs}, Layers: make([]bool, len(f.place)), Call: f.take}
}

// begin says how many items the step has that is about to be computed.
func (f *features) begin(items int) {
	f.items = items
	f.rows = grow(f.rows, items*f.count*f.width)
	f.column = grow(f.column, items*f.width)
}

func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

// take copies the output of a layer, [items, width].
func (f *features) take(layer int, t []binding.Tensor) error {
	if shape := t[0].Shape(); !t[0].IsF32() || shape != [3]int{f.width, f.items, 1} {
		return fmt.Errorf("output of layer %d: %w: it is %v for %d tokens", layer, base.ErrUnsupported, shape, f.items)
	}
	t[0].Read(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f.column))), 4*len(f.column)))
	for i := range f.items {
		copy(f.rows[(i*f.count+f.place[layer])*f.width:][:f.width], f.column[i*f.width:])
	}
	return nil
}

// Tap implements engine.Tapped. Options.Hidden must have been set. The last layer cannot be tapped:
// llama.cpp computes it for outputs only.
func (x *Executor) Tap(layers []int) error {
	f := x.features
	if f == nil {
		return fmt.Errorf("outputs of layers: %w: the executor was not made to keep them", base.ErrUnsupported)
	}
	for i, layer := range layers {
		if layer < 0 || layer >= len(f.place)-1 {
			return fmt.Errorf("output of layer %d: %w: those of 0 to %d can be had", layer, base.ErrUnsupported, len(f.place)-2)
		}
		f.place[layer] = i
		x.taps.Want(outputs, layer)
	}
	f.count = len(layers)
	return x.learn(0)
}

// Keep implements engine.Tapped.
func (x *Executor) Keep(on bool) { x.taps.Rest(outputs, !on) }

// Features implements engine.Tapped.
func (x *Executor) Features(n int) []float32 {
	row := x.features.count * x.features.width
	return x.features.rows[n*row:][:row]
}
