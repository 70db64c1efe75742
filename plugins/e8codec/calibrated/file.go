package calibrated

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

const (
	magic    = "KVC8"
	version  = 1
	headSize = 32
	atSize   = 24
	atSum    = 28
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Hash names a calibration: the SHA-256 of its file.
type Hash [sha256.Size]byte

// String is the first 16 digits.
func (h Hash) String() string { return hex.EncodeToString(h[:8]) }

// HashOf is the name of a file with these bytes.
func HashOf(file []byte) Hash { return sha256.Sum256(file) }

// Marshal is the file of a calibration. Errors: as Validate.
func (c *Calibration) Marshal() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	w := writer{b: make([]byte, headSize)}
	copy(w.b, magic)
	w.b[4], w.b[5], w.b[6], w.b[7] = version, byte(c.Rope.Pairs), byte(c.Depth), byte(c.Classes)
	for i, v := range []int{c.HeadDim, c.KVHeads, c.Layers, len(c.Rates), len(c.Bins), c.Rope.Dims, len(c.Rope.Frequencies), len(c.Name)} {
		binary.LittleEndian.PutUint16(w.b[8+2*i:], uint16(v))
	}
	w.b = append(w.b, c.Name...)
	c.walk(&w)
	binary.LittleEndian.PutUint32(w.b[atSize:], uint32(len(w.b)-headSize))
	binary.LittleEndian.PutUint32(w.b[atSum:], checksum(w.b))
	return w.b, nil
}

// Parse reads a file. Errors: ErrCorrupt; ErrUnsupported for one of another version.
func Parse(file []byte) (*Calibration, error) {
	corrupt := func(format string, args ...any) (*Calibration, error) {
		return nil, fmt.Errorf("calibration: %w: %s", base.ErrCorrupt, fmt.Sprintf(format, args...))
	}
	if len(file) < headSize || string(file[:4]) != magic {
		return corrupt("it is none")
	}
	if file[4] != version {
		return nil, fmt.Errorf("calibration: %w: version %d", base.ErrUnsupported, file[4])
	}
	if n := binary.LittleEndian.Uint32(file[atSize:]); uint64(n) != uint64(len(file)-headSize) {
		return corrupt("%d bytes, its header says %d", len(file)-headSize, n)
	}
	if binary.LittleEndian.Uint32(file[atSum:]) != checksum(file) {
		return corrupt("the checksum does not match")
	}
	var v [8]int
	for i := range v {
		v[i] = int(binary.LittleEndian.Uint16(file[8+2*i:]))
	}
	c := &Calibration{
		HeadDim: v[0], KVHeads: v[1], Layers: v[2], Depth: int(file[6]), Classes: int(file[7]),
		Rope: Rope{Pairs: Pairs(file[5]), Dims: v[5]},
	}
	// before anything is allocated: what is there fits limits
	if c.Layers > maxLayers || c.Width() > maxWidth || c.Width()%8 != 0 || c.Depth > maxDepth || c.Classes > maxClasses || c.Classes < 1 ||
		v[3] > maxRates || v[4] > maxBins || v[6] > maxBins || v[7] > maxName {
		return corrupt("its header has no meaning")
	}
	r := reader{b: file[headSize:]}
	c.Name = string(r.take(v[7]))
	c.Rates, c.Bins, c.Layer = make([]Rate, v[3]), make([]Bin, v[4]), make([]Layer, c.Layers)
	c.Rope.Frequencies = make([][]float32, v[6])
	c.walk(&r)
	if r.short || len(r.b) != 0 {
		return corrupt("it is too short or too long for its header")
	}
	if err := c.Validate(); err != nil {
		return corrupt("%v", err)
	}
	return c, nil
}

func checksum(file []byte) uint32 {
	return crc32.Update(crc32.Checksum(file[:atSum], castagnoli), castagnoli, file[headSize:])
}

// visitor writes numbers or reads them: the order of a file's parts is in one place.
type visitor interface {
	floats(p *[]float32, n int)
	ints(p *[]int8, n int)
	bytes(p *[]uint8, n int)
	count(p *int)
	flag(p bool) bool
}

// walk visits all that stands after the name.
func (c *Calibration) walk(v visitor) {
	n := c.Width()
	for i := range c.Rope.Frequencies {
		v.floats(&c.Rope.Frequencies[i], c.Rope.Dims/2)
	}
	if c.Rope.Pairs != NoPairs {
		v.bytes(&c.Rope.Of, c.Layers)
	}
	for i := range c.Bins {
		c.Bins[i].walk(v)
	}
	for i := range c.Rates {
		r := &c.Rates[i]
		three := []float32{r.Step, r.Alone, r.Page}
		v.floats(&three, 3)
		if len(three) == 3 {
			*r = Rate{three[0], three[1], three[2]}
		}
	}
	for i := range c.Layer {
		for part := range c.Layer[i] {
			p := &c.Layer[i][part]
			p.Chooser.walk(v, n, c.Classes)
			v.floats(&p.Steps, c.Classes)
			v.floats(&p.Units.Mean, n)
			v.floats(&p.Units.PerUnit, n)
			c.walkForm(v, &p.Alone, 0)
			if !v.flag(p.Within != nil) {
				continue
			}
			if p.Within == nil {
				p.Within = new(Form)
			}
			c.walkForm(v, p.Within, c.inputs(i, part)*n)
		}
	}
}

func (c *Calibration) walkForm(v visitor, f *Form, inputs int) {
	n := c.Width()
	v.floats(&f.Mean, n)
	if inputs > 0 {
		if f.Predictor == nil {
			f.Predictor = new(Predictor)
		}
		v.ints(&f.Predictor.Weights, inputs*n)
		v.floats(&f.Predictor.Scale, n)
	}
	v.ints(&f.Back, n*n)
	v.floats(&f.Scale, n)
	if f.Spread == nil {
		f.Spread = make([][][]uint8, len(c.Rates))
	}
	for i := range f.Spread {
		if f.Spread[i] == nil {
			f.Spread[i] = make([][]uint8, c.Classes)
		}
		for k := range f.Spread[i] {
			v.bytes(&f.Spread[i][k], n/8)
		}
	}
}

func (h *Chooser) walk(v visitor, width, classes int) {
	v.floats(&h.Mean, 2*width)
	v.floats(&h.PerDev, 2*width)
	v.floats(&h.Weights, 4*width)
	one := []float32{h.Bias}
	v.floats(&one, 1)
	if len(one) == 1 {
		h.Bias = one[0]
	}
	v.floats(&h.Ends, classes-1)
	v.floats(&h.Shares, classes)
}

func (b *Bin) walk(v visitor) {
	v.count(&b.Shift)
	one := []float32{b.Half}
	v.floats(&one, 1)
	if len(one) == 1 {
		b.Half = one[0]
	}
	for _, m := range []*[]Magnitude{&b.Even, &b.Odd} {
		n := len(*m)
		v.count(&n)
		flat := make([]float32, 0, 2*n)
		for _, x := range *m {
			flat = append(flat, x.Weight, x.Centre)
		}
		v.floats(&flat, 2*n)
		*m = (*m)[:0]
		for i := 0; i+1 < len(flat); i += 2 {
			*m = append(*m, Magnitude{flat[i], flat[i+1]})
		}
	}
}

// writer is a visitor that appends.
type writer struct{ b []byte }

func (w *writer) floats(p *[]float32, _ int) {
	for _, x := range *p {
		w.b = binary.LittleEndian.AppendUint32(w.b, math.Float32bits(x))
	}
}

func (w *writer) ints(p *[]int8, _ int) {
	for _, x := range *p {
		w.b = append(w.b, byte(x))
	}
}

func (w *writer) bytes(p *[]uint8, _ int) { w.b = append(w.b, *p...) }
func (w *writer) count(p *int)            { w.b = append(w.b, byte(*p)) }

func (w *writer) flag(set bool) bool {
	n := 0
	if set {
		n = 1
	}
	w.count(&n)
	return set
}

// reader is a visitor that takes from the front. What is not there any more is short.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short || n > len(r.b) {
		r.short = true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) floats(p *[]float32, n int) {
	b := r.take(4 * n)
	*p = make([]float32, len(b)/4)
	for i := range *p {
		(*p)[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
}

func (r *reader) ints(p *[]int8, n int) {
	b := r.take(n)
	*p = make([]int8, len(b))
	for i, x := range b {
		(*p)[i] = int8(x)
	}
}

func (r *reader) bytes(p *[]uint8, n int) { *p = append([]uint8(nil), r.take(n)...) }

func (r *reader) count(p *int) {
	*p = 0
	if b := r.take(1); b != nil {
		*p = int(b[0])
	}
}

func (r *reader) flag(bool) bool {
	var n int
	r.count(&n)
	if n > 1 {
		r.short = true
	}
	return n == 1
}
