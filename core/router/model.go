package router

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/chat/answer"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// model is a loaded model. Safe for concurrent use.
type model struct {
	instance Instance
	strict   strict // the instance's backend
	backend  string // its name
	patience time.Duration
	id       backend.ModelID
	info     backend.ModelInfo
	guard    *chat.Guard
	bindings []*binding // under mu once it is loaded; their number stays
	shelf    *shelf     // of its pages; nil when it does not park

	life context.Context         // ends with the model; its cause is errUnloaded, or why it ended by itself
	end  context.CancelCauseFunc // the first cause counts
	gone chan struct{}           // closed when it has ended by itself and its memory is free

	mu        sync.Mutex
	templates map[string]*compiled // by source; "" is the model's own
}

// generations makes model ids unique: a model that is loaded again never meets its old self.
var generations atomic.Int64

// Why a model's life ends, beside the death of a plugin that it is bound to.
var (
	errUnloaded    = errors.New("unloaded")
	errBackendGone = errors.New("the backend's process has ended")
)

// newModel is a model that is about to be loaded.
func newModel(instance Instance, name, key string, patience time.Duration) *model {
	m := &model{
		instance: instance, backend: name, patience: patience, gone: make(chan struct{}),
		id: backend.ModelID(fmt.Sprintf("%s/%d", key, generations.Add(1))),
	}
	m.strict = strict{Backend: instance.Backend, m: m}
	m.strict.pager, _ = instance.Backend.(backend.Pager)
	m.life, m.end = context.WithCancelCause(context.Background())
	return m
}

// attend waits until a loaded model ends. One that ended by itself is unloaded, so that what it
// still served fails at once and its memory is free.
func (r *Router) attend(key string, m *model) {
	select {
	case <-m.instance.Gone:
		m.end(errBackendGone)
	case <-m.life.Done():
	case <-r.ctx.Done(): // the pool unloads it
		return
	}
	cause := context.Cause(m.life)
	if errors.Is(cause, errUnloaded) {
		return
	}
	r.models.remove(key, m)
	if !errors.Is(cause, errBackendGone) {
		r.log.Error("a model is lost", "model", key, "error", cause)
		ctx, cancel := context.WithTimeout(context.Background(), lostTime)
		defer cancel()
		if err := m.unload(ctx); err != nil {
			r.log.Warn("a model that is lost cannot be unloaded; its memory is taken to be free", "model", key, "error", err)
		}
	}
	close(m.gone)
}

// lostTime bounds the unloading of a model that is lost.
const lostTime = 10 * time.Second

// unload frees the model. That it is not there any more is no error.
func (m *model) unload(ctx context.Context) error {
	err := m.instance.UnloadModel(ctx, m.id)
	if err == nil || errors.Is(err, base.ErrPluginGone) || errors.Is(err, backend.ErrModelNotLoaded) {
		return nil
	}
	return fmt.Errorf("unload %q: %w", m.id, err)
}

// compiled is a template and what is known of it, or why there is none.
type compiled struct {
	template *chat.Template
	dialect  *answer.Dialect
	able     answer.Abilities
	thinks   bool
	err      error
}

// template returns the compiled form of a channel's own template, or of the model's when the
// source is empty. Each is compiled once.
func (m *model) template(source string) (*compiled, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.templates[source]; ok {
		return c, c.err
	}
	c := &compiled{}
	text := source
	if text == "" {
		text = m.info.ChatTemplate
	}
	if text == "" {
		text = chat.Default(m.info.Text)
	}
	if text == "" {
		c.err = &FieldError{Field: "model", Reason: "this model has no chat template; it can complete text at /v1/completions"}
	} else {
		c.template, c.err = chat.NewTemplate(text, m.info.Text)
	}
	if c.err == nil {
		c.dialect, c.able, c.thinks = answer.Detect(text), answer.AbilitiesOf(c.template), answer.Thinks(text)
	}
	if m.templates == nil {
		m.templates = map[string]*compiled{}
	}
	m.templates[source] = c
	return c, c.err
}

// registry remembers which channel each load key stands for, what it weighed, and what is
// loaded under it now.
type registry struct {
	mu       sync.Mutex
	channels map[string]*channel.Channel
	bytes    map[string]int64
	loaded   map[string]*model
}

func newRegistry() *registry {
	return &registry{
		channels: map[string]*channel.Channel{},
		bytes:    map[string]int64{},
		loaded:   map[string]*model{},
	}
}

// note remembers how to load what the channel needs.
func (g *registry) note(c *channel.Channel) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.channels[c.LoadKey()] = c
}

func (g *registry) noted() map[string]*channel.Channel {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.channels)
}

func (g *registry) channel(key string) *channel.Channel {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.channels[key]
}

// weight returns how many bytes the key took when it was last loaded, 0 when it never was.
func (g *registry) weight(key string) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bytes[key]
}

func (g *registry) add(key string, m *model) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.loaded[key], g.bytes[key] = m, m.info.Memory.Total()
}

// remove forgets that m is loaded, unless the key was loaded anew.
func (g *registry) remove(key string, m *model) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.loaded[key] == m {
		delete(g.loaded, key)
	}
}

func (g *registry) models() map[string]*model {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.loaded)
}
