package engine_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/decode/sampling"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limits are those of most tests: small enough for everything to run out.
func limits() engine.Limits {
	return engine.Limits{Sequences: 4, Cells: 512, Batch: 64, CopyIsFree: true}
}

// start runs an engine over a fake until the test ends.
func start(t testing.TB, config enginetest.Config, opts engine.Options) (*engine.Engine, *enginetest.Fake) {
	t.Helper()
	fake := enginetest.NewFake(t, config)
	e, err := engine.New(fake, enginetest.Vocabulary{}, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e, fake
}

// answer is a collected stream.
type answer struct {
	prompt   backend.PromptInfo
	text     string
	tokens   []backend.Token
	logprobs []backend.TokenLogprob
	final    backend.Final
	events   int
	err      error
}

// generate collects the events of a request and checks their order.
func generate(ctx context.Context, t testing.TB, e *engine.Engine, req backend.GenerateRequest) answer {
	t.Helper()
	var a answer
	closed := false
	a.err = e.Generate(ctx, req, func(ev backend.Event) error {
		if (ev.Prompt != nil) != (a.events == 0) {
			t.Errorf("event %d: Prompt %v", a.events, ev.Prompt)
		}
		if closed {
			t.Errorf("event after Final: %+v", ev)
		}
		a.events++
		if ev.Prompt != nil {
			a.prompt = *ev.Prompt
		}
		a.text += ev.Text
		a.tokens = append(a.tokens, ev.Tokens...)
		a.logprobs = append(a.logprobs, ev.Logprobs...)
		if ev.Final != nil {
			a.final, closed = *ev.Final, true
		}
		return nil
	})
	if closed != (a.err == nil) {
		t.Errorf("Final %v with error %v", closed, a.err)
	}
	return a
}

// naive computes an answer's tokens with one history and no cache.
func naive(t testing.TB, prompt []backend.Token, s backend.Sampling, most int, next func([]backend.Token) backend.Token) []backend.Token {
	t.Helper()
	v := enginetest.Vocabulary{}
	sampler, err := sampling.New(s, v.Size())
	if err != nil {
		t.Fatal(err)
	}
	sampler.Prime(prompt)
	var banned []backend.Token
	if s.IgnoreEOS {
		banned = []backend.Token{enginetest.EOS, enginetest.EOT}
	}
	history := append([]backend.Token(nil), prompt...)
	for len(history) < len(prompt)+most {
		token, err := sampler.Sample(enginetest.Logits(history, v.Size(), next), nil, banned...)
		if err != nil {
			t.Fatal(err)
		}
		sampler.Accept(token)
		history = append(history, token)
		if v.IsEnd(token) {
			break
		}
	}
	return history[len(prompt):]
}

// text is a prompt of tokens that spell s.
func text(s string) backend.Prompt {
	tokens, _ := enginetest.Vocabulary{}.Tokenize(s, true, false)
	return backend.Prompt{Tokens: tokens}
}

// script makes the model answer prompt with the given tokens.
func script(prompt int, says ...backend.Token) func([]backend.Token) backend.Token {
	return func(history []backend.Token) backend.Token {
		if i := len(history) - prompt; i >= 0 && i < len(says) {
			return says[i]
		}
		return 'x'
	}
}

func spell(s string) []backend.Token {
	var tokens []backend.Token
	for _, b := range []byte(s) {
		tokens = append(tokens, backend.Token(b))
	}
	return tokens
}
