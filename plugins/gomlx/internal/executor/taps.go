package executor

import (
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
)

var _ engine.Tapped = (*Executor)(nil)

// taps keep the outputs of some layers of the last step, for a drafter.
type taps struct {
	layers []int
	on     bool
	width  int
	rows   []float32 // [items, layers, width]
}

// begin says how many items the step has that is about to be computed.
func (t *taps) begin(items int) {
	if n := items * len(t.layers) * t.width; t.on {
		t.rows = slices.Grow(t.rows[:0], n)[:n]
	}
}

// take copies what the layers of a group leave of n items from first on: [layers, tokens, width].
func (t *taps) take(g group, first, n int, out device.Output) error {
	if !t.on {
		return nil
	}
	states, err := out.Floats()
	if err != nil {
		return err
	}
	size := len(states) / len(g.kinds)
	for i := range g.kinds {
		place, wanted := slices.BinarySearch(t.layers, g.first+i)
		for item := 0; wanted && item < n; item++ {
			copy(t.rows[((first+item)*len(t.layers)+place)*t.width:][:t.width], states[i*size+item*t.width:])
		}
	}
	return nil
}

// Tap implements engine.Tapped.
func (x *Executor) Tap(layers []int) error {
	for _, layer := range layers {
		if layer < 0 || layer >= x.model.Net.Layers {
			return fmt.Errorf("output of layer %d: %w: there are layers 0 to %d", layer, base.ErrUnsupported, x.model.Net.Layers-1)
		}
	}
	x.taps = taps{layers: slices.Clone(layers), on: len(layers) > 0, width: x.model.Net.Width}
	return nil
}

// Keep implements engine.Tapped.
func (x *Executor) Keep(on bool) { x.taps.on = on && len(x.taps.layers) > 0 }

// Features implements engine.Tapped.
func (x *Executor) Features(n int) []float32 {
	row := len(x.taps.layers) * x.taps.width
	return x.taps.rows[n*row:][:row]
}
