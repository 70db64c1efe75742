package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func TestAnswers(t *testing.T) {
	const eos, tool = enginetest.EOS, enginetest.Tool
	prompt := text("hi")
	n := len(prompt.Tokens)
	for _, tc := range []struct {
		name   string
		says   []backend.Token
		change func(*backend.GenerateRequest)
		text   string
		final  backend.Final
	}{
		{"end token", append(spell("hello"), eos), nil, "hello", backend.Final{Reason: backend.FinishStop, OutputTokens: 6}},
		{"end token first", []backend.Token{eos}, nil, "", backend.Final{Reason: backend.FinishStop, OutputTokens: 1}},
		{"most tokens", spell("hello"), func(r *backend.GenerateRequest) { r.MaxTokens = 3 }, "hel", backend.Final{Reason: backend.FinishLength, OutputTokens: 3}},
		{"end token is the last allowed", append(spell("ab"), eos), func(r *backend.GenerateRequest) { r.MaxTokens = 3 }, "ab", backend.Final{Reason: backend.FinishStop, OutputTokens: 3}},
		{"stop string", spell("one, two"), func(r *backend.GenerateRequest) { r.Stop = []string{"zz", ", t"} }, "one", backend.Final{Reason: backend.FinishStop, StopString: ", t", OutputTokens: 6}},
		{"held back text comes with the length", spell("one,"), func(r *backend.GenerateRequest) { r.Stop = []string{", t"}; r.MaxTokens = 4 }, "one,", backend.Final{Reason: backend.FinishLength, OutputTokens: 4}},
		{"stop string is the last allowed", spell("one!"), func(r *backend.GenerateRequest) { r.Stop = []string{"!"}; r.MaxTokens = 4 }, "one", backend.Final{Reason: backend.FinishStop, StopString: "!", OutputTokens: 4}},
		{"characters of several bytes", append(spell("zaž₿😀"), eos), nil, "zaž₿😀", backend.Final{Reason: backend.FinishStop, OutputTokens: 12}},
		{"half a character", append(spell("a\xc5"), eos), nil, "a\ufffd", backend.Final{Reason: backend.FinishStop, OutputTokens: 3}},
		{"special tokens have no text", append([]backend.Token{'a', tool, 'b'}, eos), nil, "ab", backend.Final{Reason: backend.FinishStop, OutputTokens: 4}},
		{"special tokens kept", append([]backend.Token{'a', tool, 'b'}, eos), func(r *backend.GenerateRequest) { r.KeepSpecial = true }, "a<|tool|>b</s>", backend.Final{Reason: backend.FinishStop, OutputTokens: 4}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, _ := start(t, enginetest.Config{Limits: limits(), Next: script(n, tc.says...)}, engine.Options{})
			req := backend.GenerateRequest{Prompt: prompt, Sampling: backend.Sampling{Seed: 7}}
			if tc.change != nil {
				tc.change(&req)
			}
			a := generate(t.Context(), t, e, req)
			if a.err != nil {
				t.Fatal(a.err)
			}
			if a.text != tc.text {
				t.Errorf("text %q, want %q", a.text, tc.text)
			}
			if want := tc.says[:tc.final.OutputTokens]; !slices.Equal(a.tokens, want) {
				t.Errorf("tokens %v, want %v", a.tokens, want)
			}
			a.final.Timings = backend.Timings{}
			want := tc.final
			want.Seed, want.PromptTokens = 7, n
			if a.final != want {
				t.Errorf("final %+v, want %+v", a.final, want)
			}
			if a.prompt != (backend.PromptInfo{Tokens: n}) {
				t.Errorf("prompt %+v", a.prompt)
			}
		})
	}
}

func TestIgnoreEOS(t *testing.T) {
	prompt := text("hi")
	e, _ := start(t, enginetest.Config{Limits: limits(), Next: script(len(prompt.Tokens), enginetest.EOS)}, engine.Options{Context: 40})
	a := generate(t.Context(), t, e, backend.GenerateRequest{Prompt: prompt, Sampling: backend.Sampling{IgnoreEOS: true}})
	if a.err != nil || a.final.Reason != backend.FinishLength || len(prompt.Tokens)+len(a.tokens) != 40 {
		t.Fatalf("%d tokens, final %+v, error %v; want the context of 40 filled", len(a.tokens), a.final, a.err)
	}
	if slices.ContainsFunc(a.tokens, enginetest.Vocabulary{}.IsEnd) {
		t.Fatalf("end token in %v", a.tokens)
	}
}

func TestSeedIsTold(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	req := backend.GenerateRequest{Prompt: text("once"), MaxTokens: 20, Sampling: backend.Sampling{Temperature: 1}}
	first := generate(t.Context(), t, e, req)
	if first.err != nil || first.final.Seed == 0 {
		t.Fatalf("seed %d, error %v", first.final.Seed, first.err)
	}
	req.Sampling.Seed = first.final.Seed
	if again := generate(t.Context(), t, e, req); !slices.Equal(again.tokens, first.tokens) {
		t.Fatalf("the told seed gives %v, not %v", again.tokens, first.tokens)
	}
}

func TestLogprobs(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	a := generate(t.Context(), t, e, backend.GenerateRequest{Prompt: text("p"), MaxTokens: 5, Logprobs: true, TopLogprobs: 3})
	if a.err != nil || len(a.logprobs) != len(a.tokens) {
		t.Fatalf("%d log-probabilities for %d tokens, error %v", len(a.logprobs), len(a.tokens), a.err)
	}
	for i, l := range a.logprobs {
		if l.Token != a.tokens[i] || len(l.Top) != 3 || l.Top[0].Token != l.Token || l.Top[0].Logprob != l.Logprob {
			t.Errorf("entry %d of greedy drawing is not the most likely one: %+v", i, l)
		}
		if l.Logprob >= 0 || len(l.Bytes) == 0 || len(l.Top[2].Bytes) == 0 || l.Top[1].Logprob < l.Top[2].Logprob {
			t.Errorf("entry %d: %+v", i, l)
		}
	}
}

func TestRefusals(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{Context: 32})
	for _, tc := range []struct {
		name string
		req  backend.GenerateRequest
		want error
	}{
		{"both prompts", backend.GenerateRequest{Prompt: backend.Prompt{Text: "a", Tokens: spell("a")}}, base.ErrInvalid},
		{"unknown token", backend.GenerateRequest{Prompt: backend.Prompt{Tokens: []backend.Token{9999}}}, base.ErrInvalid},
		{"negative token", backend.GenerateRequest{Prompt: backend.Prompt{Tokens: []backend.Token{-1}}}, base.ErrInvalid},
		{"negative length", backend.GenerateRequest{Prompt: text("a"), MaxTokens: -1}, base.ErrInvalid},
		{"too many alternatives", backend.GenerateRequest{Prompt: text("a"), TopLogprobs: 21}, base.ErrInvalid},
		{"bad sampling", backend.GenerateRequest{Prompt: text("a"), Sampling: backend.Sampling{Temperature: -1}}, base.ErrInvalid},
		{"bad grammar", backend.GenerateRequest{Prompt: text("a"), Constraint: backend.Constraint{Grammar: "root ::= ("}}, base.ErrInvalid},
		{"bad schema", backend.GenerateRequest{Prompt: text("a"), Constraint: backend.Constraint{JSONSchema: "{"}}, base.ErrInvalid},
		{"two constraints", backend.GenerateRequest{Prompt: text("a"), Constraint: backend.Constraint{Grammar: "root ::= \"a\"", JSONSchema: "{}"}}, base.ErrInvalid},
		{"long prompt", backend.GenerateRequest{Prompt: text(strings.Repeat("a", 31))}, backend.ErrContextFull},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if a := generate(t.Context(), t, e, tc.req); !errors.Is(a.err, tc.want) {
				t.Fatalf("error %v, want %v", a.err, tc.want)
			}
		})
	}
	t.Run("sizes", func(t *testing.T) {
		a := generate(t.Context(), t, e, backend.GenerateRequest{Prompt: text(strings.Repeat("a", 40))})
		var full *backend.ContextFullError
		if !errors.As(a.err, &full) || *full != (backend.ContextFullError{Requested: 42, Available: 32}) {
			t.Fatalf("error %v", a.err)
		}
	})
	t.Run("longest prompt", func(t *testing.T) {
		a := generate(t.Context(), t, e, backend.GenerateRequest{Prompt: text(strings.Repeat("a", 30))})
		if a.err != nil || a.final.OutputTokens != 1 {
			t.Fatalf("final %+v, error %v; want room for one token", a.final, a.err)
		}
	})
}

func TestEmptyPrompt(t *testing.T) {
	req := backend.GenerateRequest{MaxTokens: 4}
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	a := generate(t.Context(), t, e, req)
	if want := naive(t, []backend.Token{enginetest.BOS}, req.Sampling, 4, nil); a.err != nil || !slices.Equal(a.tokens, want) {
		t.Fatalf("tokens %v, error %v; want %v", a.tokens, a.err, want)
	}
	bare, err := engine.New(enginetest.NewFake(t, enginetest.Config{Limits: limits()}), enginetest.Vocabulary{NoBOS: true}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close(context.Background())
	if a := generate(t.Context(), t, bare, req); !errors.Is(a.err, base.ErrInvalid) {
		t.Fatalf("error %v, want %v", a.err, base.ErrInvalid)
	}
}

func TestOptions(t *testing.T) {
	l := engine.Limits{Sequences: 8, Cells: 100, Batch: 16}
	for _, tc := range []struct {
		name string
		in   engine.Options
		want engine.Options // zero: refused
	}{
		{"defaults", engine.Options{}, engine.Options{Context: 100, Parallel: 4, Batch: 16, PrefillChunk: 16, Queue: 256}},
		{"small chunk", engine.Options{Parallel: 3, PrefillChunk: 1}, engine.Options{Context: 100, Parallel: 3, Batch: 16, PrefillChunk: 3, Queue: 256}},
		{"context over cells", engine.Options{Context: 101}, engine.Options{}},
		{"parallel over sequences", engine.Options{Parallel: 9}, engine.Options{}},
		{"batch over limit", engine.Options{Batch: 17}, engine.Options{}},
		{"batch under parallel", engine.Options{Batch: 2, Parallel: 3}, engine.Options{}},
		{"negative queue", engine.Options{Queue: -1}, engine.Options{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, err := engine.New(enginetest.NewFake(t, enginetest.Config{Limits: l}), enginetest.Vocabulary{}, tc.in)
			if (tc.want == engine.Options{}) {
				if !errors.Is(err, base.ErrInvalid) {
					t.Fatalf("error %v, want %v", err, base.ErrInvalid)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close(context.Background())
			if e.Options() != tc.want {
				t.Fatalf("%+v, want %+v", e.Options(), tc.want)
			}
		})
	}
}
