// Package calibratedtest makes calibrations of no model, for tests.
package calibratedtest

import (
	"math"
	"math/rand/v2"

	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
)

// someBins are distributions an eighth of an octave apart, from spreads of 1/16 on.
func someBins() (bins []calibrated.Bin) {
	for k := range 81 {
		rms := math.Exp2(float64(k)/8 - 4)
		b := calibrated.Bin{Half: float32(0.5 * rms * rms / (rms*rms + 0.1))}
		for rms/math.Exp2(float64(b.Shift)) > 6 {
			b.Shift++
		}
		unit := math.Exp2(float64(b.Shift))
		for u := 0; u < 2 || u < 127 && float64(u)*unit < 6*rms+2; u++ {
			if b.Shift == 0 {
				b.Even = append(b.Even, calibrated.Magnitude{Weight: float32(math.Exp(-float64(u) * math.Sqrt2 / rms)), Centre: float32(u)})
			}
			b.Odd = append(b.Odd, calibrated.Magnitude{Weight: float32(math.Exp(-(float64(u) + 0.5) * unit * math.Sqrt2 / rms)), Centre: float32(u) + 0.5})
		}
		bins = append(bins, b)
	}
	return bins
}

// Some is a calibration for normal vectors whose variance is 1, at two rates.
func Some(seed uint64, layers, heads, dim, depth, classes int) *calibrated.Calibration {
	rng := rand.New(rand.NewPCG(seed, 1))
	c := &calibrated.Calibration{
		Name: "nobody", Layers: layers, KVHeads: heads, HeadDim: dim, Depth: depth, Classes: classes, Bins: someBins(),
		Rates: []calibrated.Rate{{Step: 1, Alone: 1.9, Page: 1.5}, {Step: 0.25, Alone: 3.8, Page: 3.4}},
		Rope:  calibrated.Rope{Pairs: calibrated.Neighbours, Dims: dim, Of: make([]uint8, layers), Frequencies: [][]float32{make([]float32, dim/2)}},
	}
	for i := range dim / 2 {
		c.Rope.Frequencies[0][i] = float32(math.Pow(1e4, -2*float64(i)/float64(dim)))
	}
	n := c.Width()
	floats := func(n int, mean, dev float64) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(mean + dev*rng.NormFloat64())
		}
		return x
	}
	form := func(inputs int) calibrated.Form {
		f := calibrated.Form{Mean: floats(n, 0, 0.1), Back: make([]int8, n*n), Scale: floats(n, 0.5/127, 0)}
		for i := range n { // a rotation, about: a diagonal and something beside it
			for j := range n {
				f.Back[i*n+j] = int8(3 * rng.NormFloat64())
			}
			f.Back[i*n+i] = 127
		}
		if inputs > 0 {
			f.Predictor = &calibrated.Predictor{Weights: make([]int8, inputs*n*n), Scale: floats(n, 1e-6, 0)}
			for i := range f.Predictor.Weights {
				f.Predictor.Weights[i] = int8(rng.IntN(255) - 127)
			}
		}
		for _, r := range c.Rates {
			of := make([][]uint8, classes)
			for k := range of {
				for b := range n / 8 {
					rms := 2 / float64(r.Step) * math.Exp2(float64(k-classes/2)/4) * (1 - 0.5*float64(b)/float64(n/8))
					of[k] = append(of[k], uint8(min(max(math.Round(8*math.Log2(rms))+32, 0), 80)))
				}
			}
			f.Spread = append(f.Spread, of)
		}
		return f
	}
	for i := range layers {
		var l calibrated.Layer
		for part := range l {
			p := calibrated.Part{Alone: form(0)}
			for k := range classes {
				p.Steps = append(p.Steps, float32(math.Exp2(-float64(k-classes/2)/4)))
				p.Chooser.Shares = append(p.Chooser.Shares, 1/float32(classes))
				if k > 0 {
					p.Chooser.Ends = append(p.Chooser.Ends, float32(k)-float32(classes)/2)
				}
			}
			p.Chooser.Mean, p.Chooser.PerDev, p.Chooser.Weights = floats(2*n, 0, 0.1), floats(2*n, 1, 0), floats(4*n, 0, 1/math.Sqrt(float64(n)))
			if inputs := 2*min(depth, i) + part; i > 0 && depth > 0 {
				f := form(inputs)
				p.Within = &f
			}
			p.Units = calibrated.Units{Mean: floats(n, 0, 0.1), PerUnit: floats(n, 128, 0)}
			l[part] = p
		}
		c.Layer = append(c.Layer, l)
	}
	return c
}
