package calibrated

import (
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/e8codec/entropy"
)

// Calibration is what was learned of a model. Width is KVHeads·HeadDim, the channels of a layer's K or V of a
// token, and a multiple of 8. Coordinates, of which there are as many, stand in blocks of eight.
type Calibration struct {
	Name    string // of the model, for people
	Layers  int
	KVHeads int
	HeadDim int
	Depth   int // layers before its own that a layer is predicted from
	Classes int // of tokens
	Rope    Rope
	Bins    []Bin
	Rates   []Rate // ascending
	Layer   []Layer
}

// Layer is what was learned of one, of its K and of its V.
type Layer [2]Part

// Part is what was learned of a layer's K or V.
type Part struct {
	Chooser Chooser
	Steps   []float32 // of the classes, what a step is multiplied with
	Alone   Form      // packed for itself
	Within  *Form     // predicted from layers before it; nil: it never is
	Units   Units     // its channels as others are predicted from them
}

// Form is how a part is packed.
type Form struct {
	Mean []float32 // [width]

	// Predictor is nil in Alone. Inputs are K and V of the layers from layer-Depth on, those that there are,
	// and for V the layer's own K, all as whole numbers, see [Units].
	Predictor *Predictor

	// Back are the rows that coordinates are multiplied with, [coordinate, width], each as whole numbers and
	// a scale.
	Back  []int8
	Scale []float32 // [coordinate]

	Spread [][][]uint8 // [rate, class, block]: the bin of its coordinates, or Dead
}

// Dead is the bin of blocks that are zero and never coded.
const Dead = 255

// Predictor is the weights [inputs, width] of a prediction, as whole numbers and a scale for each output.
type Predictor struct {
	Weights []int8
	Scale   []float32
}

// Units make whole numbers of decoded channels: round((x - Mean)·PerUnit), at most [MaxUnit] in magnitude.
type Units struct {
	Mean, PerUnit []float32 // [width]
}

// MaxUnit is the largest magnitude of a predictor's input.
const MaxUnit = 2047

// Chooser finds the class of a token by a layer's K and V. With f = (x - Mean)·PerDev, within ±4, it is the number
// of Ends below Σ Weights·(f, |f|) + Bias.
type Chooser struct {
	Mean, PerDev []float32 // [2·width]
	Weights      []float32 // [4·width]
	Bias         float32
	Ends         []float32 // [classes-1], ascending
	Shares       []float32 // [classes], how frequent they are
}

// Bin is a spread of coordinates. Weights and centres are of the magnitudes of codes, which are twice the
// coordinates: even ones from 0 and odd ones from 1.
type Bin struct {
	Shift int // low bits of ⌊x⌋ that are stored as they are
	Half  float32
	Even  []Magnitude // none with a Shift
	Odd   []Magnitude // with a Shift those of ⌊x⌋ without the low bits, from 0
}

// Magnitude is how likely a code is, of those of its sign, and what coordinate it stands for.
type Magnitude struct{ Weight, Centre float32 }

// Rate is a size of steps.
type Rate struct {
	Step        float32 // what all steps are multiplied with
	Alone, Page float32 // bits an element that were found when calibrating
}

// Limits of what a file may say.
const (
	maxLayers  = 512
	maxWidth   = 4096
	maxDepth   = 4
	maxClasses = 16
	maxBins    = 254
	maxRates   = 64
	maxName    = 200
	maxWeight  = 128
)

// Width is the channels of a layer's K or V.
func (c *Calibration) Width() int { return c.KVHeads * c.HeadDim }

// inputs is how many tensors a part of a layer is predicted from.
func (c *Calibration) inputs(layer, part int) int { return 2*min(c.Depth, layer) + part }

// Validate checks that everything is there and has a meaning. Errors: ErrInvalid.
func (c *Calibration) Validate() error {
	if err := c.checkShape(); err != nil {
		return fmt.Errorf("calibration: %w: %w", base.ErrInvalid, err)
	}
	for i := range c.Layer {
		for part := range c.Layer[i] {
			if err := c.checkPart(i, part); err != nil {
				return fmt.Errorf("calibration: %s: %w: %w", partName(i, part), base.ErrInvalid, err)
			}
		}
	}
	return nil
}

func (c *Calibration) checkShape() error {
	for _, f := range []struct {
		name             string
		value, low, high int
	}{
		{"layers", c.Layers, 1, maxLayers}, {"kv_heads", c.KVHeads, 1, maxWidth}, {"head_dim", c.HeadDim, 1, maxWidth},
		{"width", c.Width(), 8, maxWidth}, {"depth", c.Depth, 0, maxDepth}, {"classes", c.Classes, 1, maxClasses},
		{"bins", len(c.Bins), 1, maxBins}, {"rates", len(c.Rates), 1, maxRates}, {"name", len(c.Name), 0, maxName},
		{"layers that are there", len(c.Layer), c.Layers, c.Layers},
	} {
		if f.value < f.low || f.value > f.high {
			return fmt.Errorf("%s: %d is not between %d and %d", f.name, f.value, f.low, f.high)
		}
	}
	if c.Width()%8 != 0 {
		return fmt.Errorf("width: %d is no multiple of 8", c.Width())
	}
	for i, r := range c.Rates {
		if !positive(r.Step, r.Alone, r.Page) || i > 0 && (r.Alone <= c.Rates[i-1].Alone || r.Page <= c.Rates[i-1].Page || r.Step >= c.Rates[i-1].Step) {
			return fmt.Errorf("rate %d: %v", i, r)
		}
	}
	for i, b := range c.Bins {
		if err := b.check(); err != nil {
			return fmt.Errorf("bin %d: %w", i, err)
		}
	}
	if largest := c.inputs(c.Layers-1, 1) * c.Width() * MaxUnit * maxWeight; largest > math.MaxInt32 {
		return fmt.Errorf("depth: a prediction's sum can be %d, more than 31 bits", largest)
	}
	return c.Rope.check(c.Layers, c.HeadDim)
}

func (b *Bin) check() error {
	for _, side := range [][]Magnitude{b.Even, b.Odd} {
		for _, m := range side {
			if !finite(m.Centre) {
				return fmt.Errorf("a centre of %v", m.Centre)
			}
		}
	}
	return b.learned().Check()
}

// learned is the distribution that blocks are coded with.
func (b *Bin) learned() entropy.Learned {
	l := entropy.Learned{Shift: b.Shift, Half: float64(b.Half)}
	for _, m := range b.Even {
		l.Ints = append(l.Ints, float64(m.Weight))
	}
	for _, m := range b.Odd {
		l.Halves = append(l.Halves, float64(m.Weight))
	}
	return l
}

func (c *Calibration) checkPart(layer, part int) error {
	p, n := &c.Layer[layer][part], c.Width()
	if err := p.Chooser.check(n, c.Classes); err != nil {
		return err
	}
	if len(p.Steps) != c.Classes || !positive(p.Steps...) {
		return fmt.Errorf("steps: %v", p.Steps)
	}
	if len(p.Units.Mean) != n || len(p.Units.PerUnit) != n || !finite(p.Units.Mean...) || !positive(p.Units.PerUnit...) {
		return fmt.Errorf("its units do not fit")
	}
	if p.Alone.Predictor != nil {
		return fmt.Errorf("what is packed alone is predicted")
	}
	if err := c.checkForm(&p.Alone); err != nil {
		return fmt.Errorf("alone: %w", err)
	}
	if p.Within == nil {
		return nil
	}
	q := p.Within.Predictor
	if q == nil || len(q.Weights) != c.inputs(layer, part)*n*n || len(q.Scale) != n || !finite(q.Scale...) || len(q.Weights) == 0 {
		return fmt.Errorf("its predictor does not fit")
	}
	return c.checkForm(p.Within)
}

func (c *Calibration) checkForm(f *Form) error {
	n := c.Width()
	if len(f.Mean) != n || len(f.Back) != n*n || len(f.Scale) != n || !finite(f.Mean...) || !positive(f.Scale...) {
		return fmt.Errorf("its transform does not fit")
	}
	if len(f.Spread) != len(c.Rates) {
		return fmt.Errorf("spreads of %d rates, not %d", len(f.Spread), len(c.Rates))
	}
	for _, of := range f.Spread {
		if len(of) != c.Classes {
			return fmt.Errorf("spreads of %d classes, not %d", len(of), c.Classes)
		}
		for _, blocks := range of {
			if len(blocks) != n/8 {
				return fmt.Errorf("spreads of %d blocks, not %d", len(blocks), n/8)
			}
			for _, b := range blocks {
				if b != Dead && int(b) >= len(c.Bins) {
					return fmt.Errorf("a block of bin %d, there are %d", b, len(c.Bins))
				}
			}
		}
	}
	return nil
}

func (h *Chooser) check(width, classes int) error {
	if len(h.Mean) != 2*width || len(h.PerDev) != 2*width || len(h.Weights) != 4*width || len(h.Ends) != classes-1 || len(h.Shares) != classes {
		return fmt.Errorf("its chooser does not fit")
	}
	if !finite(h.Mean...) || !finite(h.PerDev...) || !finite(h.Weights...) || !finite(h.Bias) || !finite(h.Ends...) || !positive(h.Shares...) {
		return fmt.Errorf("its chooser has a number that is none")
	}
	return nil
}

func finite(v ...float32) bool {
	for _, x := range v {
		if !(math.Abs(float64(x)) <= math.MaxFloat32) {
			return false
		}
	}
	return true
}

func positive(v ...float32) bool {
	for _, x := range v {
		if !(x > 0) {
			return false
		}
	}
	return finite(v...)
}
