package draftmodel

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/compute"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
)

// Drafter implements [drafter.Drafter].
type Drafter struct{ *base.Self }

// New starts llama.cpp's backends.
func New(version string) *Drafter {
	binding.Start()
	return &Drafter{base.NewSelf(base.Info{
		Kind:         base.KindDrafter,
		Name:         "draft",
		Version:      version,
		Capabilities: []base.Capability{drafter.CapSample},
		Description:  "a smaller GGUF model of the same vocabulary writes ahead, through llama.cpp",
	})}
}

const (
	chunk = 64  // most tokens of a text that are read in one proposal
	batch = 512 // most of one step
)

// Attach implements [drafter.Drafter]: it loads the draft model.
func (d *Drafter) Attach(ctx context.Context, target drafter.Target, p drafter.Params) (drafter.Attachment, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := target.Validate(); err != nil {
		return nil, err
	}
	settings, err := parse(p, target)
	if err != nil {
		return nil, err
	}
	if err := sameVocabulary(settings.model, target); err != nil {
		return nil, err
	}
	model, err := binding.LoadModel(settings.model, binding.ModelParams{
		Progress: func(float32) bool { return ctx.Err() == nil },
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", keyModel, base.ErrInvalid, err)
	}
	if model.Recurrent() || model.HasEncoder() || model.Diffusion() || model.VocabularySize() != target.Vocabulary {
		model.Free()
		return nil, fmt.Errorf("%s: %w: %s cannot draft: it must generate from left to right over a KV cache", keyModel, base.ErrUnsupported, settings.model)
	}
	context := min(target.Context+drafter.MaxProposal, max(model.Shape().TrainContext, chunk))
	x, err := executor.New(model, executor.Options{
		Cells:     context * min(target.Sessions, 4),
		Batch:     batch,
		Sequences: target.Sessions,
		Threads:   compute.Threads{Count: settings.threads},
		Flash:     binding.FlashAuto,
		K:         binding.KVF16,
		V:         binding.KVF16,
	})
	if err != nil {
		model.Free()
		return nil, fmt.Errorf("%w: %w", base.ErrOutOfMemory, err)
	}
	a := &attachment{target: target, params: settings, model: model, exec: x, context: context}
	for i := range target.Sessions {
		a.free = append(a.free, int32(i))
	}
	return a, nil
}
