package lattice

import "github.com/kakeyad/kakeyad/plugins/e8codec/spread"

// vectors that one goroutine takes at a time
const grain = 256

// Codes are quantised vectors: the codes of all of them and what is kept beside each.
type Codes struct {
	Z    []int16  // n · CodesPerVector, in tiles
	Side []uint32 // n
}

// NewCodes allocates the codes of n vectors.
func (q *Quantizer) NewCodes(n int) Codes {
	return Codes{Z: make([]int16, n*q.CodesPerVector()), Side: make([]uint32, n)}
}

// Vector is the codes of vector i.
func (q *Quantizer) Vector(c Codes, i int) []int16 {
	n := q.CodesPerVector()
	return c.Z[i*n : (i+1)*n]
}

// BoxAll is [Quantizer.Box] for the len(c.Side) vectors that x holds, on all processors. An error
// names the first vector that is not finite.
func (q *Quantizer) BoxAll(c Codes, x []float32) error {
	dim := q.params.Dim
	return spread.Over(len(c.Side), grain, func(lo, hi int) error {
		s := q.NewScratch()
		for i := lo; i < hi; i++ {
			side, err := q.Box(q.Vector(c, i), x[i*dim:(i+1)*dim], s)
			if err != nil {
				return AtVector(i, err)
			}
			c.Side[i] = side
		}
		return nil
	})
}

// DecodeAll is [Quantizer.Decode] for all vectors, on all processors.
func (q *Quantizer) DecodeAll(x []float32, c Codes) {
	dim := q.params.Dim
	_ = spread.Over(len(c.Side), grain, func(lo, hi int) error {
		s := q.NewScratch()
		for i := lo; i < hi; i++ {
			q.Decode(x[i*dim:(i+1)*dim], q.Vector(c, i), c.Side[i], s)
		}
		return nil
	})
}

// RoundTrip replaces each vector of x by what it is after Box and Decode, on all processors: what
// a live cache does. An error names the first vector that is not finite; x is then undefined.
func (q *Quantizer) RoundTrip(x []float32) error {
	dim := q.params.Dim
	return spread.Over(len(x)/dim, grain, func(lo, hi int) error {
		s := q.NewScratch()
		z := make([]int16, q.CodesPerVector())
		for i := lo; i < hi; i++ {
			v := x[i*dim : (i+1)*dim]
			side, err := q.Box(z, v, s)
			if err != nil {
				return AtVector(i, err)
			}
			q.Decode(v, z, side, s)
		}
		return nil
	})
}

// NearestE8 writes the codes of the points of E8 nearest to the eight groups of y, a tile, whose coordinates are
// first brought within ±limit, which is at most 16000.
func NearestE8(z *[Tile]int16, y *[Tile]float32, limit float32) { nearestE8(z, y, 1, limit, 2*limit) }
