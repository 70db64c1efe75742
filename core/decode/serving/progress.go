package serving

import (
	"context"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Stage is a part of loading, and the fraction of the whole at which it begins.
type Stage struct {
	Name  string
	Begin float32
}

// Progress reports how far loading is. Fractions never fall.
type Progress struct {
	report func(backend.LoadProgress) // nil: nobody listens
	last   float32
}

// Enter begins a stage, unless ctx has ended, of which it returns the error.
func (p *Progress) Enter(ctx context.Context, s Stage) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.tell(s.Name, s.Begin)
	return nil
}

// Within reports a fraction of a stage that ends where next begins.
func (p *Progress) Within(s, next Stage, fraction float32) {
	p.tell(s.Name, s.Begin+fraction*(next.Begin-s.Begin))
}

func (p *Progress) tell(name string, fraction float32) {
	p.last = min(max(p.last, fraction), 1)
	if p.report != nil {
		p.report(backend.LoadProgress{Stage: name, Fraction: p.last})
	}
}
