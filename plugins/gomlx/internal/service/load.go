package service

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/decode/serving"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/vocab"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"
)

// Stages of loading.
var (
	stageVocabulary = serving.Stage{Name: "vocabulary"}
	stageWeights    = serving.Stage{Name: "weights", Begin: 0.05}
	stageContext    = serving.Stage{Name: "context", Begin: 0.40}
	stageCompile    = serving.Stage{Name: "compile", Begin: 0.42}
	stageWarmup     = serving.Stage{Name: "warmup", Begin: 0.95}
	stageDone       = serving.Stage{Name: "done", Begin: 1}
)

// loaded is what a model is made of.
type loaded struct {
	info     backend.ModelInfo
	codec    *kv.Codec // nil: none is bound
	file     *weights.File
	config   arch.Config
	device   *device.Device
	vocab    *vocab.Vocabulary
	model    *model.Model
	exec     *executor.Executor
	attached *engine.Attached // nil: no drafter
	engine   *engine.Engine
}

// loader opens a model file and makes it ready to generate.
func loader(log *slog.Logger) serving.Loader {
	return func(ctx context.Context, req backend.LoadRequest, progress *serving.Progress) (*serving.Model, error) {
		start := time.Now()
		if err := check(req.Options, req.Bindings); err != nil {
			return nil, err
		}
		l := &loaded{}
		if err := l.open(ctx, req, progress, log); err != nil {
			l.free()
			return nil, err
		}
		log.Info("model loaded", "id", req.ID, "file", filepath.Base(req.Path), "architecture", l.info.Architecture,
			"device", l.device.String(), "weights", l.info.Options.Extra[keyWeights], "programs", l.exec.Programs(),
			"compiled", l.exec.Compiled(), "bytes", l.info.Memory.Total(), "took_ms", time.Since(start).Milliseconds())
		return &serving.Model{Info: l.info, Vocabulary: l.vocab, Engine: l.engine, Drafter: l.attached, Compiled: l.exec.Compiled, Free: l.free}, nil
	}
}

// open does the loading. The caller frees what it took, also after an error.
func (l *loaded) open(ctx context.Context, req backend.LoadRequest, progress *serving.Progress, log *slog.Logger) (err error) {
	if req.Bindings.Codec != nil {
		// First of all: the ticket is not good for long.
		if l.codec, err = kv.Dial(ctx, req.Bindings.Codec); err != nil {
			return err
		}
	}
	if err := progress.Enter(ctx, stageVocabulary); err != nil {
		return err
	}
	if l.file, err = openFile(req.Path); err != nil {
		return err
	}
	if l.config, err = arch.Read(l.file); err != nil {
		return err
	}
	if l.vocab, err = vocab.New(l.file); err != nil {
		return err
	}
	if l.device, err = openDevice(req.Options, log); err != nil {
		return err
	}
	options, err := resolve(req.Options, l.config.TrainContext, l.device)
	if err != nil {
		return err
	}
	if options.Cache, err = req.Options.Cache.Resolve(l.codec != nil); err != nil {
		return err
	}
	if err := l.prepare(ctx, &options, progress, log); err != nil {
		return err
	}
	if err := l.start(ctx, req, options, log); err != nil {
		return err
	}
	l.info = l.describe(options)
	return progress.Enter(ctx, stageDone)
}

// openDevice finds a PJRT plugin. Without one models run in pure Go, which is good for trying only and is said.
func openDevice(o backend.LoadOptions, log *slog.Logger) (*device.Device, error) {
	path := o.Extra[keyPlugin]
	if path == noPlugin {
		return device.Open("", 0)
	}
	if path = device.Find(path); path == "" {
		log.Warn("no PJRT plugin was found: the model runs in pure Go, which is slow",
			"advice", "run `make pjrt`, or name a plugin's file in extra.pjrt of the channel or in "+device.EnvPlugin)
	}
	return device.Open(path, o.Threads)
}

// prepare reads the weights and compiles.
func (l *loaded) prepare(ctx context.Context, o *backend.LoadOptions, progress *serving.Progress, log *slog.Logger) (err error) {
	if err := progress.Enter(ctx, stageWeights); err != nil {
		return err
	}
	kept := model.Options{Weights: model.Kinds[o.Extra[keyWeights]], Cache: cacheKind(l.device)}
	if err := l.reside(ctx, o, &kept, log); err != nil {
		return err
	}
	l.model, err = model.Load(ctx, l.file, l.device, l.config, kept, func(f float32) {
		progress.Within(stageWeights, stageContext, f)
	})
	if err != nil {
		return err
	}
	if l.model.Net.Vocabulary != l.vocab.Size() {
		return fmt.Errorf("%w: embeddings of %d tokens, of %d in the vocabulary", backend.ErrModelFile, l.model.Net.Vocabulary, l.vocab.Size())
	}
	if err := progress.Enter(ctx, stageContext); err != nil {
		return err
	}
	if l.exec, err = executor.New(l.model, executorOptions(*o)); err != nil {
		return err
	}
	if err := l.act(ctx, o.Cache); err != nil {
		return err
	}
	if err := progress.Enter(ctx, stageCompile); err != nil {
		return err
	}
	err = l.exec.Compile(func(f float32) error {
		progress.Within(stageCompile, stageWarmup, f)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if err := progress.Enter(ctx, stageWarmup); err != nil {
		return err
	}
	if err := l.exec.Warm(0); err != nil {
		return fmt.Errorf("first step: %w", err)
	}
	device.Trim()
	return ctx.Err()
}

// start joins the drafter, if there is one, and starts the token loop.
func (l *loaded) start(ctx context.Context, req backend.LoadRequest, o backend.LoadOptions, log *slog.Logger) (err error) {
	options := serving.EngineOptions(o, log)
	if req.Bindings.Drafter != nil {
		l.attached, err = engine.AttachDrafter(ctx, req.Bindings.Drafter, drafter.Target{
			Architecture: l.config.Name,
			Name:         l.file.Text("general.name"),
			Path:         req.Path,
			Vocabulary:   l.vocab.Size(),
			Layers:       l.config.Layers,
			Width:        l.config.Width,
			Context:      o.Context,
			Sessions:     o.Parallel,
			EndTokens:    l.vocab.Ends(),
		})
		if err != nil {
			return err
		}
		options.Drafter = l.attached.Drafter()
	}
	l.engine, err = engine.New(l.exec, l.vocab, options)
	return err
}

// free gives back what the model took. It is called once, when its engine has ended.
func (l *loaded) free() {
	if l.attached != nil {
		_ = l.attached.Close() // a drafter that is gone has nothing to free
	}
	if l.exec != nil {
		l.exec.Close()
	}
	if l.model != nil {
		l.model.Free()
	}
	if l.file != nil {
		_ = l.file.Close() // it was only read
	}
	if l.codec != nil {
		_ = l.codec.Close() // there is nothing left to do for it
	}
}
