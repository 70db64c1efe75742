package executor

import (
	"sync/atomic"

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
)

// programs are those of all shapes that steps are computed in.
type programs struct {
	model                 *model.Model
	tokens, blocks, heads []int               // sizes, ascending
	layer                 [][]*device.Program // [tokens][blocks]
	head                  []*device.Program   // [heads]
	compiled              atomic.Int64
}

func newPrograms(m *model.Model, o Options) *programs {
	return &programs{
		model:  m,
		tokens: tokenBuckets(o.Batch),
		blocks: blockBuckets(o.Cells, m.Device.Compiles()),
		heads:  tokenBuckets(min(o.Batch, maxOutputs)),
	}
}

func (p *programs) compile(progress func(done float32) error) error {
	done, all := 0, len(p.tokens)*len(p.blocks)+len(p.heads)
	step := func() error {
		done++
		return progress(float32(done) / float32(all))
	}
	for _, t := range p.tokens {
		var row []*device.Program
		for _, n := range p.blocks {
			program, err := p.counted(p.model.Net.Layer(p.model.Device, t, n))
			if err != nil {
				return err
			}
			row = append(row, program)
			if err := step(); err != nil {
				return err
			}
		}
		p.layer = append(p.layer, row)
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
