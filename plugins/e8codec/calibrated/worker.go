package calibrated

import (
	"context"
	"fmt"
	"math"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/frame"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// worker is a goroutine's memory for tokens lo to hi of a chain.
type worker struct {
	*chain
	lo, hi  int
	n       int
	layer   int // whose vectors are in both
	both    []float32
	there   [2]bool
	units   map[[2]int][]int16 // [tokens, width], of a layer and part that others are predicted from
	angles  []angles
	sums    []int32 // [tokens, width], of a prediction
	y, z    []float32
	v       []float32
	half    []uint16
	widths  []width // watching: [layer, part, block]
	tile    [lattice.Tile]float32
	tileOut [lattice.Tile]int16
}

func (s *chain) newWorker(lo, hi int) *worker {
	n := s.coder.model.Width()
	w := &worker{
		chain: s, lo: lo, hi: hi, n: n, layer: -1, both: make([]float32, (hi-lo)*2*n), units: map[[2]int][]int16{},
		sums: make([]int32, (hi-lo)*n), y: make([]float32, n), z: make([]float32, (n+lattice.Tile-1)/lattice.Tile*lattice.Tile), v: make([]float32, n), half: make([]uint16, n),
	}
	for t := lo; t < hi; t++ {
		w.angles = append(w.angles, s.coder.model.Rope.at(s.pos+t))
	}
	return w
}

func (w *worker) run(ctx context.Context, do action) error {
	if do&watching != 0 {
		w.widths = make([]width, 2*(guardTo-guardFrom+1)*w.n/8)
	}
	for i := range w.jobs[:w.from] {
		if j := &w.jobs[i]; j.units != nil {
			w.units[[2]int{j.Layer, j.part}] = j.units[w.lo*w.n : w.hi*w.n]
		}
	}
	for i := w.from; i < len(w.jobs); i++ {
		j := &w.jobs[i]
		if j.Layer != w.layer {
			if err := ctx.Err(); err != nil {
				return err
			}
			w.layer = j.Layer
			if do&packing != 0 {
				if err := w.load(); err != nil {
					return err
				}
			}
		}
		if err := w.job(j, do); err != nil {
			return err
		}
	}
	return nil
}

// beyond bounds what channels are taken for: more than any cache holds.
const beyond = 1 << 20

// load brings a layer's vectors to memory, keys turned back.
func (w *worker) load() error {
	m, n := w.coder.model, w.n
	w.there = [2]bool{}
	for part := range 2 {
		i, there := w.of[[2]int{w.layer, part}]
		if !there {
			continue
		}
		w.there[part] = true
		j := &w.jobs[i]
		for t := w.lo; t < w.hi; t++ {
			x := w.x(t, part)
			w.tensor(j).Load(x, t*n, w.half)
			for k, v := range x {
				if !(math.Abs(float64(v)) <= math.MaxFloat32) {
					return &contract.NonFiniteError{Vectors: j.at, Token: t, Head: k / m.HeadDim}
				}
				x[k] = min(max(v, -beyond), beyond)
			}
			if part == 0 {
				m.Rope.turn(x, m.HeadDim, w.layer, &w.angles[t-w.lo], true)
			}
		}
	}
	return nil
}

// x is a token's K or V of the layer at work.
func (w *worker) x(t, part int) []float32 {
	at := ((t-w.lo)*2 + part) * w.n
	return w.both[at : at+w.n]
}

// job packs or decodes one.
func (w *worker) job(j *job, do action) error {
	m, n := w.coder.model, w.n
	p := &m.Layer[j.Layer][j.part]
	step := j.step
	spread := j.spread
	var units []int16
	if j.units != nil {
		units = j.units[w.lo*n : w.hi*n]
	} else if j.needed {
		units = make([]int16, (w.hi-w.lo)*n)
	}
	if units != nil {
		w.units[[2]int{j.Layer, j.part}] = units
	}
	var own []int16
	if j.codes == nil {
		own = make([]int16, n)
	}
	if do&packing != 0 {
		if err := j.form.invert(n); err != nil {
			return fmt.Errorf("calibration: %s: %w", partName(j.Layer, j.part), err)
		}
	}
	w.predict(j)
	for t := w.lo; t < w.hi; t++ {
		y := w.y
		w.expect(y, j, t)
		codes, class := own, 0
		if j.codes != nil {
			codes = j.codes[t*n : (t+1)*n]
			class = int(j.classes[t])
		}
		if do&packing != 0 {
			class = w.classOf(p, t)
			if allZero(w.x(t, j.part)) {
				class = m.Classes
			}
			if j.classes != nil {
				j.classes[t] = uint8(class)
			}
		}
		if class == m.Classes {
			clear(y)
			w.keep(j, t, y, units, do)
			continue
		}
		if do&packing != 0 {
			w.quantise(codes, j.form, w.x(t, j.part), y, float32(p.Steps[class]*step), spread[class])
			if do&watching != 0 && j.Layer >= guardFrom {
				w.watch(j, w.z, class)
			}
		}
		if do&storing == 0 && units == nil {
			continue
		}
		m.values(w.v, codes, spread[class], float32(p.Steps[class]*step))
		combine(y, w.v, j.form.back)
		w.keep(j, t, y, units, do)
	}
	return nil
}

// keep takes in what is decoded of a token.
func (w *worker) keep(j *job, t int, y []float32, units []int16, do action) {
	m, n := w.coder.model, w.n
	if units != nil {
		m.Layer[j.Layer][j.part].Units.asUnits(units[(t-w.lo)*n:(t-w.lo+1)*n], y)
	}
	if do&storing == 0 {
		return
	}
	if j.part == 0 {
		m.Rope.turn(y, m.HeadDim, j.Layer, &w.angles[t-w.lo], false)
	}
	w.tensor(j).Store(y, t*n, w.half)
}

// tensor is a job's vectors.
func (w *worker) tensor(j *job) frame.Tensor {
	return frame.Tensor{DType: frame.DType(w.coder.shape.Type), Data: j.Data}
}

func allZero(x []float32) bool {
	for _, v := range x {
		if v != 0 {
			return false
		}
	}
	return true
}

// predict sums up what others say of a job's tokens.
func (w *worker) predict(j *job) {
	if j.form.Predictor == nil {
		return
	}
	n := w.n
	clear(w.sums)
	for i, in := range j.inputs {
		predict(w.sums, w.units[in], j.form.weights[i*n*n:(i+1)*n*n], w.hi-w.lo)
	}
}

// expect writes what is expected of a token to y.
func (w *worker) expect(y []float32, j *job, t int) {
	if j.form.Predictor == nil {
		copy(y, j.form.Mean)
		return
	}
	expect(y, j.form.Mean, w.sums[(t-w.lo)*w.n:(t-w.lo+1)*w.n], j.form.Predictor.Scale)
}

// classOf finds a token's class. What is not there of the layer's vectors is taken for usual.
func (w *worker) classOf(p *Part, t int) int {
	both := w.both[(t-w.lo)*2*w.n : (t-w.lo+1)*2*w.n]
	for part, there := range w.there {
		if !there {
			copy(both[part*w.n:(part+1)*w.n], p.Chooser.Mean[part*w.n:])
		}
	}
	return p.Chooser.class(both)
}

// limit is how many steps a coordinate can be from what was expected.
const limit = 8000

// quantise writes the codes of the point of E8 nearest to x as seen from y.
func (w *worker) quantise(codes []int16, f *form, x, y []float32, step float32, spread []uint8) {
	n := w.n
	clear(w.z)
	r := w.v
	inv := 1 / step
	for i := range r {
		r[i] = float32(x[i]-y[i]) * inv
	}
	combine(w.z[:n], r, f.forth)
	for first := 0; first < n; first += lattice.Tile {
		blocks := min(8, (n-first)/8)
		for b := range 8 {
			for j := range 8 {
				w.tile[8*j+b] = w.z[first+8*b+j]
			}
		}
		lattice.NearestE8(&w.tileOut, &w.tile, limit)
		for b := range blocks {
			block := codes[first+8*b : first+8*b+8]
			if spread[first/8+b] == Dead {
				clear(block)
				continue
			}
			for j := range 8 {
				block[j] = w.tileOut[8*j+b]
			}
		}
	}
}

// values writes the coordinates that codes stand for.
func (m *Model) values(v []float32, codes []int16, spread []uint8, step float32) {
	for b, k := range spread {
		block, out := codes[8*b:8*b+8], v[8*b:8*b+8]
		if k == Dead {
			clear(out)
			continue
		}
		near := m.bins[k].near
		for j, code := range block {
			if at := int(code) + nearCodes; uint(at) < uint(len(near)) {
				out[j] = float32(near[at] * step)
			} else {
				out[j] = float32(m.bins[k].value(code) * step)
			}
		}
	}
}
