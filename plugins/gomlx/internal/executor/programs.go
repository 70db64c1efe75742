package executor

import (
"fmt"
"os"
	"sync/atomic"

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
)

// programs are those of all shapes that steps are computed in.
type programs struct {
	model                 *model.Model
	tokens, blocks, heads []int                 // sizes, ascending
	groups                []group               // of consecutive layers, which a program computes together
	layers                [][][]*device.Program // [groups][tokens][blocks]
	head                  []*device.Program     // [heads]
	compiled              atomic.Int64
}

func newPrograms(m *model.Model, o Options) *programs {
	return &programs{
		model:  m,
		tokens: tokenBuckets(o.Batch),
		blocks: blockBuckets(o.Cells, m.Device.Compiles()),
		heads:  tokenBuckets(min(o.Batch, maxOutputs)),
		groups: groups(m.Net.Config),
	}
}

// group are consecutive layers. local says of each whether it is.
type group struct {
	first int
	local []bool
}

// most is how many layers a program computes. Calling one costs, above all as XLA's threads fall asleep between two; but
// a program of more takes longer to compile.
var most = func() int { n := 6; fmt.Sscan(os.Getenv("MOST"), &n); return n }()

// groups are all layers. Those of one size whose layers are of the same kinds have the same programs.
func groups(c arch.Config) (all []group) {
	for first := 0; first < c.Layers; first += most {
		g := group{first: first}
		for layer := first; layer < min(first+most, c.Layers); layer++ {
			g.local = append(g.local, c.Local(layer))
		}
		all = append(all, g)
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
				program, err := p.counted(p.model.Net.Group(p.model.Device, t, n, g.local))
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
