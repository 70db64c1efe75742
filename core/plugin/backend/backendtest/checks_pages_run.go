package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func checkNoPages(ctx context.Context, env *Env) error {
	pager, ok := env.Backend.(backend.Pager)
	if !ok {
		return &SkipError{Reason: "the backend is no Pager"}
	}
	o := env.Options
	o.Cache.ParkAfter = 0
	return env.with(ctx, o, func(m *model) error {
		if m.info.PageFormat != "" {
			return fmt.Errorf("page format %q without parking", m.info.PageFormat)
		}
		_, err := pager.ImportPages(ctx, backend.ImportRequest{Model: m.id}, nil)
		return errors.Join(
			expect(pager.ExportPages(ctx, m.id, nil, nil), base.ErrUnsupported, "export"),
			expect(pager.ParkModel(ctx, m.id), base.ErrUnsupported, "park"),
			expect(err, base.ErrUnsupported, "import"),
		)
	})
}

func checkCacheOptions(ctx context.Context, env *Env) error {
	if err := env.need(ctx, backend.CapPages); err != nil {
		return err
	}
	for field, change := range map[string]func(c *backend.CacheOptions){
		"cache.mode":       func(c *backend.CacheOptions) { c.Mode = "sometimes" },
		"cache.park_after": func(c *backend.CacheOptions) { c.ParkAfter = -1 },
		"cache.sinks":      func(c *backend.CacheOptions) { c.Sinks = -2 },
		"cache.recent":     func(c *backend.CacheOptions) { c.Recent = -1 },
	} {
		o := env.Options
		change(&o.Cache)
		_, err := env.load(ctx, o)
		if wrong := expectNaming(err, base.ErrInvalid, field); wrong != nil {
			return wrong
		}
	}
	o := env.Options
	o.Cache.Mode, o.Cache.Recent = backend.CacheLive, 0
	_, err := env.load(ctx, o)
	if wrong := expectNaming(err, base.ErrInvalid, "cache.mode"); wrong != nil {
		return fmt.Errorf("live without a codec: %w", wrong)
	}
	return env.with(ctx, env.parking(), func(m *model) error {
		want, err := env.parking().Cache.Resolve(false)
		if err == nil && m.info.Options.Cache != want {
			err = fmt.Errorf("cache options %+v, want %+v", m.info.Options.Cache, want)
		}
		return err
	})
}

func checkPark(ctx context.Context, env *Env) error {
	return env.withPages(ctx, env.parking(), func(m *model, x *export) error {
		req, err := m.long(ctx, 2, "")
		if err != nil {
			return err
		}
		if _, _, err := m.parked(ctx, x, req); err != nil {
			return err
		}
		again, err := x.park(ctx)
		if err == nil && len(again) > 0 {
			err = fmt.Errorf("%d pages were handed over twice", len(again))
		}
		if err != nil {
			return err
		}
		// The same beginning with another end: what it shares is not handed over again.
		if req, err = m.long(ctx, 4, ""); err != nil {
			return err
		}
		if _, err := m.ask(ctx, req); err != nil {
			return err
		}
		more, err := x.park(ctx)
		if err != nil {
			return err
		}
		if len(more) == 0 || len(more[0].Tokens) != 3*backend.PageTokens {
			return fmt.Errorf("after two pages of a session of four: %d more, want those from the third on", len(more))
		}
		s, err := env.Backend.Stats(ctx, m.id)
		if err == nil && (s.PagesPacked < int64(2+len(more)) || s.PackedBytes <= 0) {
			err = fmt.Errorf("stats tell of %d pages in %d bytes", s.PagesPacked, s.PackedBytes)
		}
		return err
	})
}

func checkIdle(ctx context.Context, env *Env) error {
	o := env.parking()
	o.Cache.ParkAfter = time.Millisecond
	return env.withPages(ctx, o, func(m *model, x *export) error {
		req, err := m.long(ctx, 2, "")
		if err != nil {
			return err
		}
		a, err := m.ask(ctx, req)
		if err != nil {
			return err
		}
		var pages []backend.Page
		for len(pages) < 2 {
			select {
			case p := <-x.pages:
				pages = append(pages, p)
			case <-x.done:
				return x.err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return checkPages(pages, "", slices.Concat(req.Prompt.Tokens, a.tokens))
	})
}

func checkGiveWay(ctx context.Context, env *Env) error {
	o := env.parking()
	o.Context, o.CacheTokens, o.Parallel = 512, 512, 1
	return env.withPages(ctx, o, func(m *model, x *export) error {
		req, err := m.long(ctx, 3, "")
		if err != nil {
			return err
		}
		if _, err := m.ask(ctx, req); err != nil {
			return err
		}
		for _, opening := range []string{"Another story.", "The third one.", "And the last."} {
			other, err := m.long(ctx, 6, opening)
			if err != nil {
				return err
			}
			if _, err := m.ask(ctx, other); err != nil {
				return err
			}
		}
		first := req.Prompt.Tokens[:backend.PageTokens]
		for {
			select {
			case p := <-x.pages:
				if slices.Equal(p.Tokens, first) {
					return nil
				}
			case <-x.done:
				return x.err
			case <-ctx.Done():
				return fmt.Errorf("the session whose cells were taken did not come: %w", ctx.Err())
			}
		}
	})
}

func checkRestore(ctx context.Context, env *Env) error {
	var (
		pages  []backend.Page
		before answer
		format string
		req    backend.GenerateRequest
	)
	err := env.withPages(ctx, env.parking(), func(m *model, x *export) (err error) {
		if req, err = m.long(ctx, 3, ""); err != nil {
			return err
		}
		format = m.info.PageFormat
		before, pages, err = m.parked(ctx, x, req)
		return err
	})
	if err != nil {
		return err
	}
	return env.withPages(ctx, env.parking(), func(m *model, x *export) error {
		if m.info.PageFormat != format {
			return fmt.Errorf("page format %q, of another load %q", m.info.PageFormat, format)
		}
		req.Model = m.id
		r, asked, err := m.restore(ctx, req, pages)
		if err != nil {
			return err
		}
		if r.Tokens != 3*backend.PageTokens || r.Restored != 3 || !slices.Equal(asked, []int{0, 1, 2}) {
			return fmt.Errorf("restored %+v by asking for %v of 3 pages", r, asked)
		}
		if again, err := x.park(ctx); err != nil || len(again) > 0 {
			return fmt.Errorf("restored pages were handed over: %d, %w", len(again), err)
		}
		after, err := m.ask(ctx, req)
		if err != nil {
			return err
		}
		if after.prompt.Cached < r.Tokens {
			return fmt.Errorf("%d tokens were restored, %d were cached", r.Tokens, after.prompt.Cached)
		}
		if err := env.same(before, after); err != nil {
			return fmt.Errorf("before parking and after: %w", err)
		}
		s, err := env.Backend.Stats(ctx, m.id)
		if err == nil && s.TokensRestored != int64(r.Tokens) {
			err = fmt.Errorf("stats tell of %d tokens restored, want %d", s.TokensRestored, r.Tokens)
		}
		return err
	})
}

func checkImportCached(ctx context.Context, env *Env) error {
	return env.withPages(ctx, env.parking(), func(m *model, x *export) error {
		req, err := m.long(ctx, 2, "")
		if err != nil {
			return err
		}
		_, pages, err := m.parked(ctx, x, req)
		if err != nil {
			return err
		}
		r, asked, err := m.restore(ctx, req, pages)
		if err != nil || len(asked) > 0 || r.Restored != 0 || r.Tokens < 2*backend.PageTokens {
			return fmt.Errorf("of a prompt that is cached, pages %v were asked for: %+v, %w", asked, r, err)
		}
		return env.with(ctx, env.parking(), func(m *model) error {
			whole := req
			whole.Prompt.Tokens = req.Prompt.Tokens[:2*backend.PageTokens]
			r, asked, err := m.restore(ctx, whole, pages)
			if err != nil || r.Tokens != backend.PageTokens || !slices.Equal(asked, []int{0}) {
				return fmt.Errorf("of a prompt of two pages, pages %v were asked for: %+v, %w", asked, r, err)
			}
			return nil
		})
	})
}

func checkLostPages(ctx context.Context, env *Env) error {
	return env.withPages(ctx, env.parking(), func(m *model, x *export) error {
		req, err := m.long(ctx, 3, "")
		if err != nil {
			return err
		}
		_, pages, err := m.parked(ctx, x, req)
		if err != nil {
			return err
		}
		if _, _, err := m.restore(ctx, req, pages[:1]); err != nil {
			return err
		}
		again, err := x.park(ctx)
		if err == nil && (len(again) != 2 || len(again[0].Tokens) != 2*backend.PageTokens) {
			err = fmt.Errorf("two of three pages were lost, %d came again", len(again))
		}
		return err
	})
}

func checkPrivate(ctx context.Context, env *Env) error {
	return env.withPages(ctx, env.parking(), func(m *model, x *export) error {
		req, err := m.long(ctx, 2, "")
		if err != nil {
			return err
		}
		req.NoCache = true
		if _, err := m.ask(ctx, req); err != nil {
			return err
		}
		pages, err := x.park(ctx)
		if err == nil && len(pages) > 0 {
			err = fmt.Errorf("%d pages of a private request", len(pages))
		}
		return err
	})
}

func checkExport(ctx context.Context, env *Env) error {
	if err := env.need(ctx, backend.CapPages); err != nil {
		return err
	}
	return env.with(ctx, env.parking(), func(m *model) error {
		refuse := errors.New("no room for it")
		x, err := m.export(ctx, func(backend.Page) error { return refuse })
		if err != nil {
			return err
		}
		defer x.close()
		if err := x.pager.ParkModel(ctx, m.id); err != nil {
			return fmt.Errorf("park nothing, as soon as the export is open: %w", err)
		}
		second := x.pager.ExportPages(ctx, m.id, func() {}, func(backend.Page) error { return nil })
		if wrong := expect(second, base.ErrBusy, "a second export"); wrong != nil {
			return wrong
		}
		req, err := m.long(ctx, 1, "")
		if err != nil {
			return err
		}
		if _, err := m.ask(ctx, req); err != nil {
			return err
		}
		if wrong := expect(x.pager.ParkModel(ctx, m.id), base.ErrInvalid, "park while the export ends"); wrong != nil {
			return wrong
		}
		if <-x.done; !errors.Is(x.err, refuse) {
			return fmt.Errorf("emit failed, the export says: %w", x.err)
		}
		if x, err = m.export(ctx, nil); err != nil {
			return err
		}
		pages, err := x.park(ctx)
		if err != nil {
			return err
		}
		if len(pages) == 0 {
			return errors.New("a page that emit refused did not come again")
		}
		x.close()
		if wrong := expect(x.err, context.Canceled, "cancel the export"); wrong != nil {
			return wrong
		}
		if x, err = m.export(ctx, nil); err != nil {
			return err
		}
		defer x.close()
		if err := env.Backend.UnloadModel(ctx, m.id); err != nil {
			return err
		}
		<-x.done
		return expect(x.err, backend.ErrModelNotLoaded, "unload during the export")
	})
}
