package router

import (
	"fmt"
	"sync"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// gates count the open requests of channels that limit them, by name. The zero value is ready.
type gates struct {
	mu   sync.Mutex
	open map[string]int
}

// gate is one request's place. A nil gate is the place of a channel without a limit.
type gate struct {
	gates *gates
	name  string
}

// enter takes a place, or says base.ErrBusy.
func (g *gates) enter(c *channel.Channel) (*gate, error) {
	limit := c.Limits.Queue
	if limit <= 0 {
		return nil, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[c.Name] >= limit {
		return nil, fmt.Errorf("%w: the channel %q serves %d requests at a time", base.ErrBusy, c.Name, limit)
	}
	if g.open == nil {
		g.open = map[string]int{}
	}
	g.open[c.Name]++
	return &gate{gates: g, name: c.Name}, nil
}

// leave gives the place back.
func (p *gate) leave() {
	if p == nil {
		return
	}
	p.gates.mu.Lock()
	defer p.gates.mu.Unlock()
	if p.gates.open[p.name]--; p.gates.open[p.name] == 0 {
		delete(p.gates.open, p.name)
	}
}
