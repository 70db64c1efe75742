package device

import (
	"sync"

	"github.com/gomlx/gomlx/pkg/core/graph"
)

// programs are those that a device has compiled, by name. They are kept: a model that is loaded again, or another of the
// same shape, compiles nothing.
type programs struct {
	mu    sync.Mutex
	known map[string]*Program
}

// Program returns the one of this name, and whether it was compiled just now. The name must say all that build depends on.
func (d *Device) Program(name string, inputs []Shape, build func(in []*graph.Node) []*graph.Node) (p *Program, compiled bool, err error) {
	d.programs.mu.Lock()
	defer d.programs.mu.Unlock()
	if p := d.programs.known[name]; p != nil {
		return p, false, nil
	}
	if p, err = d.compile(name, inputs, build); err != nil {
		return nil, false, err
	}
	if d.programs.known == nil {
		d.programs.known = map[string]*Program{}
	}
	d.programs.known[name] = p
	return p, true, nil
}
