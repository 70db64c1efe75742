package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/kv"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/vocab"
)

// Stages of loading, and the fraction of the whole at which each begins.
var (
	stageWeights    = stage{"weights", 0}
	stageVocabulary = stage{"vocabulary", 0.80}
	stageContext    = stage{"context", 0.85}
	stageWarmup     = stage{"warmup", 0.90}
	stageDone       = stage{"done", 1}
)

type stage struct {
	name  string
	begin float32
}

// load opens a model file and makes it ready to generate.
func load(ctx context.Context, req backend.LoadRequest, progress func(backend.LoadProgress), log *slog.Logger) (*model, error) {
	start := time.Now()
	if err := check(req.Options, req.Bindings); err != nil {
		return nil, err
	}
	if err := checkFile(req.Path); err != nil {
		return nil, err
	}
	m := &model{}
	if err := m.open(ctx, req, &reporter{progress: progress}, log); err != nil {
		m.free()
		return nil, err
	}
	log.Info("model loaded", "id", req.ID, "file", filepath.Base(req.Path), "architecture", m.info.Architecture,
		"quantization", m.info.Quantization, "bytes", m.info.Memory.Total(), "took_ms", time.Since(start).Milliseconds())
	return m, nil
}

// open does the loading. The caller frees the model, also after an error.
func (m *model) open(ctx context.Context, req backend.LoadRequest, report *reporter, log *slog.Logger) (err error) {
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
	report.enter(stageDone)
	return nil
}

// checkFile reads the file's head, so that what is wrong with it can be said in plain words.
func checkFile(path string) error {
	if !filepath.IsAbs(path) {
		return invalid("path", "%q is not absolute", path)
	}
	_, err := gguf.ReadFile(path)
	var advice string
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		advice = "there is no such file: fetch it, or correct the path"
	case errors.Is(err, gguf.ErrTruncated):
		advice = "the download did not finish: fetch the file again"
	case errors.Is(err, gguf.ErrNotGGUF), errors.Is(err, gguf.ErrVersion):
		advice = "this backend reads GGUF files of version 2 and 3: convert the model"
	default:
		advice = "check the file, or fetch it again"
	}
	return fmt.Errorf("%w %s: %w (%s)", backend.ErrModelFile, path, err, advice)
}

func loadWeights(ctx context.Context, req backend.LoadRequest, report *reporter) (*binding.Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	layers := req.Options.GPULayers
	if layers < 0 {
		layers = binding.AllLayers
	}
	report.enter(stageWeights)
	weights, err := binding.LoadModel(req.Path, binding.ModelParams{
		GPULayers: layers,
		NoMmap:    req.Options.NoMmap,
		Progress: func(fraction float32) bool {
			report.within(stageWeights, stageVocabulary, fraction)
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
func (m *model) prepare(ctx context.Context, req backend.LoadRequest, report *reporter, log *slog.Logger) error {
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
	if err := enter(ctx, report, stageVocabulary); err != nil {
		return err
	}
	m.vocab = vocab.New(m.weights)
	m.ranks = t.ranks

	if err := enter(ctx, report, stageContext); err != nil {
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

	if err := enter(ctx, report, stageWarmup); err != nil {
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
	m.engine, err = engine.New(m.exec, m.vocab, engine.Options{
		Context:      options.Context,
		Parallel:     options.Parallel,
		Batch:        options.Batch,
		PrefillChunk: options.PrefillChunk,
		Queue:        options.Queue,
		Drafter:      m.drafter(),
		Log:          log,
		ParkAfter:    options.Cache.ParkAfter,
		DeliverEvery: engine.DeliverEvery,
	})
	if err != nil {
		return err
	}
	m.info = m.describe(t, options)
	return nil
}

func enter(ctx context.Context, report *reporter, s stage) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	report.enter(s)
	return nil
}

// reporter passes progress on and never lets a fraction fall.
type reporter struct {
	progress func(backend.LoadProgress)
	last     float32
}

func (r *reporter) enter(s stage) { r.report(s.name, s.begin) }

// within reports a fraction of a stage that ends where next begins.
func (r *reporter) within(s, next stage, fraction float32) {
	r.report(s.name, s.begin+fraction*(next.begin-s.begin))
}

func (r *reporter) report(name string, fraction float32) {
	r.last = min(max(r.last, fraction), 1)
	if r.progress != nil {
		r.progress(backend.LoadProgress{Stage: name, Fraction: r.last})
	}
}
