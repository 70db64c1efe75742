package router

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/session"
)

// shelf is where the pages of a loaded model are kept. Safe for concurrent use.
type shelf struct {
	store *session.Store
	pager backend.Pager
	model string // file and all else that changes its KV, for session.Identity
	codec string // what its pages are
	worth worth
}

// newShelf returns nil when the model does not park. file is its fingerprint.
func (r *Router) newShelf(c *channel.Channel, m *model, file string) *shelf {
	if m.strict.pager == nil || r.sessions == nil || m.info.PageFormat == "" {
		return nil
	}
	return &shelf{store: r.sessions, pager: m.strict, model: file, codec: c.Backend + " " + m.info.PageFormat}
}

func (s *shelf) identity(scope string) session.Identity {
	return session.Identity{Model: s.model, Codec: s.codec, Scope: scope}
}

// collect takes the model's pages as long as it lives, and calls opened when it does or when it cannot. When the
// backend cannot go on handing them over the model works on, and what it computes is not kept.
func (r *Router) collect(key string, m *model, opened func()) {
	defer opened()
	ctx, stop := context.WithCancel(m.life)
	defer stop()
	defer context.AfterFunc(r.ctx, stop)()
	err := m.shelf.pager.ExportPages(ctx, m.id, opened, func(p backend.Page) error {
		if err := m.shelf.put(ctx, p); err != nil {
			r.log.Warn("a page is not kept", "model", key, "error", err)
		}
		return nil
	})
	err = m.blame(err)
	switch {
	case ctx.Err() != nil, errors.Is(err, backend.ErrModelNotLoaded):
	case errors.Is(err, base.ErrPluginGone):
		select {
		case <-m.instance.Gone:
		case <-m.life.Done():
		case <-time.After(goneTime):
			m.end(err) // a link was cut, though both its ends live
		}
	default:
		r.log.Error("what this model computes is not kept any more", "model", key, "error", err)
	}
}

// put keeps a page that the backend handed over.
func (s *shelf) put(ctx context.Context, p backend.Page) error {
	n := len(p.Tokens) / session.PageTokens
	if n == 0 || len(p.Tokens)%session.PageTokens != 0 {
		return fmt.Errorf("a page after %d tokens: %w", len(p.Tokens), base.ErrInvalid)
	}
	page := session.Page{
		Identity: s.identity(p.Scope),
		Tokens:   p.Tokens[(n-1)*session.PageTokens:],
		Data:     p.Data,
		Nominal:  p.Nominal,
	}
	if n > 1 {
		page.Parent = session.Keys(page.Identity, p.Tokens)[n-2]
	}
	return s.store.Put(ctx, page)
}

// park packs what a model that is about to be unloaded holds, and returns when it is kept. It takes
// part of the time that the context gives.
func (r *Router) park(ctx context.Context, key string, m *model) {
	if m.shelf == nil || m.life.Err() != nil {
		return
	}
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)*2/3)
		defer cancel()
	}
	if err := m.shelf.pager.ParkModel(ctx, m.id); err != nil {
		r.log.Warn("a model is unloaded before all that it holds is kept", "model", key, "error", err)
	}
}

// restored is what was brought back for a prompt.
type restored struct {
	tokens int // 0: nothing
	took   time.Duration
}

// restore brings back what is kept of the request's prompt, so that Generate finds it like any other
// prefix, and leaves the prompt as tokens. Whatever goes wrong with it but the end of the context
// or of the model is only logged: the prompt is computed.
func (c *Call) restore(ctx context.Context, g *backend.GenerateRequest) (restored, error) {
	none := restored{}
	s := c.lease.Value().shelf
	if s == nil || g.NoCache || g.Prompt.Tokens == nil && len(g.Prompt.Text) < session.PageTokens {
		return none, nil // no token is shorter than a byte
	}
	if g.Prompt.Tokens == nil {
		tokens, err := c.Tokenize(ctx, g.Prompt.Text, g.Prompt.AddSpecial, g.Prompt.ParseSpecial)
		if err != nil || len(tokens) == 0 {
			return none, err
		}
		g.Prompt = backend.Prompt{Tokens: tokens}
	}
	tokens := g.Prompt.Tokens
	if len(tokens) <= session.PageTokens {
		return none, nil // the last one is always computed
	}
	prefix, err := s.store.Lookup(ctx, s.identity(c.scope), tokens[:len(tokens)-1])
	if err != nil {
		c.router.log.Warn("cannot look for what is kept of a prompt", "channel", c.channel.Name, "error", err)
		return none, nil
	}
	defer prefix.Release()
	if prefix.Pages() == 0 || !s.worth.restoring() {
		return none, nil
	}
	return c.bringBack(ctx, s, tokens, prefix)
}

// bringBack hands pages of the prompt to the backend.
func (c *Call) bringBack(ctx context.Context, s *shelf, tokens []backend.Token, prefix *session.Prefix) (restored, error) {
	ctx, done := c.bound(ctx)
	defer done()
	began := time.Now()
	result, err := s.pager.ImportPages(ctx, backend.ImportRequest{
		Model: c.lease.Value().id, Scope: c.scope, Tokens: tokens, Available: prefix.Pages(),
	}, func(i int) ([]byte, error) { return prefix.Page(ctx, i) })
	out := restored{tokens: result.Restored * session.PageTokens, took: time.Since(began)}
	s.worth.restored(result.Restored, out.took)
	var bad *backend.PageError
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil, errors.Is(err, base.ErrPluginGone), errors.Is(err, backend.ErrModelNotLoaded):
		return out, c.failure(ctx, err)
	case errors.As(err, &bad) && bad.Page >= 0 && bad.Page < prefix.Pages() && errors.Is(err, base.ErrCorrupt):
		prefix.Drop(bad.Page)
	}
	c.router.log.Warn("a prompt is only partly restored; the rest is computed", "channel", c.channel.Name,
		"pages", result.Restored, "of", prefix.Pages(), "error", err)
	return out, nil
}

// Parked is what is kept for a scope, of all models.
type Parked struct {
	Pages          int
	Bytes, Nominal int64 // packed, and in f16
}

// Parked is what is kept for a scope.
func (r *Router) Parked(scope string) (out Parked) {
	if r.sessions == nil {
		return out
	}
	for _, g := range r.sessions.Stats().Groups {
		if g.Identity.Scope == scope {
			out.Pages, out.Bytes, out.Nominal = out.Pages+g.Pages, out.Bytes+g.Bytes, out.Nominal+g.Nominal
		}
	}
	return out
}

// Forget drops what is kept for a scope.
func (r *Router) Forget(ctx context.Context, scope string) error {
	if r.sessions == nil {
		return nil
	}
	_, err := r.sessions.Drop(ctx, func(id session.Identity) bool { return id.Scope == scope })
	return err
}

// Parks says whether anything is kept at all.
func (r *Router) Parks() bool { return r.sessions != nil }
