package router

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// strict is the backend of one model, whose answers are held against what was asked and whose calls
// are held against the clock, see vigil. What cannot be is base.ErrLied and what does not come is
// base.ErrHung; either ends the model and has the plugin's process stopped.
type strict struct {
	backend.Backend
	pager backend.Pager // nil: it has none
	m     *model
}

// The most text that is believed, in bytes, by token and beside.
const (
	mostTokenText = 4 << 10
	mostText      = 64 << 10
)

// lied says what cannot be.
func lied(format string, args ...any) error {
	return fmt.Errorf("%w: %s", base.ErrLied, fmt.Sprintf(format, args...))
}

// judge looks whether an error of a call convicts the backend. What a backend itself tells of hanging
// or lying is about a plugin that it is bound to, see blame.
func (s strict) judge(err error) error {
	switch {
	case err == nil || base.FromPlugin(err):
		return err
	case errors.Is(err, base.ErrMessageSize):
		return s.m.convict(lied("%v", err))
	case errors.Is(err, base.ErrLied), errors.Is(err, base.ErrHung):
		return s.m.convict(err)
	}
	return err
}

// tokens holds tokens against the vocabulary.
func (s strict) tokens(tokens []backend.Token) error {
	for _, t := range tokens {
		if t < 0 || int(t) >= s.m.info.Vocabulary {
			return lied("the token %d of a vocabulary of %d", t, s.m.info.Vocabulary)
		}
	}
	return nil
}

// LoadModel implements backend.Backend.
func (s strict) LoadModel(ctx context.Context, req backend.LoadRequest, progress func(backend.LoadProgress)) (backend.ModelInfo, error) {
	ctx, v := s.m.keepVigil(ctx, "loading", false)
	info, err := s.Backend.LoadModel(ctx, req, func(p backend.LoadProgress) {
		defer v.hear()()
		progress(p)
	})
	if err = v.end(err); err == nil {
		err = checkInfo(info)
	}
	return info, s.judge(err)
}

// checkInfo refuses a model that cannot be.
func checkInfo(i backend.ModelInfo) error {
	switch m := i.Memory; {
	case i.Vocabulary < 1, i.Layers < 0, i.KVHeads < 0, i.HeadDim < 0, i.Options.Context < 1:
		return lied("a model of %d tokens, %d layers of %d KV heads of %d, and a context of %d",
			i.Vocabulary, i.Layers, i.KVHeads, i.HeadDim, i.Options.Context)
	case m.Weights < 0, m.KV < 0, m.Compute < 0, m.KVBytesPerToken < 0:
		return lied("a model of %d + %d + %d bytes", m.Weights, m.KV, m.Compute)
	}
	return nil
}

// Tokenize implements backend.Backend.
func (s strict) Tokenize(ctx context.Context, req backend.TokenizeRequest) ([]backend.Token, error) {
	tokens, err := timed(ctx, s, "tokenizing", len(req.Text), func(ctx context.Context) ([]backend.Token, error) {
		return s.Backend.Tokenize(ctx, req)
	})
	if err == nil {
		err = s.tokens(tokens)
	}
	return tokens, s.judge(err)
}

// Detokenize implements backend.Backend.
func (s strict) Detokenize(ctx context.Context, id backend.ModelID, tokens []backend.Token) ([]byte, error) {
	text, err := timed(ctx, s, "detokenizing", len(tokens), func(ctx context.Context) ([]byte, error) {
		return s.Backend.Detokenize(ctx, id, tokens)
	})
	if err == nil && len(text) > mostText+mostTokenText*len(tokens) {
		err = lied("%d tokens are %d bytes of text", len(tokens), len(text))
	}
	return text, s.judge(err)
}

// Generate implements backend.Backend.
func (s strict) Generate(ctx context.Context, req backend.GenerateRequest, emit func(backend.Event) error) error {
	ctx, v := s.m.keepVigil(ctx, "generating", true)
	count, bytes, most := 0, 0, s.m.info.Options.Context
	if req.MaxTokens > 0 {
		most = min(most, req.MaxTokens)
	}
	var wrong error
	err := s.Backend.Generate(ctx, req, func(e backend.Event) error {
		defer v.hear()()
		count += len(e.Tokens)
		bytes += len(e.Text)
		wrong = s.tokens(e.Tokens)
		switch {
		case wrong != nil:
		case count > most:
			wrong = lied("%d tokens where at most %d were asked for", count, most)
		case bytes > mostText+mostTokenText*count:
			wrong = lied("%d tokens are %d bytes of text", count, bytes)
		default:
			return emit(e)
		}
		return wrong
	})
	err = v.end(err)
	if wrong != nil {
		err = wrong
	}
	return s.judge(err)
}

// Embed implements backend.Backend.
func (s strict) Embed(ctx context.Context, req backend.EmbedRequest) (backend.EmbedResult, error) {
	ctx, v := s.m.keepVigil(ctx, "embedding", true)
	out, err := s.Backend.Embed(ctx, req)
	if err = v.end(err); err == nil {
		err = checkVectors(out.Vectors, len(req.Inputs))
	}
	return out, s.judge(err)
}

// checkVectors wants one vector an input, all of one length and finite.
func checkVectors(vectors [][]float32, inputs int) error {
	if len(vectors) != inputs {
		return lied("%d vectors of %d inputs", len(vectors), inputs)
	}
	for i, v := range vectors {
		if len(v) == 0 || len(v) != len(vectors[0]) {
			return lied("vectors of %d and of %d elements", len(vectors[0]), len(v))
		}
		for _, x := range v {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return lied("the vector of input %d has an element %v", i, x)
			}
		}
	}
	return nil
}

// Score implements backend.Backend.
func (s strict) Score(ctx context.Context, req backend.ScoreRequest) (backend.ScoreResult, error) {
	ctx, v := s.m.keepVigil(ctx, "scoring", true)
	if take := req.Distribution; take != nil {
		req.Distribution = func(l backend.Levels) error {
			defer v.hear()()
			return take(l)
		}
	}
	out, err := s.Backend.Score(ctx, req)
	if err = v.end(err); err == nil && len(out.Tokens) != len(req.Tokens)-req.From {
		err = lied("scores of %d tokens where %d were asked for", len(out.Tokens), len(req.Tokens)-req.From)
	}
	return out, s.judge(err)
}

// ImportPages implements backend.Pager.
func (s strict) ImportPages(ctx context.Context, req backend.ImportRequest, page func(i int) ([]byte, error)) (backend.ImportResult, error) {
	ctx, v := s.m.keepVigil(ctx, "restoring pages", true)
	var wrong error
	out, err := s.pager.ImportPages(ctx, req, func(i int) ([]byte, error) {
		defer v.hear()()
		if i < 0 || i >= req.Available {
			wrong = lied("it wants the page %d of %d", i, req.Available)
			return nil, wrong
		}
		return page(i)
	})
	err = v.end(err)
	switch {
	case wrong != nil:
		err = wrong
	case err == nil && (out.Restored < 0 || out.Restored > req.Available):
		err = lied("%d pages of %d are restored", out.Restored, req.Available)
	}
	return out, s.judge(err)
}

// ExportPages implements backend.Pager. It has no time: it goes on for as long as the model is loaded.
func (s strict) ExportPages(ctx context.Context, id backend.ModelID, opened func(), emit func(backend.Page) error) error {
	return s.judge(s.pager.ExportPages(ctx, id, opened, emit))
}

// ParkModel implements backend.Pager. Its time is its caller's.
func (s strict) ParkModel(ctx context.Context, id backend.ModelID) error {
	return s.judge(s.pager.ParkModel(ctx, id))
}
