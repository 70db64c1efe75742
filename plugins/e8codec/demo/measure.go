package demo

import (
	"fmt"
	"unsafe"

	"github.com/kakeyad/kakeyad/plugins/e8codec/frame"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// Request is what the page asks for.
type Request struct {
	Variant string    `json:"variant"` // of the lattice: e8, d4
	Q       int       `json:"q"`
	Dim     int       `json:"dim"`   // head_dim: 64, 128 or 256
	Count   int       `json:"count"` // vectors
	Source  string    `json:"source"`
	Seed    uint64    `json:"seed"`
	Drawn   []float32 `json:"drawn"`  // of SourceDrawn
	Vector  int       `json:"vector"` // the one that is shown
}

// Point is a format: what it takes, in bits an element, and how well it does.
type Point struct {
	Name string  `json:"name"`
	Bits float64 `json:"bits"`
	SNR  float64 `json:"snr"` // dB
}

// params checks a request and makes its vectors.
func (r Request) params() (lattice.Params, []float32, error) {
	p := lattice.Params{Q: r.Q, Dim: r.Dim}
	var err error
	if p.Variant, err = lattice.ParseVariant(r.Variant); err != nil {
		return p, nil, err
	}
	if err := p.Validate(); err != nil {
		return p, nil, err
	}
	if r.Dim%ggmlBlock != 0 {
		return p, nil, fmt.Errorf("head_dim %d is no multiple of %d", r.Dim, ggmlBlock)
	}
	x, err := Vectors(r.Source, r.Count, r.Dim, r.Seed, r.Drawn)
	return p, x, err
}

// measure is a frame's real bits an element and its error: packed, and unpacked again.
func measure(p lattice.Params, coding frame.Coding, scaling frame.Scaling, x []float32) (Point, error) {
	at := Point{Name: fmt.Sprintf("%v q%d %v", p.Variant, p.Q, coding)}
	if scaling != frame.ScaleBox {
		at.Name += fmt.Sprintf(", scaling %v", scaling)
	}
	c, err := frame.New(frame.Options{Params: p, Heads: 1, Coding: coding, Scaling: scaling})
	if err != nil {
		return at, err
	}
	packed, err := c.Encode(nil, frame.Tensor{DType: frame.F32, Data: bytesOf(x)})
	if err != nil {
		return at, err
	}
	y := make([]float32, len(x))
	if err := c.Decode(frame.Tensor{DType: frame.F32, Data: bytesOf(y)}, packed); err != nil {
		return at, err
	}
	at.Bits, at.SNR = 8*float64(len(packed))/float64(len(x)), snr(x, y)
	return at, nil
}

// bytesOf is a vector's memory, which frames read in the machine's order.
func bytesOf(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

// rotated is all vectors times R.
func rotated(p lattice.Params, x []float32) ([]float32, error) {
	q, err := lattice.New(p)
	if err != nil {
		return nil, err
	}
	r, y := q.Rotation(), make([]float32, len(x))
	for v := 0; v < len(x); v += p.Dim {
		turn(y[v:v+p.Dim], x[v:v+p.Dim], r)
	}
	return y, nil
}

// turn is y = x·R.
func turn(y, x, r []float32) {
	clear(y)
	for i, v := range x {
		for j, c := range r[i*len(y) : (i+1)*len(y)] {
			y[j] += v * c
		}
	}
}
