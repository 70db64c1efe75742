package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Embedder is an [Executor] that can embed. The engine calls it between steps, from the goroutine
// that calls Step.
type Embedder interface {
	// Embed returns the vector of one input, [embedding], which it does not keep. The cache
	// is as before when it returns. ErrInterrupted: Interrupt ended it.
	Embed(tokens []backend.Token) ([]float32, error)
}

// Embed returns one vector an input. See [backend.Backend].
func (e *Engine) Embed(ctx context.Context, req backend.EmbedRequest) (backend.EmbedResult, error) {
	embedder, ok := e.exec.(Embedder)
	if !ok {
		return backend.EmbedResult{}, fmt.Errorf("engine: embedding: %w", base.ErrUnsupported)
	}
	t := &embedding{embedder: embedder, normalize: req.Normalize}
	var total int
	for i, in := range req.Inputs {
		tokens, err := e.tokenize(in)
		if err == nil && len(tokens) > e.opts.Context {
			err = &backend.ContextFullError{Requested: len(tokens), Available: e.opts.Context}
		}
		if err != nil {
			return backend.EmbedResult{}, fmt.Errorf("engine: input %d: %w", i, err)
		}
		t.inputs = append(t.inputs, tokens)
		total += len(tokens)
	}
	if len(t.inputs) == 0 {
		return backend.EmbedResult{}, nil
	}
	r := newRequest(nil, nil)
	r.embedding = t
	if err := e.wait(ctx, r); err != nil {
		return backend.EmbedResult{}, err
	}
	return backend.EmbedResult{Vectors: t.vectors, PromptTokens: total}, nil
}

// embedding is a request for embeddings. It needs no sequence.
type embedding struct {
	embedder  Embedder
	inputs    [][]backend.Token
	normalize bool
	vectors   [][]float32
}

// embed computes one input of the oldest request for embeddings, so that others go on in between.
func (l *loop) embed() {
	if len(l.embeds) == 0 {
		return
	}
	r := l.embeds[0]
	t := r.embedding
	parts := []part{{r: r}}
	if !l.mailbox.begin(parts) {
		return
	}
	start := time.Now()
	input := t.inputs[len(t.vectors)]
	vector, err := t.embedder.Embed(input)
	l.mailbox.finish(parts)
	l.stats.Busy += time.Since(start)
	if errors.Is(err, ErrInterrupted) {
		return
	}
	if err != nil {
		l.end(r, fmt.Errorf("engine: embedding %d tokens: %w", len(input), err))
		return
	}
	l.stats.PromptTokens += int64(len(input))
	if t.normalize {
		normalize(vector)
	}
	if t.vectors = append(t.vectors, vector); len(t.vectors) == len(t.inputs) {
		l.end(r, nil)
	}
}

// normalize scales v to length 1; the zero vector stays.
func normalize(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
}
