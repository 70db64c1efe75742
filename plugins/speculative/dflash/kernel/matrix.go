package kernel

import (
	"fmt"
	"math"
)

// Sizes that the kernels work in.
const (
	Tile  = 16 // rows of a matrix that are multiplied together
	Group = 32 // elements of a vector that share a scale
	quad  = 4  // columns that one instruction takes
)

// Matrix is a matrix of int8 with one scale a row. It is read-only and safe for concurrent use.
type Matrix struct {
	Rows, Columns int

	tiles  []byte    // [rows/16][columns/4][16][4], each int8 plus 128
	scales []float32 // a row
}

// NewMatrix quantises a matrix to the nearest int8 of each row. row writes row i to dst.
//
// Rows are a multiple of 16 and columns of 32.
func NewMatrix(rows, columns int, row func(i int, dst []float32)) (*Matrix, error) {
	if rows < Tile || rows%Tile != 0 || columns < Group || columns%Group != 0 {
		return nil, fmt.Errorf("a matrix of %d rows and %d columns: they must be multiples of %d and %d", rows, columns, Tile, Group)
	}
	m := &Matrix{Rows: rows, Columns: columns, tiles: make([]byte, rows*columns), scales: make([]float32, rows)}
	x := make([]float32, columns)
	for r := range rows {
		row(r, x)
		scale := largest(x) / 127
		m.scales[r] = scale
		inverse := reciprocal(scale)
		tile := m.tiles[r/Tile*Tile*columns:]
		for c, v := range x {
			tile[c/quad*quad*Tile+r%Tile*quad+c%quad] = byte(nearest(v*inverse) + 128)
		}
	}
	return m, nil
}

// Bytes is the memory of m.
func (m *Matrix) Bytes() int64 { return int64(len(m.tiles)) + 4*int64(len(m.scales)) }

// Vectors are quantised vectors of the same length, ready to be multiplied.
type Vectors struct {
	N, Columns int

	values []int8    // [n, columns]
	scales []float32 // [n, columns/32]
	starts []int32   // [n, columns/32]: what the 128 added to the weights amounts to, negated
}

// Quantise sets v to the n rows of x, each group of 32 elements to the nearest int8 of its own scale.
func (v *Vectors) Quantise(x []float32, n int) {
	columns := len(x) / n
	groups := columns / Group
	v.N, v.Columns = n, columns
	v.values = resize(v.values, n*columns)
	v.scales = resize(v.scales, n*groups)
	v.starts = resize(v.starts, n*groups)
	for g := range v.scales {
		part, out := x[g*Group:][:Group], v.values[g*Group:][:Group]
		scale := largest(part) / 127
		inverse := reciprocal(scale)
		sum := int32(0)
		for i, e := range part {
			q := nearest(e * inverse)
			out[i] = int8(q)
			sum += q
		}
		v.scales[g], v.starts[g] = scale, -128*sum
	}
}

// Multiply writes the products of m with all of v to y, [v.N, m.Rows].
func (m *Matrix) Multiply(y []float32, v *Vectors) { m.MultiplyRows(y, v, 0, m.Rows) }

// MultiplyRows is Multiply for the rows from (a multiple of 16) to to, as is y: [v.N, to-from].
func (m *Matrix) MultiplyRows(y []float32, v *Vectors, from, to int) {
	if v.Columns != m.Columns || len(y) < v.N*(to-from) {
		panic(fmt.Sprintf("kernel: a matrix of %d columns, vectors of %d, room for %d results", m.Columns, v.Columns, len(y)))
	}
	if v.N == 0 {
		return
	}
	multiply(m, y, v, from, to)
}

// multiplyGeneric is multiply in portable Go.
func multiplyGeneric(m *Matrix, y []float32, v *Vectors, from, to int) {
	groups := m.Columns / Group
	for i := range v.N {
		x := v.values[i*m.Columns:][:m.Columns]
		for r := from; r < to; r++ {
			tile := m.tiles[r/Tile*Tile*m.Columns:][:Tile*m.Columns]
			sum := float32(0)
			for g := range groups {
				acc := v.starts[i*groups+g]
				for c := g * Group; c < (g+1)*Group; c++ {
					acc += int32(tile[c/quad*quad*Tile+r%Tile*quad+c%quad]) * int32(x[c])
				}
				sum += float32(acc) * v.scales[i*groups+g]
			}
			y[i*(to-from)+r-from] = sum * m.scales[r]
		}
	}
}

func largest(x []float32) float32 {
	var m uint32
	for _, v := range x {
		m = max(m, math.Float32bits(v)&0x7fffffff)
	}
	return math.Float32frombits(m)
}

func reciprocal(scale float32) float32 {
	if scale < 1e-30 {
		return 0
	}
	return 1 / scale
}

// nearest rounds a float of magnitude below 2^22 to the nearest integer, ties to even.
func nearest(x float32) int32 {
	const magic = 0x1.8p23
	return int32(math.Float32bits(x+magic)) - int32(math.Float32bits(magic))
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
