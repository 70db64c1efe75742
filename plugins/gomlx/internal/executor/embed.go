package executor

import (
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

var _ engine.Embedder = (*Executor)(nil)

// Embed implements engine.Embedder: the mean of the tokens' states behind the last norm. Inputs of more than one run of
// the programs use free cells meanwhile; base.ErrBusy: there are too few just now.
func (x *Executor) Embed(tokens []backend.Token) ([]float32, error) {
	defer x.interrupt.Store(false)
	seq := engine.SeqID(x.options.Sequences) // nobody's
	items := make([]engine.Item, len(tokens))
	for i, t := range tokens {
		items[i] = engine.Item{Token: t, Pos: int32(i), Seq: seq}
	}
	var spots []int32
	if len(items) > maxChunk || x.model.Net.Written {
		var ok bool
		if spots, ok = x.cells.take(items, nil); !ok {
			return nil, fmt.Errorf("embed %d tokens: %w: %d cells are free", len(items), base.ErrBusy, x.cells.free)
		}
		defer x.cells.release(spots)
	}
	x.taps.begin(0)
	width := x.model.Net.Width
	sum := make([]float64, width)
	for at := 0; at < len(items); at += maxChunk {
		to := min(at+maxChunk, len(items))
		var own []int32
		if spots != nil {
			own = spots[at:to]
		}
		out, err := x.forward(items[at:to], own, -1)
		if err != nil {
			return nil, err
		}
		states, err := out.Floats()
		for i := 0; i < to-at && err == nil; i++ {
			x.addNormed(sum, states[i*width:][:width])
		}
		out.Free()
		if err != nil {
			return nil, err
		}
	}
	vector := make([]float32, width)
	for i, s := range sum {
		vector[i] = float32(s / float64(len(items)))
	}
	return vector, nil
}

// addNormed adds a state behind the last norm.
func (x *Executor) addNormed(sum []float64, state []float32) {
	var squares float64
	for _, v := range state {
		squares += float64(v) * float64(v)
	}
	scale := 1 / math.Sqrt(squares/float64(len(state))+x.model.Net.Epsilon)
	for i, w := range x.model.OutputNorm() {
		sum[i] += float64(state[i]) * scale * float64(w)
	}
}
