package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

var infoChecks = []Check{
	{
		Name: "info/identity",
		Doc:  "Info tells kind, name, version and the API version, and never changes.",
		Run:  checkInfo,
	},
	{
		Name: "info/health",
		Doc:  "A backend that can be asked is OK, and its uptime grows.",
		Run:  checkHealth,
	},
	{
		Name: "info/unknown-model",
		Doc:  "Every method that names a model says ErrModelNotLoaded for one that is not loaded.",
		Run:  checkUnknownModel,
	},
}

func checkInfo(ctx context.Context, env *Env) error {
	info, err := env.Backend.Info(ctx)
	if err != nil {
		return err
	}
	if err := info.Check(base.KindBackend); err != nil {
		return err
	}
	if info.Name == "" || info.Version == "" {
		return fmt.Errorf("name %q and version %q must not be empty", info.Name, info.Version)
	}
	again, err := env.Backend.Info(ctx)
	if err != nil {
		return err
	}
	if info.Name != again.Name || info.Version != again.Version || !slices.Equal(info.Capabilities, again.Capabilities) {
		return fmt.Errorf("info changed from %+v to %+v", info, again)
	}
	return nil
}

func checkHealth(ctx context.Context, env *Env) error {
	before, err := env.Backend.Health(ctx)
	if err != nil {
		return err
	}
	after, err := env.Backend.Health(ctx)
	if err != nil {
		return err
	}
	switch {
	case !before.OK || !after.OK:
		return fmt.Errorf("not OK: %q %q", before.Message, after.Message)
	case before.Uptime <= 0 || after.Uptime < before.Uptime:
		return fmt.Errorf("uptime went from %v to %v", before.Uptime, after.Uptime)
	case after.RSS < 0:
		return fmt.Errorf("resident memory of %d bytes", after.RSS)
	}
	return nil
}

func checkUnknownModel(ctx context.Context, env *Env) error {
	const id = backend.ModelID("never-loaded")
	b := env.Backend
	prompt := backend.Prompt{Text: "text"}
	_, tokenize := b.Tokenize(ctx, backend.TokenizeRequest{Model: id, Text: "text"})
	_, detokenize := b.Detokenize(ctx, id, []backend.Token{1})
	generate := b.Generate(ctx, backend.GenerateRequest{Model: id, Prompt: prompt}, func(backend.Event) error { return nil })
	_, stats := b.Stats(ctx, id)
	wrong := []error{
		expect(b.UnloadModel(ctx, id), backend.ErrModelNotLoaded, "unload"),
		expect(tokenize, backend.ErrModelNotLoaded, "tokenize"),
		expect(detokenize, backend.ErrModelNotLoaded, "detokenize"),
		expect(generate, backend.ErrModelNotLoaded, "generate"),
		expect(stats, backend.ErrModelNotLoaded, "stats"),
	}
	if env.need(ctx, backend.CapEmbed) == nil {
		_, err := b.Embed(ctx, backend.EmbedRequest{Model: id, Inputs: []backend.Prompt{prompt}})
		wrong = append(wrong, expect(err, backend.ErrModelNotLoaded, "embed"))
	}
	if env.need(ctx, backend.CapScore) == nil {
		_, err := b.Score(ctx, backend.ScoreRequest{Model: id, Tokens: []backend.Token{1, 2}, From: 1})
		wrong = append(wrong, expect(err, backend.ErrModelNotLoaded, "score"))
	}
	return errors.Join(wrong...)
}
