package backendtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

var limitChecks = []Check{
	{
		Name: "limits/context-full",
		Doc:  "A prompt that leaves no room for a token is a ContextFullError with both sizes, before any event.",
		Run:  checkContextFull,
	},
	{
		Name: "limits/context-end",
		Doc:  "An answer that fills the context ends with reason length, at the last token that fits.",
		Run:  checkContextEnd,
	},
	{
		Name: "limits/busy",
		Doc:  "With all slots taken and the queue full, Generate is ErrBusy at once; who waits is served.",
		Run:  checkBusy,
	},
}

const smallContext = 128

func (e *Env) small() backend.LoadOptions {
	o := e.Options
	o.Context, o.CacheTokens, o.Parallel = smallContext, 0, 1
	return o
}

// fill is a prompt of n tokens.
func (m *model) fill(ctx context.Context, n int) (backend.Prompt, error) {
	tokens, err := m.tokenize(ctx, m.env.prompt(), true, false)
	if err != nil {
		return backend.Prompt{}, err
	}
	for len(tokens) < n {
		tokens = append(tokens, tokens[1:]...)
	}
	return backend.Prompt{Tokens: tokens[:n]}, nil
}

func checkContextFull(ctx context.Context, env *Env) error {
	return env.with(ctx, env.small(), func(m *model) error {
		for _, n := range []int{smallContext, smallContext + 37} {
			prompt, err := m.fill(ctx, n)
			if err != nil {
				return err
			}
			req := m.greedy(4)
			req.Prompt = prompt
			events := 0
			err = env.Backend.Generate(ctx, req, func(backend.Event) error { events++; return nil })
			var full *backend.ContextFullError
			switch {
			case !errors.As(err, &full) || !errors.Is(err, backend.ErrContextFull):
				return fmt.Errorf("a prompt of %d tokens in a context of %d: %w", n, smallContext, expect(err, backend.ErrContextFull, "generate"))
			case full.Requested != n+1 || full.Available != smallContext:
				return fmt.Errorf("a prompt of %d tokens in a context of %d: the error says %d and %d", n, smallContext, full.Requested, full.Available)
			case events > 0:
				return fmt.Errorf("%d events came before the error", events)
			}
		}
		return nil
	})
}

func checkContextEnd(ctx context.Context, env *Env) error {
	return env.with(ctx, env.small(), func(m *model) error {
		for _, left := range []int{1, 9} {
			prompt, err := m.fill(ctx, smallContext-left)
			if err != nil {
				return err
			}
			req := m.greedy(0)
			req.Prompt = prompt
			a, err := m.ask(ctx, req)
			if err != nil {
				return err
			}
			if a.final.Reason != backend.FinishLength || len(a.tokens) != left {
				return fmt.Errorf("room for %d tokens: %d came, reason %q", left, len(a.tokens), a.final.Reason)
			}
		}
		return nil
	})
}

func checkBusy(ctx context.Context, env *Env) error {
	o := env.slow()
	o.Parallel, o.Queue = 1, 1
	return env.with(ctx, o, func(m *model) error {
		running, err := m.start(ctx, m.greedy(0))
		if err != nil {
			return err
		}
		defer running.end()
		waiting := m.begin(ctx, m.greedy(2))
		defer waiting.end()
		if err := m.until(ctx, "one request waits", func(s backend.Stats) bool { return s.Waiting == 1 }); err != nil {
			return err
		}
		_, err = m.ask(ctx, m.greedy(2))
		if wrong := expect(err, base.ErrBusy, "a third request"); wrong != nil {
			return wrong
		}
		if err := expect(running.stop(), context.Canceled, "cancel the first"); err != nil {
			return err
		}
		if err := waiting.wait(); err != nil {
			return fmt.Errorf("the request that waited: %w", err)
		}
		return nil
	})
}
