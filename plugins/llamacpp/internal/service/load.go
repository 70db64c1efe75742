package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/decode/serving"
	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/vocab"
)

// Stages of loading.
var (
	stageWeights    = serving.Stage{Name: "weights"}
	stageVocabulary = serving.Stage{Name: "vocabulary", Begin: 0.80}
	stageContext    = serving.Stage{Name: "context", Begin: 0.85}
	stageWarmup     = serving.Stage{Name: "warmup", Begin: 0.90}
	stageDone       = serving.Stage{Name: "done", Begin: 1}
)

// loader opens a model file and makes it ready to generate.
func loader(log *slog.Logger) serving.Loader {
	return func(ctx context.Context, req backend.LoadRequest, progress *serving.Progress) (*serving.Model, error) {
		start := time.Now()
		if err := check(req.Options, req.Bindings); err != nil {
			return nil, err
		}
		if err := checkFile(req.Path); err != nil {
			return nil, err
		}
		m := &model{}
		if err := m.open(ctx, req, progress, log); err != nil {
			m.free()
			return nil, err
		}
		log.Info("model loaded", "id", req.ID, "file", filepath.Base(req.Path), "architecture", m.info.Architecture,
			"quantization", m.info.Quantization, "bytes", m.info.Memory.Total(), "took_ms", time.Since(start).Milliseconds())
		return &serving.Model{Info: m.info, Vocabulary: m.vocab, Engine: m.engine, Drafter: m.attached, Ranks: m.ranks, Free: m.free}, nil
	}
}

// open does the loading. The caller frees the model, also after an error.
func (m *model) open(ctx context.Context, req backend.LoadRequest, report *serving.Progress, log *slog.Logger) (err error) {
	if req.Bindings.Codec != nil {
		// First of all: the ticket is not good for long.
		if m.codec, err = kv.Dial(ctx, req.Bindings.Codec); err != nil {
			return err
		}
	}
	if m.weights, err = loadWeights(ctx, req, report); err != nil {
		return err
	}
	if err := m.prepare(ctx, req, report, log); err != nil {
		return err
	}
	return report.Enter(ctx, stageDone)
}

// checkFile reads the file's head, so that what is wrong with it can be said in plain words.
func checkFile(path string) error {
	if !filepath.IsAbs(path) {
		return invalid("path", "%q is not absolute", path)
	}
	if _, err := gguf.ReadFile(path); err != nil {
		return fmt.Errorf("%w %s: %w (%s)", backend.ErrModelFile, path, err, gguf.Advice(err))
	}
	return nil
}

func loadWeights(ctx context.Context, req backend.LoadRequest, report *serving.Progress) (*binding.Model, error) {
	if err := report.Enter(ctx, stageWeights); err != nil {
		return nil, err
	}
	layers := req.Options.GPULayers
	if layers < 0 {
		layers = binding.AllLayers
	}
	weights, err := binding.LoadModel(req.Path, binding.ModelParams{
		GPULayers: layers,
		NoMmap:    req.Options.NoMmap,
		Progress: func(fraction float32) bool {
			report.Within(stageWeights, stageVocabulary, fraction)
			return ctx.Err() == nil
		},
	})
	switch {
	case errors.Is(err, binding.ErrStopped):
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w %s: %w (the file is damaged, or newer than this build's llama.cpp)", backend.ErrModelFile, req.Path, err)
	}
	return weights, nil
}

// prepare makes what a model needs beside its weights.
func (m *model) prepare(ctx context.Context, req backend.LoadRequest, report *serving.Progress, log *slog.Logger) error {
	t, err := traitsOf(m.weights)
	if err != nil {
		return err
	}
	options, err := resolve(req.Options, t)
	if err != nil {
		return err
	}
	if options.Cache, err = req.Options.Cache.Resolve(m.codec != nil); err != nil {
		return err
	}
	if err := report.Enter(ctx, stageVocabulary); err != nil {
		return err
	}
	m.vocab = vocab.New(m.weights)
	m.ranks = t.ranks

	if err := report.Enter(ctx, stageContext); err != nil {
		return err
	}
	if err := checkRoom(options, t); err != nil {
		return err
	}
	if err := m.checkCodec(t); err != nil {
		return err
	}
	x := executorOptions(options, t)
	x.Live = m.live(t, options.Cache)
	x.Hidden = req.Bindings.Drafter != nil
	if m.exec, err = executor.New(m.weights, x); err != nil {
		return err
	}
	if err := m.park(ctx, t, &options.Cache); err != nil {
		return err
	}

	if err := report.Enter(ctx, stageWarmup); err != nil {
		return err
	}
	if err := m.exec.Warm(t.firstToken); err != nil {
		return fmt.Errorf("first step: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if req.Bindings.Drafter != nil {
		if err := m.attach(ctx, req, t, options); err != nil {
			return err
		}
	}
	loop := serving.EngineOptions(options, log)
	loop.Drafter = m.drafter()
	m.engine, err = engine.New(m.exec, m.vocab, loop)
	if err != nil {
		return err
	}
	m.info = m.describe(t, options)
	return nil
}
