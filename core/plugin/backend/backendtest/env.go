package backendtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Env is what the checks work with. Only Backend and Path must be given. An Env serves one run.
type Env struct {
	Backend backend.Backend
	Path    string              // of a model that can generate
	Options backend.LoadOptions // to load it with; Context, Parallel and Queue are set by checks that need to

	// Slow are Extra options under which an answer of a few thousand tokens takes seconds, so
	// that a check can catch it in the middle. Empty: the model is slow enough as it is.
	Slow map[string]string

	Prompt   string        // "": a few English words that any model continues
	Patience time.Duration // most time of one check; 0: a minute

	// NearTie excuses a greedy answer that differs from another where, in the log-probabilities
	// of either, the two tokens are no further apart than this. Batches of other shapes round
	// differently. 0: answers are equal to the token.
	NearTie float64
	// LogprobError is by how much log-probabilities of the same token may differ when they were
	// computed in batches of other shapes. 0: 1e-4.
	LogprobError float64

	loaded *model
	count  int
	ties   int
}

// Ties counts the comparisons that a near tie excused.
func (e *Env) Ties() int { return e.ties }

func (e *Env) patience() time.Duration {
	if e.Patience > 0 {
		return e.Patience
	}
	return time.Minute
}

func (e *Env) prompt() string {
	if e.Prompt != "" {
		return e.Prompt
	}
	return "Once upon a time there was a small house at the end of a long road, and in it"
}

func (e *Env) logprobError() float64 { return max(e.LogprobError, 1e-4) }

// model is a loaded one.
type model struct {
	env  *Env
	id   backend.ModelID
	info backend.ModelInfo
}

// newID is unused by this Env.
func (e *Env) newID() backend.ModelID {
	e.count++
	return backend.ModelID(fmt.Sprintf("check-%d", e.count))
}

// model returns the one that checks share, which is loaded when first asked for.
func (e *Env) model(ctx context.Context) (*model, error) {
	if e.loaded != nil {
		return e.loaded, nil
	}
	m, err := e.load(ctx, e.Options)
	if err != nil {
		return nil, err
	}
	e.loaded = m
	return m, nil
}

func (e *Env) load(ctx context.Context, o backend.LoadOptions) (*model, error) {
	id := e.newID()
	info, err := e.Backend.LoadModel(ctx, backend.LoadRequest{ID: id, Path: e.Path, Options: o}, nil)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return &model{env: e, id: id, info: info}, nil
}

// Try tells whether the model can be loaded as the checks do it: its error is the backend's.
func (e *Env) Try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.patience())
	defer cancel()
	return e.with(ctx, e.Options, func(*model) error { return nil })
}

// with loads a model of its own for use, and unloads it after.
func (e *Env) with(ctx context.Context, o backend.LoadOptions, use func(m *model) error) (err error) {
	m, err := e.load(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.unload(ctx, m.id)) }()
	return use(m)
}

// unload frees a model that a check may have unloaded already, also after the check's time is up.
func (e *Env) unload(ctx context.Context, id backend.ModelID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.patience())
	defer cancel()
	err := e.Backend.UnloadModel(ctx, id)
	if errors.Is(err, backend.ErrModelNotLoaded) {
		return nil
	}
	return err
}

func (e *Env) close(ctx context.Context) error {
	if e.loaded == nil {
		return nil
	}
	err := e.unload(ctx, e.loaded.id)
	e.loaded = nil
	return err
}

// slow are options under which an answer lasts.
func (e *Env) slow() backend.LoadOptions {
	o := e.Options
	o.Extra = maps.Clone(o.Extra)
	for k, v := range e.Slow {
		if o.Extra == nil {
			o.Extra = make(map[string]string)
		}
		o.Extra[k] = v
	}
	return o
}
