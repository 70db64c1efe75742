package conformance

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/backendtest"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/core/plugin/drafter/draftertest"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// The ways to a plugin.
const (
	byGRPC = "gRPC" // the host's
	byLink = "link" // a backend's: shared memory
)

// refused is the error of a plugin that does not take what it is given to be tested with: there is nothing to check
// then. Other errors are for the checks to find.
func refused(err error) error {
	if errors.Is(err, base.ErrInvalid) || errors.Is(err, base.ErrUnsupported) || errors.Is(err, backend.ErrModelFile) {
		return fmt.Errorf("not tested, as the plugin refuses what it is given: %w", err)
	}
	return nil
}

func (r *run) codec(ctx context.Context) error {
	env := codectest.Env{
		Codec: r.instance.Codec, Params: r.options.Params, HeadDims: r.options.HeadDims, Types: r.options.Types,
		Patience: r.options.Patience,
	}
	if err := refused(env.Try(ctx)); err != nil {
		return fmt.Errorf("%w\nparameters are given by --param NAME=VALUE, the vectors that it knows by --head-dim and --type", err)
	}
	r.codecChecks(ctx, byGRPC, &env)
	linked, ok := dial(ctx, r, codec.Dial)
	if !ok {
		return nil
	}
	env.Codec = linked
	r.codecChecks(ctx, byLink, &env)
	var err error
	if r.report.Passed() {
		err = r.measure(ctx, &env)
	}
	return errors.Join(err, linked.Close())
}

func (r *run) codecChecks(ctx context.Context, where string, env *codectest.Env) {
	codectest.RunAll(ctx, env, codectest.Checks(), func(result codectest.Result) {
		skipped, _ := result.Skipped()
		r.note(where, result.Check.Name, result.Check.Doc, result.Err, skipped)
	})
}

// measure fills in what the codec declares beside what was found, and its speed.
func (r *run) measure(ctx context.Context, env *codectest.Env) error {
	var err error
	if r.report.Pages, err = codectest.MeasurePages(ctx, env); err != nil {
		return err
	}
	if r.options.NoSpeed {
		return nil
	}
	r.report.Speeds, err = codectest.Speeds(ctx, env)
	return err
}

func (r *run) drafter(ctx context.Context) error {
	env := draftertest.Env{Drafter: r.instance.Drafter, Params: r.options.Params, Patience: r.options.Patience}
	if r.options.Model != "" {
		var err error
		if env.Target, err = targetOf(r.options.Model); err != nil {
			return err
		}
	}
	if err := refused(env.Try(ctx)); err != nil {
		return fmt.Errorf("%w\nthe model to draft for is given by --model FILE, parameters by --param NAME=VALUE", err)
	}
	r.drafterChecks(ctx, byGRPC, &env)
	linked, ok := dial(ctx, r, drafter.Dial)
	if !ok {
		return nil
	}
	env.Drafter = linked
	r.drafterChecks(ctx, byLink, &env)
	return linked.Close()
}

// How the target of a drafter is used, beside what its file says.
const (
	targetContext  = 1024
	targetSessions = 4
)

// targetOf is a model file as a backend tells drafters of it.
func targetOf(file string) (t drafter.Target, err error) {
	if file, err = filepath.Abs(file); err != nil {
		return t, err
	}
	head, err := gguf.ReadFile(file)
	if err != nil {
		return t, err
	}
	facts := head.Facts()
	t = drafter.Target{
		Architecture: facts.Architecture, Name: facts.Name, Path: file,
		Vocabulary: int(head.Lists["tokenizer.ggml.tokens"].Length), Layers: int(facts.Layers), Width: int(facts.Embedding),
		Context: targetContext, Sessions: targetSessions,
	}
	if end, ok := head.Integers["tokenizer.ggml.eos_token_id"]; ok {
		t.EndTokens = []drafter.Token{drafter.Token(end)}
	}
	return t, t.Validate()
}

func (r *run) drafterChecks(ctx context.Context, where string, env *draftertest.Env) {
	draftertest.RunAll(ctx, env, draftertest.Checks(), func(result draftertest.Result) {
		skipped, _ := result.Skipped()
		r.note(where, result.Check.Name, result.Check.Doc, result.Err, skipped)
	})
}

// dial binds to the plugin as a backend does. False: it could not be, which was noted.
func dial[T any](ctx context.Context, r *run, dial func(context.Context, link.Ticket, link.Options) (T, error)) (linked T, ok bool) {
	ticket, err := r.instance.Linker.OpenLink(ctx)
	if err == nil {
		linked, err = dial(ctx, ticket, link.Options{})
	}
	if errors.Is(err, base.ErrUnsupported) {
		err = fmt.Errorf("no backend can use this plugin on this system: %w", err)
	}
	r.note(byLink, "link/dial", "The plugin makes tickets, and lets in who has one.", err, "")
	return linked, err == nil
}

func (r *run) backend(ctx context.Context) error {
	if r.options.Model == "" {
		return errors.New("a backend is tested with a model: name its file by --model")
	}
	path, err := filepath.Abs(r.options.Model)
	if err != nil {
		return err
	}
	env := backendtest.Env{Backend: r.instance.Backend, Path: path, Patience: r.options.Patience}
	env.Options.Extra = r.options.Params
	if err := refused(env.Try(ctx)); err != nil {
		return fmt.Errorf("%w\nthe model is given by --model FILE, what goes into load.extra of a channel by --param NAME=VALUE", err)
	}
	return backendtest.RunAll(ctx, &env, backendtest.Checks(), func(result backendtest.Result) {
		skipped, _ := result.Skipped()
		r.note(byGRPC, result.Check.Name, result.Check.Doc, result.Err, skipped)
	})
}
