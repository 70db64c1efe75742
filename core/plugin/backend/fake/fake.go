// Package fake is a backend without a model, for tests and benchmarks of everything above a
// backend. It keeps the whole contract, deterministically and at no cost, and it misbehaves when
// told to: see [Config] and [ModelConfig].
//
// # Models
//
// Any file is a model. One that begins with "{" holds a [ModelConfig] as JSON, LoadOptions.Extra
// overrides it key by key, and Config.Model is what both start from. Vocabulary and distribution
// are the same for all models: the next token is a pure function of the tokens before it, so that
// Generate, Score and the log-probabilities agree. ModelConfig.Answer, Echo and AnswerTokens set
// the distribution aside, as does a constraint.
//
// # Constraints
//
// The fake answers a JSON schema with a small instance of it, and a grammar with its first
// choice. It understands a grammar of one rule, root, of alternatives that are string literals;
// any other is ErrUnsupported, unless ModelConfig.Answer is there to be taken at its word.
//
// # Parking
//
// A session's pages hold what the language model knows after them, and a restored prompt is
// answered from that.
//
// # As a process
//
// The main in kakeya-backend-fake serves it; the environment variable [EnvConfig] holds a Config.
package fake

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Name of the plugin.
const Name = "fake"

// Backend is the fake. Make one with [New].
type Backend struct {
	*base.Self
	config Config

	mu     sync.Mutex
	models map[backend.ModelID]*model // nil while loading
}

var _ backend.Backend = (*Backend)(nil)

// New makes a fake without models.
func New(c Config) *Backend {
	info := base.Info{
		Kind:    base.KindBackend,
		Name:    Name,
		Version: "1",
		Capabilities: []base.Capability{
			backend.CapEmbed, backend.CapScore, backend.CapDistributions, backend.CapGrammar, backend.CapCodec, backend.CapPages,
		},
		Description: "answers without a model, for tests",
	}
	if c.Start == "kind" {
		info.Kind = base.KindCodec
	}
	return &Backend{Self: base.NewSelf(info), config: c, models: make(map[backend.ModelID]*model)}
}

// Health implements [base.Plugin].
func (b *Backend) Health(ctx context.Context) (base.Health, error) {
	switch b.config.Health {
	case "hang":
		<-ctx.Done()
		return base.Health{}, ctx.Err()
	case "bad":
		return base.Health{Message: "told to feel bad"}, nil
	}
	return b.Self.Health(ctx)
}

// LoadModel implements [backend.Backend].
func (b *Backend) LoadModel(ctx context.Context, req backend.LoadRequest, progress func(backend.LoadProgress)) (backend.ModelInfo, error) {
	if err := b.reserve(req.ID); err != nil {
		return backend.ModelInfo{}, err
	}
	m, err := b.load(ctx, req, progress)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		delete(b.models, req.ID)
		return backend.ModelInfo{}, fmt.Errorf("load model %q: %w", req.ID, err)
	}
	b.models[req.ID] = m
	if m.lies(LieModel) {
		return backend.ModelInfo{Options: m.info.Options}, nil
	}
	return m.info, nil
}

func (b *Backend) reserve(id backend.ModelID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id == "" {
		return fmt.Errorf("load model: id: %w: it is empty", base.ErrInvalid)
	}
	if _, taken := b.models[id]; taken {
		return fmt.Errorf("load model %q: %w", id, base.ErrExists)
	}
	b.models[id] = nil
	return nil
}

func (b *Backend) load(ctx context.Context, req backend.LoadRequest, progress func(backend.LoadProgress)) (*model, error) {
	config := b.config.Model
	size, err := config.readModelFile(req.Path)
	if err != nil {
		return nil, err
	}
	if err := config.readExtra(req.Options.Extra); err != nil {
		return nil, err
	}
	if err := req.Options.Validate(); err != nil {
		return nil, err
	}
	cache, err := req.Options.Cache.Resolve(req.Bindings.Codec != nil)
	if err != nil {
		return nil, err
	}
	if req.Bindings.Drafter != nil {
		return nil, fmt.Errorf("drafter: %w: the fake has no use for one", base.ErrUnsupported)
	}
	bound, err := bindCodec(ctx, req.Bindings.Codec)
	if err != nil {
		return nil, err
	}
	if err := takeTime(ctx, config, progress); err != nil {
		bound.close()
		return nil, err
	}
	return newModel(config, req, cache, bound, size, b.config.Exit), nil
}

// loadSteps is how many times progress is told.
const loadSteps = 10

func takeTime(ctx context.Context, c ModelConfig, progress func(backend.LoadProgress)) error {
	switch c.LoadError {
	case "file":
		return fmt.Errorf("%w: told to fail", backend.ErrModelFile)
	case "memory":
		return fmt.Errorf("%w: told to fail", base.ErrOutOfMemory)
	case "unsupported":
		return fmt.Errorf("%w: told to fail", base.ErrUnsupported)
	case "panic":
		panic("told to panic")
	}
	if c.Hang == "load" && first(c.Once) {
		<-ctx.Done()
		return ctx.Err()
	}
	start := time.Now()
	for i := range loadSteps + 1 {
		if progress != nil {
			progress(backend.LoadProgress{Stage: "weights", Fraction: float32(i) / loadSteps})
		}
		if i == loadSteps {
			break
		}
		if err := waitUntil(ctx, start.Add(time.Duration(c.Load)*time.Duration(i+1)/loadSteps)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// UnloadModel implements [backend.Backend].
func (b *Backend) UnloadModel(_ context.Context, id backend.ModelID) error {
	b.mu.Lock()
	m := b.models[id]
	if m != nil {
		delete(b.models, id)
	}
	b.mu.Unlock()
	if m == nil {
		return fmt.Errorf("unload model %q: %w", id, backend.ErrModelNotLoaded)
	}
	m.close()
	return nil
}

// model finds a loaded one.
func (b *Backend) model(id backend.ModelID) (*model, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m := b.models[id]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("model %q: %w", id, backend.ErrModelNotLoaded)
}

// Tokenize implements [backend.Backend].
func (b *Backend) Tokenize(ctx context.Context, req backend.TokenizeRequest) ([]backend.Token, error) {
	m, err := b.model(req.Model)
	if err == nil {
		err = m.hang(ctx, "tokenize")
	}
	if err != nil {
		return nil, err
	}
	if m.lies(LieTokenize) {
		return []backend.Token{-1}, nil
	}
	return vocabulary.tokenize(req.Text, req.AddSpecial, req.ParseSpecial), nil
}

// Detokenize implements [backend.Backend].
func (b *Backend) Detokenize(_ context.Context, id backend.ModelID, tokens []backend.Token) ([]byte, error) {
	if _, err := b.model(id); err != nil {
		return nil, err
	}
	if err := vocabulary.check("tokens", tokens); err != nil {
		return nil, err
	}
	var out []byte
	for _, t := range tokens {
		out = append(out, vocabulary.pieces[t]...)
	}
	return out, nil
}

// Stats implements [backend.Backend].
func (b *Backend) Stats(ctx context.Context, id backend.ModelID) (backend.Stats, error) {
	m, err := b.model(id)
	if err != nil {
		return backend.Stats{}, err
	}
	if m.config.Hang == "stats" {
		<-ctx.Done()
		return backend.Stats{}, context.Cause(ctx)
	}
	return m.slots.snapshot(), nil
}
