package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// withParked parks a session of three pages, and hands them to a fresh load of the model.
func (e *Env) withParked(ctx context.Context, use func(m *model, req backend.GenerateRequest, before answer, pages []backend.Page) error) error {
	return e.withPages(ctx, e.parking(), func(m *model, x *export) error {
		req, err := m.long(ctx, 3, "")
		if err != nil {
			return err
		}
		before, pages, err := m.parked(ctx, x, req)
		if err != nil {
			return err
		}
		return e.with(ctx, e.parking(), func(m *model) error {
			req.Model = m.id
			return use(m, req, before, pages)
		})
	})
}

func checkCorruptPage(ctx context.Context, env *Env) error {
	return env.withParked(ctx, func(m *model, req backend.GenerateRequest, before answer, pages []backend.Page) error {
		damage := map[string]func(data []byte) []byte{
			"cut":      func(b []byte) []byte { return b[:len(b)-1] },
			"empty":    func([]byte) []byte { return nil },
			"foreign":  func([]byte) []byte { return []byte("this is no page, or of somebody else") },
			"extended": func(b []byte) []byte { return append(b, 0) },
		}
		for i := range 16 {
			damage[fmt.Sprintf("damaged at %d/16", i)] = func(b []byte) []byte {
				b[i*len(b)/16] ^= 1 << (i % 8)
				return b
			}
		}
		refused := func(what string, bad []backend.Page) error {
			req.Scope = what // so that nothing is cached
			r, _, err := m.restore(ctx, req, bad)
			if wrong := expect(err, base.ErrCorrupt, what); wrong != nil {
				return wrong
			}
			var page *backend.PageError
			if !errors.As(err, &page) || page.Page != 1 || r.Tokens != backend.PageTokens || r.Restored != 1 {
				return fmt.Errorf("page 1 is %s: %+v, %w", what, r, err)
			}
			after, err := m.ask(ctx, req)
			if err != nil {
				return err
			}
			if after.prompt.Cached < backend.PageTokens {
				return fmt.Errorf("page 1 is %s: %d tokens of page 0 are cached", what, after.prompt.Cached)
			}
			return env.same(before, after)
		}
		for what, change := range damage {
			bad := slices.Clone(pages)
			bad[1].Data = change(slices.Clone(bad[1].Data))
			if err := refused(what, bad); err != nil {
				return err
			}
		}
		return nil
	})
}

func checkMissingPage(ctx context.Context, env *Env) error {
	return env.withParked(ctx, func(m *model, req backend.GenerateRequest, before answer, pages []backend.Page) error {
		missing := errors.New("it is gone")
		pager := m.env.Backend.(backend.Pager)
		r, err := pager.ImportPages(ctx, backend.ImportRequest{
			Model: m.id, Tokens: req.Prompt.Tokens, Available: len(pages),
		}, func(i int) ([]byte, error) {
			if i == 2 {
				return nil, missing
			}
			return pages[i].Data, nil
		})
		if !errors.Is(err, missing) || r.Tokens != 2*backend.PageTokens || r.Restored != 2 {
			return fmt.Errorf("page 2 was missing: %+v, %w", r, err)
		}
		after, err := m.ask(ctx, req)
		if err != nil {
			return err
		}
		if after.prompt.Cached < r.Tokens {
			return fmt.Errorf("%d tokens were restored, %d are cached", r.Tokens, after.prompt.Cached)
		}
		return env.same(before, after)
	})
}

func checkScope(ctx context.Context, env *Env) error {
	return env.withParked(ctx, func(m *model, req backend.GenerateRequest, _ answer, pages []backend.Page) error {
		cached := func(scope string) (int, error) {
			req.Scope = scope
			a, err := m.ask(ctx, req)
			return a.prompt.Cached, err
		}
		x, err := m.export(ctx, nil)
		if err != nil {
			return err
		}
		defer x.close()
		req.Scope = "restored"
		if _, _, err := m.restore(ctx, req, pages); err != nil {
			return err
		}
		for _, step := range []struct {
			scope string
			some  bool
		}{
			{"restored", true}, {"computed", false}, {"computed", true}, {"", false}, {"", true},
		} {
			n, err := cached(step.scope)
			if err != nil {
				return err
			}
			if (n > 0) != step.some {
				return fmt.Errorf("scope %q finds %d tokens cached", step.scope, n)
			}
		}
		came, err := x.park(ctx)
		if err != nil {
			return err
		}
		scopes := map[string]bool{}
		for _, p := range came {
			scopes[p.Scope] = true
		}
		if scopes["restored"] || !scopes["computed"] || !scopes[""] {
			return fmt.Errorf("pages came of the scopes %v", scopes)
		}
		return nil
	})
}
