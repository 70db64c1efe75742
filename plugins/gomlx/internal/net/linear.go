package net

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:staticcheck // graphs read as GoMLX's own do
)

// fewRows is up to how many rows a product with weights is computed row by row, unless these are 32-bit numbers. A product
// with one row converts numbers on their way; with more XLA writes all of the converted matrix to memory first.
const fewRows = 4

// linear is x [T, in] times the transpose of w [out, in].
func (m Net) linear(x *Node, w weight, one *Node) *Node {
	if m.Compute != dtypes.Float32 {
		y := as(DotGeneral(as(x, m.Compute), []int{1}, nil, as(w.numbers, m.Compute), []int{1}, nil), dtypes.Float32)
		return scaled(y, w)
	}
	t := x.Shape().Dim(0)
	var y *Node
	if t <= fewRows && w.numbers.DType() != dtypes.Float32 {
		x = solid(x, one)
	}
	if t == 1 || t > fewRows || w.numbers.DType() == dtypes.Float32 {
		y = products(x, w.numbers)
	} else {
		var rows []*Node
		for i := range t {
			rows = append(rows, products(Slice(x, AxisRange(i, i+1), AxisRange()), w.numbers))
		}
		y = Concatenate(rows, 0)
	}
	return scaled(y, w)
}

// scaled are the products with a matrix's rows, which have scales or not.
func scaled(y *Node, w weight) *Node {
	if w.scales == nil {
		return y
	}
	return Mul(y, broadcast(w.scales, y))
}

// Solid is what programs get to keep XLA from computing the factor of a product again for each of its rows: see solid.
var Solid = []float32{1, 0}

// solid is x, [T, n]. A product of one row that converts its matrix is a loop, into which XLA would take all that makes x;
// not so a sum, and it does not know that one of this sum's two terms is zero.
func solid(x, one *Node) *Node {
	dims := append([]int{len(Solid)}, x.Shape().Dimensions...)
	return ReduceSum(Mul(BroadcastToDims(ExpandAxes(x, 0), dims...), BroadcastToDims(Reshape(one, len(Solid), 1, 1), dims...)), 0)
}

// products are x [T, n] times the transpose of matrix [M, n]: [T, M].
func products(x, matrix *Node) *Node {
	return DotGeneral(x, []int{1}, nil, as(matrix, dtypes.Float32), []int{1}, nil)
}

// as converts numbers to a kind, if they are of another.
func as(x *Node, kind dtypes.DType) *Node {
	if x.DType() == kind {
		return x
	}
	return ConvertDType(x, kind)
}
