package fake

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// model is a loaded one. It counts the calls that use it, so that close can wait for them.
type model struct {
	config ModelConfig
	info   backend.ModelInfo
	slots  *slots
	codec  *bound
	exit   func()

	unloaded context.Context // done when the model is being unloaded
	unload   context.CancelFunc

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
}

// layers of all models.
const layers = 4

func newModel(c ModelConfig, req backend.LoadRequest, cache backend.CacheOptions, codec *bound, size int64, exit func()) *model {
	train := c.TrainContext
	if train == 0 {
		train = 8192
	}
	m := &model{config: c, codec: codec, exit: exit}
	m.unloaded, m.unload = context.WithCancel(context.Background())
	options := req.Options.WithDefaults(train)
	options.Cache = cache
	m.slots = newSlots(options)
	m.info = backend.ModelInfo{
		Architecture: "fake",
		Name:         filepath.Base(req.Path),
		Quantization: "F16",
		Parameters:   int64(vocabulary.size()) * candidates,
		Layers:       layers,
		Embedding:    embedWidth,
		Heads:        2,
		KVHeads:      1,
		HeadDim:      embedWidth / 2,
		Vocabulary:   vocabulary.size(),
		TrainContext: train,
		ChatTemplate: chatML,
		Special:      map[string]backend.Token{"bos": tokenBOS, "eos": tokenEOS, "eot": tokenEnd, "pad": tokenPad},
		Text:         map[string]string{"bos": "<s>", "eos": "</s>", "eot": "<|im_end|>", "pad": "<pad>"},
		Control:      specialTexts,
		EndTokens:    []backend.Token{tokenEOS, tokenEnd},
		AddBOS:       true,
		Generative:   true,
		Options:      options,
	}
	if cache.ParkAfter > 0 {
		m.info.PageFormat = pageFormat + codec.format()
	}
	switch c.ChatTemplate {
	case "":
	case "none":
		m.info.ChatTemplate = ""
	default:
		m.info.ChatTemplate = c.ChatTemplate
	}
	m.info.Memory = memory(c, options, size)
	return m
}

func memory(c ModelConfig, o backend.LoadOptions, size int64) backend.Memory {
	perToken := c.KVBytesPerToken
	if perToken == 0 {
		perToken = 1024
	}
	weights := c.Bytes
	if weights == 0 {
		weights = size
	}
	return backend.Memory{Weights: weights, KV: perToken * int64(o.CacheTokens), KVBytesPerToken: perToken}
}

// begin lets a call use the model. The context it returns ends with ctx and with the model; the
// call ends with done.
func (m *model) begin(ctx context.Context) (_ context.Context, done func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, nil, fmt.Errorf("model %q: %w", m.info.Name, backend.ErrModelNotLoaded)
	}
	m.calls.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(m.unloaded, func() {
		cancel(fmt.Errorf("model %q was unloaded: %w", m.info.Name, backend.ErrModelNotLoaded))
	})
	return ctx, func() {
		stop()
		cancel(nil)
		m.calls.Done()
	}, nil
}

// close fails the calls and waits for them.
func (m *model) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.unload()
	m.calls.Wait()
	m.codec.close()
}
