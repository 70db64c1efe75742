package calibrated

import (
	"fmt"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/e8codec/entropy"
)

// Model is a calibration made ready to work with. It is safe for concurrent use.
type Model struct {
	*Calibration
	hash    Hash
	parts   [][2]part
	choices [][2]*entropy.Choices
	bins    []bin
}

// part is what is made of a Part: that of alone and that of within, which may be nil.
type part struct{ alone, within *form }

// form is what is made of a Form.
type form struct {
	*Form
	weights []int8    // [inputs/2, width, 2]: those of two inputs beside each other
	back    []float32 // [coordinate, width]

	once       sync.Once // of the inverse, which only packing needs
	forth      []float32 // [width, coordinate]
	forthError error
}

// bin is what is made of a Bin.
type bin struct {
	once    sync.Once
	class   *entropy.Class
	centres [2][]float32 // what ⌊|code|/2⌋ stands for, of even and odd codes
	energy  float64      // mean square of its coordinates
	near    []float32    // what codes from -nearCodes to nearCodes stand for
}

// nearCodes are those whose values are looked up.
const nearCodes = 64

// A token whose vector is all zeros has a class beyond the others: it is coded as that, and comes back as zeros.
// Models make none, but what stores a cache may hold some that were never filled.
const nothingShare = 0x1p-12

// NewModel reads a calibration's file. Errors: as Parse.
func NewModel(file []byte) (*Model, error) {
	c, err := Parse(file)
	if err != nil {
		return nil, err
	}
	m := &Model{Calibration: c, hash: HashOf(file), parts: make([][2]part, c.Layers), choices: make([][2]*entropy.Choices, c.Layers), bins: make([]bin, len(c.Bins))}
	for i := range c.Layer {
		for k := range c.Layer[i] {
			p := &c.Layer[i][k]
			m.parts[i][k].alone = newForm(&p.Alone, c.Width())
			if p.Within != nil {
				m.parts[i][k].within = newForm(p.Within, c.Width())
			}
			shares := make([]float64, c.Classes+1)
			for j, s := range p.Chooser.Shares {
				shares[j] = float64(s)
				shares[c.Classes] += float64(s) * nothingShare
			}
			if m.choices[i][k], err = entropy.NewChoices(shares); err != nil {
				return nil, fmt.Errorf("calibration: %w: %w", base.ErrCorrupt, err)
			}
		}
	}
	for i := range c.Bins {
		b := &m.bins[i]
		b.energy = c.Bins[i].energy()
		for j, side := range [][]Magnitude{c.Bins[i].Even, c.Bins[i].Odd} {
			for _, x := range side {
				b.centres[j] = append(b.centres[j], x.Centre)
			}
		}
		if c.Bins[i].Shift > 0 { // a centre for each code would be a file of its own
			b.centres = [2][]float32{}
		}
		for code := -nearCodes; code <= nearCodes; code++ {
			b.near = append(b.near, b.value(int16(code)))
		}
	}
	return m, nil
}

// Hash names the model's calibration.
func (m *Model) Hash() Hash { return m.hash }

func newForm(f *Form, n int) *form {
	g := &form{Form: f, back: make([]float32, n*n)}
	for c := range n {
		for j := range n {
			g.back[c*n+j] = float32(float32(f.Back[c*n+j]) * f.Scale[c])
		}
	}
	if f.Predictor == nil {
		return g
	}
	w := f.Predictor.Weights
	g.weights = make([]int8, len(w))
	for i := range len(w) / n {
		for j := range n {
			g.weights[(i/2*n+j)*2+i%2] = w[i*n+j]
		}
	}
	return g
}

// class is the tables of a bin.
func (m *Model) class(b uint8) *entropy.Class {
	x := &m.bins[b]
	x.once.Do(func() {
		class, err := entropy.NewClass(m.Bins[b].learned())
		if err != nil {
			panic(err) // Parse checked it
		}
		x.class = class
	})
	return x.class
}

// invert makes the inverse of a form's transform. Errors: ErrInvalid where there is none.
func (f *form) invert(n int) error {
	f.once.Do(func() {
		if f.forth = inverse(f.back, n); !finite(f.forth...) {
			f.forthError = fmt.Errorf("%w: the transform has no inverse", base.ErrInvalid)
		}
	})
	return f.forthError
}

func partName(layer, part int) string {
	return fmt.Sprintf("layer %d, %s", layer, [2]string{"keys", "values"}[part])
}

// value is the coordinate that a code stands for.
func (b *bin) value(code int16) float32 {
	m := code
	if m < 0 {
		m = -m
	}
	v := float32(m) / 2
	if side := b.centres[m&1]; int(m>>1) < len(side) {
		v = side[m>>1]
	}
	if code < 0 {
		return -v
	}
	return v
}
