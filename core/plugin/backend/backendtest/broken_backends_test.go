package backendtest_test

import (
	"context"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

type (
	emitFunc     = func(backend.Event) error
	progressFunc = func(backend.LoadProgress)
)

// broken is a good backend with one promise broken.
type broken struct {
	backend.Backend
	load     func(good backend.Backend, ctx context.Context, req backend.LoadRequest, progress progressFunc) (backend.ModelInfo, error)
	generate func(good backend.Backend, ctx context.Context, req backend.GenerateRequest, emit emitFunc) error
	unload   func(good backend.Backend, ctx context.Context, id backend.ModelID) error
}

func (b *broken) LoadModel(ctx context.Context, req backend.LoadRequest, progress func(backend.LoadProgress)) (backend.ModelInfo, error) {
	if b.load == nil {
		return b.Backend.LoadModel(ctx, req, progress)
	}
	return b.load(b.Backend, ctx, req, progress)
}

func (b *broken) Generate(ctx context.Context, req backend.GenerateRequest, emit func(backend.Event) error) error {
	if b.generate == nil {
		return b.Backend.Generate(ctx, req, emit)
	}
	return b.generate(b.Backend, ctx, req, emit)
}

func (b *broken) UnloadModel(ctx context.Context, id backend.ModelID) error {
	if b.unload == nil {
		return b.Backend.UnloadModel(ctx, id)
	}
	return b.unload(b.Backend, ctx, id)
}

// onRequest breaks Generate by what it is asked.
func onRequest(change func(*backend.GenerateRequest)) *broken {
	return &broken{generate: func(good backend.Backend, ctx context.Context, req backend.GenerateRequest, emit emitFunc) error {
		change(&req)
		return good.Generate(ctx, req, emit)
	}}
}

// onEvent breaks Generate by what it answers.
func onEvent(change func(*backend.Event)) *broken {
	return &broken{generate: func(good backend.Backend, ctx context.Context, req backend.GenerateRequest, emit emitFunc) error {
		return good.Generate(ctx, req, func(e backend.Event) error {
			change(&e)
			return emit(e)
		})
	}}
}

// onFinal breaks what Final says.
func onFinal(change func(*backend.Final)) *broken {
	return onEvent(func(e *backend.Event) {
		if e.Final != nil {
			f := *e.Final
			change(&f)
			e.Final = &f
		}
	})
}

// onLoad breaks LoadModel by what it is asked.
func onLoad(change func(*backend.LoadRequest)) *broken {
	return &broken{load: func(good backend.Backend, ctx context.Context, req backend.LoadRequest, progress progressFunc) (backend.ModelInfo, error) {
		change(&req)
		return good.LoadModel(ctx, req, progress)
	}}
}

// onInfo breaks what LoadModel answers.
func onInfo(change func(*backend.ModelInfo)) *broken {
	return &broken{load: func(good backend.Backend, ctx context.Context, req backend.LoadRequest, progress progressFunc) (backend.ModelInfo, error) {
		info, err := good.LoadModel(ctx, req, progress)
		change(&info)
		return info, err
	}}
}

// tokenizer breaks what tokens are.
type tokenizer struct {
	broken
	detokenize func([]byte) []byte
	tokenize   func(*backend.TokenizeRequest)
}

func (b *tokenizer) Detokenize(ctx context.Context, id backend.ModelID, tokens []backend.Token) ([]byte, error) {
	text, err := b.Backend.Detokenize(ctx, id, tokens)
	return b.detokenize(text), err
}

func (b *tokenizer) Tokenize(ctx context.Context, req backend.TokenizeRequest) ([]backend.Token, error) {
	b.tokenize(&req)
	return b.Backend.Tokenize(ctx, req)
}

// redrafter takes any drafter for any model.
type redrafter struct{ broken }

func (*redrafter) Redraft(context.Context, backend.ModelID, backend.Link) error { return nil }

// evaluator breaks what is measured.
type evaluator struct{ broken }

func (b *evaluator) Score(ctx context.Context, req backend.ScoreRequest) (backend.ScoreResult, error) {
	r, err := b.Backend.Score(ctx, req)
	for i := range r.Tokens {
		r.Tokens[i].Logprob -= 0.01
		for j := range r.Tokens[i].Top {
			r.Tokens[i].Top[j].Logprob -= 0.01
		}
	}
	return r, err
}

func (b *evaluator) Embed(ctx context.Context, req backend.EmbedRequest) (backend.EmbedResult, error) {
	req.Normalize = false
	return b.Backend.Embed(ctx, req)
}

func (b *evaluator) Stats(ctx context.Context, id backend.ModelID) (backend.Stats, error) {
	s, err := b.Backend.Stats(ctx, id)
	s.OutputTokens *= 2
	return s, err
}

// pager breaks parking. It does not park at all where it breaks nothing.
type pager struct {
	broken
	early bool // says that an export is open before it is
	page  func(*backend.Page)
	park  func(good backend.Pager, ctx context.Context, id backend.ModelID) error
	bring func(*backend.ImportRequest)
	data  func(data []byte) ([]byte, error)
	end   func(error) error
}

func (b *pager) ExportPages(ctx context.Context, id backend.ModelID, opened func(), emit func(backend.Page) error) error {
	if b.early {
		opened()
		<-ctx.Done()
		return ctx.Err()
	}
	err := b.Backend.(backend.Pager).ExportPages(ctx, id, opened, func(p backend.Page) error {
		if b.page != nil {
			b.page(&p)
		}
		return emit(p)
	})
	if b.end != nil {
		return b.end(err)
	}
	return err
}

func (b *pager) ParkModel(ctx context.Context, id backend.ModelID) error {
	if b.park != nil {
		return b.park(b.Backend.(backend.Pager), ctx, id)
	}
	return b.Backend.(backend.Pager).ParkModel(ctx, id)
}

func (b *pager) ImportPages(ctx context.Context, req backend.ImportRequest, page func(int) ([]byte, error)) (backend.ImportResult, error) {
	if b.bring != nil {
		b.bring(&req)
	}
	return b.Backend.(backend.Pager).ImportPages(ctx, req, func(i int) ([]byte, error) {
		data, err := page(i)
		if err == nil && b.data != nil {
			return b.data(data)
		}
		return data, err
	})
}

// breaking makes a pager that breaks Generate or LoadModel.
func breaking(b *broken) *pager { return &pager{broken: *b} }

func (b *evaluator) Health(context.Context) (base.Health, error) { return base.Health{OK: true}, nil }

func (b *evaluator) Info(ctx context.Context) (base.Info, error) {
	info, err := b.Backend.Info(ctx)
	info.Version = ""
	return info, err
}
