package executor

import (
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
)

// Pooling says how the hidden states of a text's tokens become one vector.
type Pooling string

// Kinds of pooling.
const (
	PoolMean  Pooling = "mean"
	PoolFirst Pooling = "cls"
	PoolLast  Pooling = "last"
)

// embedLogits bounds the logits, in bytes, that one step of an embedding makes llama.cpp compute
// beside the hidden states. Nobody reads them.
const embedLogits = 32 << 20

// Embed implements engine.Embedder. A model that generates embeds in a context of its own, made
// for this one input and freed again, so that the cache of the requests at work is not touched
// and no memory is held between embeddings.
func (x *Executor) Embed(tokens []backend.Token) ([]float32, error) {
	step := x.embedStep(len(tokens))
	ctx := x.ctx
	if !x.options.EmbedOnly {
		var err error
		if ctx, err = binding.NewContext(x.model, x.params(len(tokens), step, 1, true)); err != nil {
			return nil, err
		}
		defer ctx.Free()
	}
	defer ctx.ClearCache()
	sum := make([]float64, x.model.Shape().Embedding)
	var pos int
	for chunk := range slices.Chunk(tokens, step) {
		ctx.Clear()
		for i, t := range chunk {
			ctx.Add(t, int32(pos+i), 0, x.options.Pooling.wants(pos+i, len(tokens)))
		}
		if err := x.decode(ctx); err != nil {
			return nil, err
		}
		for i := range chunk {
			if x.options.Pooling.wants(pos+i, len(tokens)) {
				add(sum, ctx.Hidden(i))
			}
		}
		pos += len(chunk)
	}
	return x.options.Pooling.vector(sum, len(tokens)), nil
}

// embedStep is how many tokens of a text to compute at once.
func (x *Executor) embedStep(length int) int {
	if x.options.Whole {
		return length
	}
	step := min(x.ctx.Batch(), length)
	if x.options.Pooling == PoolMean {
		step = min(step, max(16, embedLogits/(4*x.model.VocabularySize())))
	}
	return step
}

// wants says whether the hidden state at a position of a text is needed.
func (p Pooling) wants(pos, length int) bool {
	switch p {
	case PoolFirst:
		return pos == 0
	case PoolLast:
		return pos == length-1
	default:
		return true
	}
}

func add(sum []float64, state []float32) {
	for i, v := range state {
		sum[i] += float64(v)
	}
}

// vector makes the answer of the sum of all wanted states.
func (p Pooling) vector(sum []float64, length int) []float32 {
	scale := 1.0
	if p == PoolMean {
		scale = 1 / float64(length)
	}
	v := make([]float32, len(sum))
	for i, s := range sum {
		v[i] = float32(s * scale)
	}
	return v
}
