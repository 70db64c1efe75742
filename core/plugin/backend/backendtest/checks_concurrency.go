package backendtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

var concurrencyChecks = []Check{
	{
		Name: "concurrency/same-answer",
		Doc:  "A greedy answer is the same alone and among others, more than there are slots.",
		Run:  checkTogether,
	},
	{
		Name: "concurrency/cancel",
		Doc:  "Cancelling a request returns the context's error, emits nothing after, frees its slot and does not disturb others.",
		Run:  checkCancel,
	},
	{
		Name: "concurrency/cancel-waiting",
		Doc:  "A request that waits for a slot can be cancelled too.",
		Run:  checkCancelWaiting,
	},
	{
		Name: "concurrency/emit-error",
		Doc:  "An error of emit ends the request, is what Generate returns, and frees the slot.",
		Run:  checkEmitError,
	},
	{
		Name: "concurrency/unload",
		Doc:  "Unloading a model fails the requests that it serves with ErrModelNotLoaded.",
		Run:  checkUnload,
	},
}

func checkTogether(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	request := func(i int) backend.GenerateRequest {
		req := m.greedy(12 + i)
		req.Prompt.Text = fmt.Sprintf("Number %d. %s", i, env.prompt())
		return req
	}
	n := 2*m.info.Options.Parallel + 1
	alone := make([]answer, n)
	for i := range n {
		if alone[i], err = m.ask(ctx, request(i)); err != nil {
			return err
		}
	}
	together := make([]*running, n)
	for i := range n {
		together[i] = m.begin(ctx, request(i))
	}
	var wrong []error
	for i, r := range together {
		if err := r.wait(); err != nil {
			wrong = append(wrong, fmt.Errorf("request %d among others: %w", i, err))
		} else if err := env.same(alone[i], r.answer); err != nil {
			wrong = append(wrong, fmt.Errorf("request %d alone and among others: %w", i, err))
		}
		r.cancel()
	}
	return errors.Join(wrong...)
}

func checkCancel(ctx context.Context, env *Env) error {
	return env.with(ctx, env.slow(), func(m *model) error {
		alone, err := m.ask(ctx, m.greedy(16))
		if err != nil {
			return err
		}
		cancelled, err := m.start(ctx, m.greedy(0))
		if err != nil {
			return err
		}
		other, err := m.start(ctx, m.greedy(16))
		if err != nil {
			cancelled.end()
			return err
		}
		defer other.end()
		if err := expect(cancelled.stop(), context.Canceled, "cancel"); err != nil {
			return err
		}
		if err := other.wait(); err != nil {
			return fmt.Errorf("the other request: %w", err)
		}
		if err := env.same(alone, other.answer); err != nil {
			return fmt.Errorf("the other request: %w", err)
		}
		return m.until(ctx, "no request runs", idle)
	})
}

func idle(s backend.Stats) bool { return s.Active == 0 && s.Waiting == 0 }

func checkCancelWaiting(ctx context.Context, env *Env) error {
	o := env.slow()
	o.Parallel = 1
	return env.with(ctx, o, func(m *model) error {
		first, err := m.start(ctx, m.greedy(0))
		if err != nil {
			return err
		}
		defer first.end()
		waiting := m.begin(ctx, m.greedy(4))
		defer waiting.end()
		if err := m.until(ctx, "one request waits", func(s backend.Stats) bool { return s.Waiting == 1 }); err != nil {
			return err
		}
		if err := expect(waiting.stop(), context.Canceled, "cancel while waiting"); err != nil {
			return err
		}
		return m.until(ctx, "none waits", func(s backend.Stats) bool { return s.Waiting == 0 && s.Active == 1 })
	})
}

func checkEmitError(ctx context.Context, env *Env) error {
	boom := errors.New("emit failed")
	return env.with(ctx, env.slow(), func(m *model) error {
		tokens, after := 0, false
		_, err := m.askEach(ctx, m.greedy(0), func(e backend.Event) error {
			if after = tokens > 2; after {
				return errors.New("emit was called after it had failed")
			}
			if tokens += len(e.Tokens); tokens > 2 {
				return boom
			}
			return nil
		})
		if wrong := expect(err, boom, "generate"); wrong != nil {
			return wrong
		}
		if after {
			return errors.New("emit was called after it had failed")
		}
		if err := m.until(ctx, "no request runs", idle); err != nil {
			return err
		}
		_, err = m.ask(ctx, m.greedy(2))
		return err
	})
}

func checkUnload(ctx context.Context, env *Env) error {
	o := env.slow()
	o.Parallel = 1
	return env.with(ctx, o, func(m *model) error {
		serving, err := m.start(ctx, m.greedy(0))
		if err != nil {
			return err
		}
		defer serving.end()
		waiting := m.begin(ctx, m.greedy(2))
		defer waiting.end()
		if err := m.until(ctx, "one request waits", func(s backend.Stats) bool { return s.Waiting == 1 }); err != nil {
			return err
		}
		if err := env.Backend.UnloadModel(ctx, m.id); err != nil {
			return err
		}
		return errors.Join(
			expect(serving.wait(), backend.ErrModelNotLoaded, "the request that ran"),
			expect(waiting.wait(), backend.ErrModelNotLoaded, "the request that waited"),
		)
	})
}
