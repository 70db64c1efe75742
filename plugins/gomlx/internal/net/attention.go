package net

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:staticcheck // graphs read as GoMLX's own do
)

// attend returns what each token sees, [T, heads * head_dim], of the cache and of the tokens' own keys and values. q is
// [T, heads, head_dim], k and v [T, kv_heads, head_dim].
func (c *cache) attend(q, k, v *Node) *Node {
	t, group := q.Shape().Dim(0), c.Heads/c.KVHeads
	if c.packed {
		q = c.turn(q, false)
	}
	q = MulScalar(q, c.ScoreScale)
	parts := c.parts(k, v)
	how := over(&many{c.Net})
	if c.Compute == dtypes.Float32 && t <= fewRows {
		how = &few{c.Net}
	}
	var scores []*Node
	for _, p := range parts {
		scores = append(scores, p.hide(how.scores(q, p.keys), p.keyScales, t, group))
	}
	all := Concatenate(scores, -1) // [kv_heads, T * group, seen]
	weights := Exp(Sub(all, broadcastLast(ReduceAndKeep(all, ReduceMax, -1), all)))
	sum := ReduceAndKeep(weights, ReduceSum, -1)
	var out *Node
	at := 0
	for _, p := range parts {
		n := p.mask.Shape().Dim(1)
		w := Slice(weights, AxisRange(), AxisRange(), AxisRange(at, at+n))
		if p.valueScales != nil {
			w = Mul(w, perHead(p.valueScales, w))
		}
		at += n
		if o := how.sums(w, p.values); out == nil {
			out = o
		} else {
			out = Add(out, o)
		}
	}
	out = Reshape(Div(out, broadcastLast(sum, out)), c.KVHeads, t, group, c.HeadDim)
	out = Reshape(TransposeAllAxes(out, 1, 0, 2, 3), t, c.Heads, c.HeadDim)
	if c.packed {
		out = c.turn(out, true)
	}
	return Reshape(out, t, c.Heads*c.HeadDim)
}

// hide adds the mask to scores [kv_heads, T * group, N], which it multiplies by the keys' scales.
func (p part) hide(scores, scales *Node, t, group int) *Node {
	dims := scores.Shape().Dimensions
	if scales != nil {
		scores = Mul(scores, perHead(scales, scores))
	}
	mask := BroadcastToDims(Reshape(p.mask, 1, t, 1, -1), dims[0], t, group, dims[2])
	return Add(scores, Reshape(mask, dims...))
}

// perHead repeats scales [N, kv_heads] for all rows of [kv_heads, rows, N].
func perHead(scales, like *Node) *Node {
	scales = as(TransposeAllAxes(scales, 1, 0), dtypes.Float32)
	return BroadcastToDims(ExpandAxes(scales, 1), like.Shape().Dimensions...)
}

// over is a way to compute with vectors [N, kv_heads, head_dim] of whatever kind.
type over interface {
	scores(q, keys *Node) *Node       // [kv_heads, T * group, N], of q [T, heads, head_dim]
	sums(weights, values *Node) *Node // [kv_heads, T * group, head_dim], of weights [kv_heads, T * group, N]
}

// many computes products of matrices, into which vectors are converted.
type many struct{ Net }

func (m *many) scores(q, keys *Node) *Node {
	t, group := q.Shape().Dim(0), m.Heads/m.KVHeads
	q = Reshape(TransposeAllAxes(Reshape(q, t, m.KVHeads, group, m.HeadDim), 1, 0, 2, 3), m.KVHeads, t*group, m.HeadDim)
	return as(DotGeneral(as(q, m.Compute), []int{2}, []int{0}, as(keys, m.Compute), []int{2}, []int{1}), dtypes.Float32)
}

func (m *many) sums(weights, values *Node) *Node {
	return as(DotGeneral(as(weights, m.Compute), []int{2}, []int{0}, as(values, m.Compute), []int{0}, []int{1}), dtypes.Float32)
}

// few computes row by row, and converts numbers on their way: see fewRows.
type few struct{ Net }

func (m *few) scores(q, keys *Node) *Node {
	t, group := q.Shape().Dim(0), m.Heads/m.KVHeads
	var heads []*Node
	for h := range m.KVHeads {
		of := as(Reshape(Slice(keys, AxisRange(), AxisElem(h)), -1, m.HeadDim), dtypes.Float32)
		var rows []*Node
		for i := range t {
			for j := range group {
				row := Reshape(Slice(q, AxisElem(i), AxisElem(h*group+j)), 1, m.HeadDim)
				rows = append(rows, DotGeneral(row, []int{1}, nil, of, []int{1}, nil))
			}
		}
		heads = append(heads, Concatenate(rows, 0))
	}
	return Stack(heads, 0)
}

// stride is how many vectors are added in one go.
const stride = 32

func (m *few) sums(weights, values *Node) *Node {
	rows, n := weights.Shape().Dim(1), values.Shape().Dim(0)
	each := min(n, stride)
	if n%each != 0 {
		each = 1
	}
	dims := []int{n / each, m.KVHeads, rows, m.HeadDim}
	weights = Reshape(TransposeAllAxes(weights, 2, 0, 1), n/each, each, m.KVHeads, rows)
	values = Reshape(values, n/each, each, m.KVHeads, m.HeadDim)
	var sum *Node
	for i := range each {
		w := Reshape(Slice(weights, AxisRange(), AxisElem(i)), n/each, m.KVHeads, rows, 1)
		v := Reshape(Slice(values, AxisRange(), AxisElem(i)), n/each, m.KVHeads, 1, m.HeadDim)
		term := Mul(BroadcastToDims(w, dims...), BroadcastToDims(as(v, dtypes.Float32), dims...))
		if sum == nil {
			sum = term
		} else {
			sum = Add(sum, term)
		}
	}
	return ReduceSum(sum, 0)
}
