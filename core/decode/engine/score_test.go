package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/decode/sampling"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// checkScore compares a result with that of the whole history before each token.
func checkScore(t *testing.T, req backend.ScoreRequest, got backend.ScoreResult) {
	t.Helper()
	if len(got.Tokens) != len(req.Tokens)-req.From {
		t.Fatalf("%d entries for %d tokens from %d on", len(got.Tokens), len(req.Tokens), req.From)
	}
	for i, l := range got.Tokens {
		at := req.From + i
		logits := enginetest.Logits(req.Tokens[:at], enginetest.Vocabulary{}.Size(), nil)
		want, err := sampling.Logprobs(logits, req.Tokens[at], req.TopLogprobs)
		if err != nil {
			t.Fatal(err)
		}
		same := func(a, b backend.TokenLogprob) bool { return a.Token == b.Token && a.Logprob == b.Logprob }
		if l.Token != req.Tokens[at] || l.Logprob != want.Logprob || !slices.EqualFunc(l.Top, want.Top, same) {
			t.Errorf("token %d: %+v, want %+v", at, l, want)
		}
	}
}

func TestScore(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	ask(t, e, backend.GenerateRequest{Prompt: text(strings.Repeat("a", 150))})
	before := e.Stats().CellsUsed
	for _, req := range []backend.ScoreRequest{
		{Tokens: spell("ab"), From: 1},
		{Tokens: text(strings.Repeat("a", 150)).Tokens, From: 1, TopLogprobs: 2},
		{Tokens: text(strings.Repeat("a", 150)).Tokens, From: 100},
		{Tokens: text(strings.Repeat("a", 150)).Tokens, From: 150, TopLogprobs: 20},
	} {
		got, err := e.Score(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		checkScore(t, req, got)
		if used := e.Stats().CellsUsed; used != before {
			t.Errorf("%d cells used, %d before", used, before)
		}
	}
}

func TestScoreRefusals(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{Context: 8})
	for _, tc := range []struct {
		name string
		req  backend.ScoreRequest
		want error
	}{
		{"one token", backend.ScoreRequest{Tokens: spell("a"), From: 1}, base.ErrInvalid},
		{"from the first", backend.ScoreRequest{Tokens: spell("ab")}, base.ErrInvalid},
		{"from beyond", backend.ScoreRequest{Tokens: spell("ab"), From: 2}, base.ErrInvalid},
		{"alternatives", backend.ScoreRequest{Tokens: spell("ab"), From: 1, TopLogprobs: 21}, base.ErrInvalid},
		{"unknown token", backend.ScoreRequest{Tokens: []backend.Token{1, 9999}, From: 1}, base.ErrInvalid},
		{"too long", backend.ScoreRequest{Tokens: spell("abcdefghi"), From: 1}, backend.ErrContextFull},
	} {
		if _, err := e.Score(t.Context(), tc.req); !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestScoreBesideGeneration(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{PrefillChunk: 8})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			ask(t, e, backend.GenerateRequest{Prompt: text(strings.Repeat("g", 10*i)), MaxTokens: 40})
		})
		wg.Go(func() {
			req := backend.ScoreRequest{Tokens: text(strings.Repeat("s", 30*i+3)).Tokens, From: 1 + i}
			got, err := e.Score(t.Context(), req)
			if err != nil {
				t.Error(err)
				return
			}
			checkScore(t, req, got)
		})
	}
	wg.Wait()
}

func TestScoreIsPreempted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limits()
		l.Cells = 200
		g := newGate()
		e, _ := start(t, enginetest.Config{Limits: l, BeforeStep: g.before}, engine.Options{PrefillChunk: 4})
		var wg sync.WaitGroup
		wg.Go(func() {
			req := backend.GenerateRequest{Prompt: text("g"), MaxTokens: 190}
			req.Sampling.IgnoreEOS = true
			ask(t, e, req)
		})
		g.next()
		wg.Go(func() {
			req := backend.ScoreRequest{Tokens: text(strings.Repeat("s", 130)).Tokens, From: 1}
			got, err := e.Score(t.Context(), req)
			if err != nil {
				t.Error(err)
				return
			}
			checkScore(t, req, got)
		})
		wg.Go(func() {
			req := backend.GenerateRequest{Prompt: text("h"), MaxTokens: 100}
			ask(t, e, req)
		})
		synctest.Wait()
		g.release()
		g.let()
		wg.Wait()
	})
}

// embedder is a fake that can embed.
type embedder struct {
	*enginetest.Fake
	before func() error
}

func (x embedder) Embed(tokens []backend.Token) ([]float32, error) {
	if x.before != nil {
		if err := x.before(); err != nil {
			return nil, err
		}
	}
	return []float32{3, 4 * float32(len(tokens))}, nil
}

func startEmbedder(t *testing.T, before func() error) *engine.Engine {
	t.Helper()
	e, err := engine.New(embedder{enginetest.NewFake(t, enginetest.Config{Limits: limits()}), before}, enginetest.Vocabulary{}, engine.Options{Context: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestEmbed(t *testing.T) {
	e := startEmbedder(t, nil)
	in := []backend.Prompt{{Text: "a"}, {Text: "bb", AddSpecial: true}}
	got, err := e.Embed(t.Context(), backend.EmbedRequest{Inputs: in})
	if err != nil || got.PromptTokens != 4 || !slices.Equal(got.Vectors[0], []float32{3, 4}) || !slices.Equal(got.Vectors[1], []float32{3, 12}) {
		t.Errorf("%+v, error %v", got, err)
	}
	got, err = e.Embed(t.Context(), backend.EmbedRequest{Inputs: in[:1], Normalize: true})
	if err != nil || !slices.Equal(got.Vectors[0], []float32{0.6, 0.8}) {
		t.Errorf("%+v, error %v", got, err)
	}
	if got, err = e.Embed(t.Context(), backend.EmbedRequest{}); err != nil || len(got.Vectors) != 0 {
		t.Errorf("%+v, error %v", got, err)
	}
	if _, err = e.Embed(t.Context(), backend.EmbedRequest{Inputs: []backend.Prompt{{Text: strings.Repeat("a", 17)}}}); !errors.Is(err, backend.ErrContextFull) {
		t.Errorf("error %v", err)
	}
	if s := e.Stats(); s.Requests != 2 || s.PromptTokens != 5 {
		t.Errorf("stats %+v", s)
	}
}

func TestEmbedFails(t *testing.T) {
	broken := errors.New("broken")
	calls := 0
	e := startEmbedder(t, func() error {
		if calls++; calls == 1 {
			return engine.ErrInterrupted // for no reason: tried again
		}
		if calls == 3 {
			return broken
		}
		return nil
	})
	in := []backend.Prompt{{Text: "a"}, {Text: "b"}}
	if _, err := e.Embed(t.Context(), backend.EmbedRequest{Inputs: in}); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	if _, err := e.Embed(t.Context(), backend.EmbedRequest{Inputs: in}); err != nil {
		t.Error(err)
	}
	plain, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	if _, err := plain.Embed(t.Context(), backend.EmbedRequest{Inputs: in}); !errors.Is(err, base.ErrUnsupported) {
		t.Errorf("error %v, want %v", err, base.ErrUnsupported)
	}
}
