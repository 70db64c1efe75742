package backendtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

var generateChecks = []Check{
	{
		Name: "generate/events",
		Doc:  "Prompt info comes first and once, Final last and once; counts agree; MaxTokens ends with reason length.",
		Run:  checkEvents,
	},
	{
		Name: "generate/text",
		Doc:  "The text of an answer is that of its tokens.",
		Run:  checkText,
	},
	{
		Name: "generate/greedy",
		Doc:  "Temperature 0 gives the same answer every time.",
		Run:  checkGreedy,
	},
	{
		Name: "generate/tokens-prompt",
		Doc:  "A prompt of tokens is answered as the text that they stand for.",
		Run:  checkTokensPrompt,
	},
	{
		Name: "generate/stop-string",
		Doc:  "A stop string ends the answer before it, is told in Final, and is never emitted, whatever tokens it spans.",
		Run:  checkStopString,
	},
	{
		Name: "generate/stop-miss",
		Doc:  "Text that only begins like a stop string is emitted in the end.",
		Run:  checkStopMiss,
	},
	{
		Name: "generate/end-token",
		Doc:  "An end token ends the answer with reason stop, counts as a token and has no text unless KeepSpecial.",
		Run:  checkEndToken,
	},
	{
		Name: "generate/cache",
		Doc:  "A prompt that was computed before is told as cached, and changes nothing; NoCache neither reads nor leaves it.",
		Run:  checkCache,
	},
}

func checkEvents(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	prompt, err := m.tokenize(ctx, env.prompt(), true, false)
	if err != nil {
		return err
	}
	for _, n := range []int{1, 2, 24} {
		a, err := m.ask(ctx, m.greedy(n))
		if err != nil {
			return err
		}
		switch {
		case a.final.Reason != backend.FinishLength || len(a.tokens) != n:
			return fmt.Errorf("%d tokens asked: %d came, reason %q", n, len(a.tokens), a.final.Reason)
		case a.prompt.Tokens != len(prompt):
			return fmt.Errorf("the prompt has %d tokens, Prompt tells %d", len(prompt), a.prompt.Tokens)
		}
	}
	return nil
}

func checkText(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	req := m.greedy(48)
	req.KeepSpecial = true
	a, err := m.ask(ctx, req)
	if err != nil {
		return err
	}
	piece, err := env.Backend.Detokenize(ctx, m.id, a.tokens)
	if err != nil {
		return err
	}
	whole := strings.ToValidUTF8(string(piece), "\uFFFD") // the answer may end inside a character
	if strings.TrimRight(a.text, "\uFFFD") != strings.TrimRight(whole, "\uFFFD") {
		return fmt.Errorf("text %q, its tokens are %q", a.text, piece)
	}
	return nil
}

func checkGreedy(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	once, err := m.ask(ctx, m.greedy(24))
	if err != nil {
		return err
	}
	again, err := m.ask(ctx, m.greedy(24))
	if err != nil {
		return err
	}
	return env.same(once, again)
}

func checkTokensPrompt(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	text, err := m.ask(ctx, m.greedy(16))
	if err != nil {
		return err
	}
	tokens, err := m.tokenize(ctx, env.prompt(), true, false)
	if err != nil {
		return err
	}
	req := m.greedy(16)
	req.Prompt = backend.Prompt{Tokens: tokens}
	a, err := m.ask(ctx, req)
	if err != nil {
		return err
	}
	return env.same(text, a)
}

// acrossTokens returns a piece of an answer's text that spans at least two of its tokens.
func (m *model) acrossTokens(ctx context.Context, a answer) (string, error) {
	for n := len(a.tokens) / 2; n < len(a.tokens)-1; n++ {
		head, err := m.env.Backend.Detokenize(ctx, m.id, a.tokens[:n])
		if err != nil {
			return "", err
		}
		at := len(head)
		if at < 2 || at+2 > len(a.text) || !isASCII(a.text[at-2:at+2]) {
			continue
		}
		if stop := a.text[at-2 : at+2]; strings.HasPrefix(a.text, string(head)) {
			return stop, nil
		}
	}
	return "", &SkipError{Reason: "the model's answer has no plain text across two tokens"}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 126 || r < 9 })
}

func checkStopString(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	whole, err := m.ask(ctx, m.greedy(32))
	if err != nil {
		return err
	}
	stop, err := m.acrossTokens(ctx, whole)
	if err != nil {
		return err
	}
	req := m.greedy(32)
	req.Stop = []string{"never in the text \x01", stop}
	a, err := m.ask(ctx, req)
	if err != nil {
		return err
	}
	before, _, _ := strings.Cut(whole.text, stop)
	switch {
	case a.final.Reason != backend.FinishStop || a.final.StopString != stop:
		return fmt.Errorf("stop string %q in %q: reason %q, told %q", stop, whole.text, a.final.Reason, a.final.StopString)
	case a.text != before:
		return fmt.Errorf("stop string %q: the text is %q, want %q", stop, a.text, before)
	case len(a.tokens) > len(whole.tokens) || !slices.Equal(a.tokens, whole.tokens[:len(a.tokens)]):
		return fmt.Errorf("stop string %q: the tokens are %v, without it %v", stop, a.tokens, whole.tokens)
	}
	return nil
}

func checkStopMiss(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	whole, err := m.ask(ctx, m.greedy(32))
	if err != nil {
		return err
	}
	part, err := m.acrossTokens(ctx, whole)
	if err != nil {
		return err
	}
	req := m.greedy(32)
	req.Stop = []string{part + "\x01", whole.text + "\x01"}
	a, err := m.ask(ctx, req)
	if err != nil {
		return err
	}
	if a.final.Reason != backend.FinishLength || a.final.StopString != "" {
		return fmt.Errorf("reason %q, stop string %q", a.final.Reason, a.final.StopString)
	}
	return env.same(whole, a)
}

func checkEndToken(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	end := m.info.EndTokens[0]
	for _, keep := range []bool{false, true} {
		req := m.greedy(8)
		req.KeepSpecial = keep
		req.Sampling = backend.Sampling{LogitBias: map[backend.Token]float32{end: 100}}
		a, err := m.ask(ctx, req)
		if err != nil {
			return err
		}
		if a.final.Reason != backend.FinishStop || !slices.Equal(a.tokens, []backend.Token{end}) {
			return fmt.Errorf("end token %d at once: tokens %v, reason %q", end, a.tokens, a.final.Reason)
		}
		if !keep && a.text != "" {
			return fmt.Errorf("the end token has text %q", a.text)
		}
	}
	return nil
}

func checkCache(ctx context.Context, env *Env) error {
	return env.with(ctx, env.Options, func(m *model) error {
		alone, err := m.ask(ctx, m.greedy(12))
		if err != nil {
			return err
		}
		req := m.greedy(12)
		req.NoCache = false
		cold, err := m.ask(ctx, req)
		if err != nil {
			return err
		}
		warm, err := m.ask(ctx, req)
		if err != nil {
			return err
		}
		private, err := m.ask(ctx, m.greedy(12))
		if err != nil {
			return err
		}
		switch {
		case alone.prompt.Cached != 0 || private.prompt.Cached != 0:
			return fmt.Errorf("NoCache found %d and %d tokens cached", alone.prompt.Cached, private.prompt.Cached)
		case cold.prompt.Cached != 0:
			return fmt.Errorf("NoCache left %d tokens", cold.prompt.Cached)
		case warm.prompt.Cached < warm.prompt.Tokens/2:
			return fmt.Errorf("of %d tokens that were computed before, %d are cached", warm.prompt.Tokens, warm.prompt.Cached)
		}
		if err := env.same(alone, cold); err != nil {
			return err
		}
		return env.same(cold, warm)
	})
}
