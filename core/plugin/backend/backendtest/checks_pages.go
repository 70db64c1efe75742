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

var pageChecks = []Check{
	{
		Name: "pages/unsupported",
		Doc:  "A model that does not park has no PageFormat, and the methods of Pager are ErrUnsupported for it.",
		Run:  checkNoPages,
	},
	{
		Name: "pages/options",
		Doc:  "Cache options are resolved, and those that contradict themselves are ErrInvalid.",
		Run:  checkCacheOptions,
	},
	{
		Name: "pages/park",
		Doc:  "ParkModel hands over all whole pages of an idle session, in order, each with all tokens to its end, and once.",
		Run:  checkPark,
	},
	{
		Name: "pages/idle",
		Doc:  "A session that has been idle for ParkAfter is parked without being asked for.",
		Run:  checkIdle,
	},
	{
		Name: "pages/give-way",
		Doc:  "A session is parked before its cells are given to others.",
		Run:  checkGiveWay,
	},
	{
		Name: "pages/restore",
		Doc:  "Another load of the model restores pages: they are told as cached, the answer is the same, and they are not handed over again.",
		Run:  checkRestore,
	},
	{
		Name: "pages/cached",
		Doc:  "Pages that the cache holds are not asked for, and the last token of a prompt is never restored.",
		Run:  checkImportCached,
	},
	{
		Name: "pages/lost",
		Doc:  "Pages that the host says it has no more are handed over again.",
		Run:  checkLostPages,
	},
	{
		Name: "pages/corrupt",
		Doc:  "A page that is damaged, cut or of other tokens is a PageError with ErrCorrupt, and those before it stay restored.",
		Run:  checkCorruptPage,
	},
	{
		Name: "pages/missing",
		Doc:  "An error of the page function ends the import and is what it returns, and pages before it stay restored.",
		Run:  checkMissingPage,
	},
	{
		Name: "pages/scope",
		Doc:  "What was computed or restored in a scope is found in that scope alone.",
		Run:  checkScope,
	},
	{
		Name: "pages/private",
		Doc:  "A request with NoCache is not parked.",
		Run:  checkPrivate,
	},
	{
		Name: "pages/export",
		Doc:  "An export says once that it is open, and ParkModel works from then on; a second export is ErrBusy; one ends with emit's error, its context's, or ErrModelNotLoaded; what emit refused is handed over again.",
		Run:  checkExport,
	},
}

// parking are options under which sessions are parked, though not for being idle.
func (e *Env) parking() backend.LoadOptions {
	o := e.Options
	o.Cache.ParkAfter = time.Hour
	return o
}

// withPages loads a model that parks and takes its pages.
func (e *Env) withPages(ctx context.Context, o backend.LoadOptions, use func(m *model, x *export) error) error {
	if err := e.need(ctx, backend.CapPages); err != nil {
		return err
	}
	return e.with(ctx, o, func(m *model) error {
		if m.info.PageFormat == "" {
			return &SkipError{Reason: "this model does not park"}
		}
		x, err := m.export(ctx, nil)
		if err != nil {
			return err
		}
		defer x.close()
		return use(m, x)
	})
}

// export is a call of ExportPages under way.
type export struct {
	pager  backend.Pager
	model  *model
	cancel context.CancelFunc
	pages  chan backend.Page // as they come
	open   chan struct{}
	done   chan struct{}
	err    error
}

var errNoPager = errors.New("the backend announces pages and is no Pager")

// export begins a call; emit may refuse pages, and is nil otherwise. One that ended is still known to
// the backend for a moment.
func (m *model) export(ctx context.Context, emit func(backend.Page) error) (*export, error) {
	pager, ok := m.env.Backend.(backend.Pager)
	if !ok {
		return nil, errNoPager
	}
	for {
		x := m.exportOnce(ctx, pager, emit)
		select {
		case <-x.open:
			return x, nil
		case <-x.done:
			x.cancel()
			if !errors.Is(x.err, base.ErrBusy) {
				return nil, fmt.Errorf("the export ended at once: %w", x.err)
			}
		}
	}
}

func (m *model) exportOnce(ctx context.Context, pager backend.Pager, emit func(backend.Page) error) *export {
	ctx, cancel := context.WithCancel(ctx)
	x := &export{pager: pager, model: m, cancel: cancel, pages: make(chan backend.Page, 1<<10), open: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(x.done)
		x.err = pager.ExportPages(ctx, m.id, func() { close(x.open) }, func(p backend.Page) error {
			if emit != nil {
				if err := emit(p); err != nil {
					return err
				}
			}
			x.pages <- p
			return nil
		})
	}()
	return x
}

func (x *export) close() {
	x.cancel()
	<-x.done
}

// park returns what ParkModel made come.
func (x *export) park(ctx context.Context) ([]backend.Page, error) {
	if err := x.pager.ParkModel(ctx, x.model.id); err != nil {
		return nil, fmt.Errorf("park: %w", err)
	}
	return x.taken(), nil
}

// taken returns what has come.
func (x *export) taken() (pages []backend.Page) {
	for {
		select {
		case p := <-x.pages:
			pages = append(pages, p)
		default:
			return pages
		}
	}
}

// long is a request whose prompt has more than so many pages. It may be cached.
func (m *model) long(ctx context.Context, pages int, opening string) (backend.GenerateRequest, error) {
	req := m.greedy(4)
	req.NoCache = false
	text := opening
	for {
		tokens, err := m.tokenize(ctx, text, true, false)
		if err != nil {
			return req, err
		}
		if len(tokens) > pages*backend.PageTokens+backend.PageTokens/2 {
			req.Prompt = backend.Prompt{Tokens: tokens[:pages*backend.PageTokens+backend.PageTokens/2]}
			return req, nil
		}
		text += " " + m.env.prompt()
	}
}

// parked generates on a long prompt and returns its pages, which it holds to the rules.
func (m *model) parked(ctx context.Context, x *export, req backend.GenerateRequest) (answer, []backend.Page, error) {
	a, err := m.ask(ctx, req)
	if err != nil {
		return a, nil, err
	}
	pages, err := x.park(ctx)
	if err != nil {
		return a, nil, err
	}
	return a, pages, checkPages(pages, req.Scope, slices.Concat(req.Prompt.Tokens, a.tokens))
}

// checkPages wants the whole pages of the tokens, from the first. The last token drawn may be
// missing: it need not have been computed.
func checkPages(pages []backend.Page, scope string, tokens []backend.Token) error {
	if want := (len(tokens) - 1) / backend.PageTokens; len(pages) < want {
		return fmt.Errorf("%d pages of %d tokens, want %d", len(pages), len(tokens), want)
	}
	for i, p := range pages {
		n := (i + 1) * backend.PageTokens
		switch {
		case p.Scope != scope:
			return fmt.Errorf("page %d has scope %q, want %q", i, p.Scope, scope)
		case n > len(tokens) || !slices.Equal(p.Tokens, tokens[:n]):
			return fmt.Errorf("page %d has %d tokens, not the first %d of the session", i, len(p.Tokens), n)
		case len(p.Data) == 0 || p.Nominal <= 0:
			return fmt.Errorf("page %d has %d bytes, %d nominally", i, len(p.Data), p.Nominal)
		}
	}
	return nil
}

// from brings pages, and counts what was asked for.
func from(pages []backend.Page, asked *[]int) func(int) ([]byte, error) {
	return func(i int) ([]byte, error) {
		*asked = append(*asked, i)
		return pages[i].Data, nil
	}
}

func (m *model) restore(ctx context.Context, req backend.GenerateRequest, pages []backend.Page) (backend.ImportResult, []int, error) {
	var asked []int
	r, err := m.env.Backend.(backend.Pager).ImportPages(ctx, backend.ImportRequest{
		Model: m.id, Scope: req.Scope, Tokens: req.Prompt.Tokens, Available: len(pages),
	}, from(pages, &asked))
	return r, asked, err
}
