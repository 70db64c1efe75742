package calibrate

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// tokenizer is a loaded model that makes tokens of texts, and tells how far it is.
type tokenizer struct {
	Options
	backend backend.Backend
	id      backend.ModelID
	first   []backend.Token // what a window begins with
	done    int
}

func (t *tokenizer) tell() {
	t.done++
	t.Progress(Progress{Stage: StageTokens, Done: t.done, All: len(t.Texts) + len(t.Measure) + 1})
}

// all are the windows of texts.
func (t *tokenizer) all(ctx context.Context, texts []Text, size int) ([][][]backend.Token, error) {
	var out [][][]backend.Token
	for _, text := range texts {
		tokens, err := t.backend.Tokenize(ctx, backend.TokenizeRequest{Model: t.id, Text: text.Body})
		if err != nil {
			return nil, fmt.Errorf("text %s: %w", text.Name, err)
		}
		out = append(out, pieces(tokens, t.first, size))
		t.tell()
	}
	return out, nil
}

// measure takes the windows to measure with, from the beginning of each text.
func (t *tokenizer) measure(ctx context.Context) (out [][]int32, err error) {
	texts, err := t.all(ctx, t.Measure, t.MeasureContext)
	for i, windows := range texts {
		if len(windows) < t.MeasureWindows {
			return nil, fmt.Errorf("text %s has %d windows of %d tokens to measure with, not %d", t.Measure[i].Name, len(windows), t.MeasureContext, t.MeasureWindows)
		}
		out = append(out, windows[:t.MeasureWindows]...)
	}
	return out, err
}

// check has the backend score a window. Nil: it cannot.
func (t *tokenizer) check(ctx context.Context, window []backend.Token) (*codec.CalibrateCheck, error) {
	defer t.tell()
	info, err := t.backend.Info(ctx)
	if err != nil || !info.Has(backend.CapScore) {
		return nil, err
	}
	scores, err := t.backend.Score(ctx, backend.ScoreRequest{Model: t.id, Tokens: window, From: 1})
	if err != nil {
		return nil, fmt.Errorf("score a window: %w", err)
	}
	c := &codec.CalibrateCheck{Tokens: window}
	for _, s := range scores.Tokens {
		c.LogProbs = append(c.LogProbs, s.Logprob)
	}
	return c, nil
}
