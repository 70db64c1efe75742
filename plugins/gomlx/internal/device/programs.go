package device

import (
	"sync"
	"sync/atomic"

	"github.com/gomlx/gomlx/pkg/core/graph"
)

// programs are those that a device has compiled, by name. They are kept: a model that is loaded again, or another of the
// same shape, compiles nothing.
type programs struct {
	mu       sync.Mutex
	known    map[string]*Program
	compiled atomic.Int64
}

// Program returns the one of this name, compiled now unless it was before. The name must say all that build depends on.
func (d *Device) Program(name string, inputs []Shape, build func(in []*graph.Node) []*graph.Node) (*Program, error) {
	d.programs.mu.Lock()
	defer d.programs.mu.Unlock()
	if p := d.programs.known[name]; p != nil {
		return p, nil
	}
	p, err := d.compile(name, inputs, build)
	if err != nil {
		return nil, err
	}
	if d.programs.known == nil {
		d.programs.known = map[string]*Program{}
	}
	d.programs.known[name] = p
	d.programs.compiled.Add(1)
	return p, nil
}

// Compiled is how many programs the device has compiled.
func (d *Device) Compiled() int64 { return d.programs.compiled.Load() }
