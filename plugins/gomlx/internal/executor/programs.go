package executor

import (
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
	head                  []*device.Program     // [heads]
	cells                 int                   // blocks of the cache
	compiled              atomic.Int64
}

func newPrograms(m *model.Model, o Options) *programs {
	p := &programs{
		model:  m,
		tokens: tokenBuckets(o.Batch),
		blocks: blockBuckets(o.Cells, m.Device.Compiles()),
		heads:  tokenBuckets(min(o.Batch, maxOutputs)),
		groups: groups(m),
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
func groups(m *model.Model) (all []group) {
	size := groupSize(m.Net.Layers, mostLayers)
	if !m.Device.Shares() {
		size = groupSize(m.Net.Layers, mostLayersGPU)
	}
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
	done, all := 0, p.count()
	step := func() error {
		done++
		return progress(float32(done) / float32(all))
	}
	for _, g := range p.groups {
		var sizes [][]*device.Program
		for _, t := range p.tokens {
			var row []*device.Program
			for _, n := range p.blocks {
				program, err := p.counted(p.model.Net.Group(p.model.Device, t, n, p.cells, g.kinds))
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

// counted counts a program that was compiled just now.
func (p *programs) counted(program *device.Program, compiled bool, err error) (*device.Program, error) {
	if compiled {
		p.compiled.Add(1)
	}
	return program, err
}

// count is how many programs steps choose from.
func (p *programs) count() int { return len(p.groups)*len(p.tokens)*len(p.blocks) + len(p.heads) }
