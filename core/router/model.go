package router

import (
	"maps"
	"sync"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/chat/answer"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// model is a loaded model. Safe for concurrent use.
type model struct {
	instance Instance
	id       backend.ModelID
	info     backend.ModelInfo
	guard    *chat.Guard

	mu        sync.Mutex
	templates map[string]*compiled // by source; "" is the model's own
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
