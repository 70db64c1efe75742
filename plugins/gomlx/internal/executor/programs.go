package executor

import (
	"fmt"
	"sync/atomic"

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
)

// programs are those of all shapes that steps are computed in.
type programs struct {
	model                 *model.Model
	tokens, blocks, heads []int                 // sizes, ascending
	groups                []group               // of consecutive layers, which a program computes together
	layers                [][][]*device.Program // [groups][tokens][blocks]
	enters                [][]*device.Program   // [groups][tokens], with a live codec: of layers the first part, of which layers has the second
	head                  []*device.Program     // [heads]
	cells                 int                   // blocks of the cache
	movers                movers
	compiled              atomic.Int64
}

func newPrograms(m *model.Model, o Options) *programs {
	size := groupSize(m.Net.Layers, mostLayers)
	if !m.Device.Shares() {
		size = groupSize(m.Net.Layers, mostLayersGPU)
	}
	p := &programs{
		model:  m,
		tokens: tokenBuckets(o.Batch),
		blocks: blockBuckets(o.Cells, m.Device.Compiles()),
		heads:  tokenBuckets(min(o.Batch, maxOutputs)),
		groups: groups(m, size),
		cells:  o.Cells / net.Block,
	}
	if o.Tokens != nil {
		p.tokens, p.heads = o.Tokens, o.Tokens
	}
	if o.Blocks != nil {
		p.blocks = o.Blocks
	}
	return p
}

// group are consecutive layers, of each of which kinds says what it is.
type group struct {
	first int
	kinds []net.Kind
}

// Programs compute so many layers at most. Calling one costs, above all as XLA's threads fall asleep between two, and on a
// GPU a round trip; but a program of more takes longer to compile.
const (
	mostLayers    = 6
	mostLayersGPU = 12
)

// groupSize is how many layers programs compute: a number that leaves no rest, if there is one that is not much smaller.
func groupSize(layers, most int) int {
	for n := most; n > most/2; n-- {
		if layers%n == 0 {
			return n
		}
	}
	return most
}

// groups are all layers. Those of one size whose layers are of the same kinds have the same programs. None mixes packed
// layers with others.
func groups(m *model.Model, size int) (all []group) {
	for layer := range m.Net.Layers {
		kind := net.Kind{Local: m.Net.Local(layer), Packed: m.Packs(layer)}
		if n := len(all) - 1; n >= 0 && len(all[n].kinds) < size && all[n].kinds[0].Packed == kind.Packed {
			all[n].kinds = append(all[n].kinds, kind)
		} else {
			all = append(all, group{layer, []net.Kind{kind}})
		}
	}
	return all
}

func (p *programs) compile(progress func(done float32) error) error {
	done, all := 0, len(p.groups)*len(p.tokens)*len(p.blocks)+len(p.heads)
	step := func() error {
		done++
		return progress(float32(done) / float32(all))
	}
	for i, g := range p.groups {
		var sizes [][]*device.Program
		for _, t := range p.tokens {
			if p.enters != nil {
				enter, err := p.counted(p.model.Net.Enter(p.model.Device, t, p.blocks[0], g.kinds[0]))
				if err != nil {
					return err
				}
				p.enters[i] = append(p.enters[i], enter)
			}
			var row []*device.Program
			for _, n := range p.blocks {
				program, err := p.counted(p.layer(t, n, g))
				if err != nil {
					return err
				}
				row = append(row, program)
				if err := step(); err != nil {
					return err
				}
			}
			sizes = append(sizes, row)
		}
		p.layers = append(p.layers, sizes)
	}
	if err := p.compileMovers(); err != nil {
		return err
	}
	for _, r := range p.heads {
		program, err := p.counted(p.model.Net.Head(p.model.Device, r))
		if err != nil {
			return err
		}
		p.head = append(p.head, program)
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// layer compiles a group, or with a live codec the second part of its one layer.
func (p *programs) layer(t, n int, g group) (*device.Program, bool, error) {
	if p.enters != nil {
		return p.model.Net.Leave(p.model.Device, t, n, p.cells, g.kinds[0])
	}
	return p.model.Net.Group(p.model.Device, t, n, p.cells, g.kinds)
}

// split makes each layer two programs.
func (p *programs) split() {
	p.groups = groups(p.model, 1)
	p.enters = make([][]*device.Program, len(p.groups))
}

// counted counts a program that was compiled just now.
func (p *programs) counted(program *device.Program, compiled bool, err error) (*device.Program, error) {
	if compiled {
		p.compiled.Add(1)
	}
	return program, err
}

// count is how many programs steps choose from. Groups of the same kinds have the same.
func (p *programs) count() int {
	distinct := map[string]bool{}
	for _, g := range p.groups {
		distinct[fmt.Sprint(g.kinds)] = true
	}
	each := len(p.tokens) * len(p.blocks)
	if p.enters != nil {
		each += len(p.tokens)
	}
	return len(distinct)*each + len(p.heads)
}
