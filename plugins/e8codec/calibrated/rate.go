package calibrated

import (
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Q is the name of a rate: its bits an element of a page, in tenths.
func (r Rate) Q() int { return int(math.Round(10 * float64(r.Page))) }

// Qs are the least and the largest q that there are. All whole numbers between are rates too, see [Model.New].
func (c *Calibration) Qs() (least, most int) { return c.Rates[0].Q(), c.Rates[len(c.Rates)-1].Q() }

// pitch is the steps of a q: as far between those of two rates, which follow each other, as part is of whole.
type pitch struct {
	q           int
	step        float32 // what all steps are multiplied with
	low, high   int
	part, whole int

	spreads [][2]spreads // by layer and part
}

// spreads are the bins of blocks, [class, block], of a part's forms.
type spreads struct{ alone, within [][]uint8 }

// over finds the bins of all parts.
func (p *pitch) over(m *Model) {
	p.spreads = make([][2]spreads, m.Layers)
	for i := range m.Layer {
		for k := range m.Layer[i] {
			of := &m.Layer[i][k]
			p.spreads[i][k].alone = p.spread(&of.Alone)
			if of.Within != nil {
				p.spreads[i][k].within = p.spread(of.Within)
			}
		}
	}
}

// pitchOf finds the steps of a q. They are the same on every machine. Errors: ErrInvalid that says which there are.
func (c *Calibration) pitchOf(q int) (pitch, error) {
	if least, most := c.Qs(); q < least || q > most {
		return pitch{}, fmt.Errorf("q: %w: %d is not between %d and %d, what %s is calibrated for", base.ErrInvalid, q, least, most, c.Name)
	}
	high := 0
	for c.Rates[high].Q() < q {
		high++
	}
	p := pitch{q: q, low: high, high: high, whole: 1, step: c.Rates[high].Step}
	if p.q == c.Rates[high].Q() {
		return p, nil
	}
	p.low--
	from := c.Rates[p.low].Q()
	p.part, p.whole = q-from, c.Rates[high].Q()-from
	a, b := c.Rates[p.low].Step, c.Rates[high].Step
	p.step = a - float32(float32(a-b)*float32(p.part))/float32(p.whole)
	return p, nil
}

// spread is the bins of a form's blocks, [class, block].
func (p *pitch) spread(f *Form) [][]uint8 {
	if p.low == p.high {
		return f.Spread[p.low]
	}
	out := make([][]uint8, len(f.Spread[p.low]))
	for class, from := range f.Spread[p.low] {
		to := f.Spread[p.high][class]
		out[class] = make([]uint8, len(from))
		for b, x := range from {
			y := to[b]
			if x == Dead || y == Dead { // with finer steps no more blocks are
				out[class][b] = y
				continue
			}
			way := 2*p.part*(int(y)-int(x)) + p.whole
			out[class][b] = uint8(int(x) + floor(way, 2*p.whole))
		}
	}
	return out
}

// floor is a/b rounded down.
func floor(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
