package net

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:staticcheck // graphs read as GoMLX's own do
)

// attend returns what each token sees, [T, heads * head_dim]: of the cache, and of the T tokens themselves. q is
// [T, heads, head_dim], k and v [T, kv_heads, head_dim]; mask and own are both masks, keys and values the cache's, an
// input a head. What is seen is put into one tensor first, of 32-bit numbers: few large operations are quicker than many.
func (m Net) attend(q, k, v, mask, own *Node, keys, values []*Node) *Node {
	t, group := q.Shape().Dim(0), m.Heads/m.KVHeads
	rows, seen := t*group, mask.Shape().Dim(1)+t
	q = MulScalar(Reshape(q, t, m.KVHeads, group, m.HeadDim), m.ScoreScale)
	q = Reshape(TransposeAllAxes(q, 1, 0, 2, 3), m.KVHeads, rows, m.HeadDim)

	scores := DotGeneral(q, []int{2}, []int{0}, m.together(keys, k), []int{2}, []int{0}) // [kv_heads, rows, seen]
	mask = Reshape(Concatenate([]*Node{mask, own}, 1), 1, t, 1, seen)
	mask = Reshape(BroadcastToDims(mask, m.KVHeads, t, group, seen), m.KVHeads, rows, seen)
	scores = Add(scores, mask)
	weights := Exp(Sub(scores, broadcastLast(ReduceAndKeep(scores, ReduceMax, 2), scores)))
	sum := ReduceAndKeep(weights, ReduceSum, 2)
	out := DotGeneral(weights, []int{2}, []int{0}, m.together(values, v), []int{1}, []int{0}) // [kv_heads, rows, head_dim]
	out = Reshape(Div(out, broadcastLast(sum, out)), m.KVHeads, t, group, m.HeadDim)
	return Reshape(TransposeAllAxes(out, 1, 0, 2, 3), t, m.Heads*m.HeadDim)
}

// together are vectors of the cache, a [C, head_dim] a head, and behind them the tokens' own, [T, kv_heads, head_dim]:
// [kv_heads, C+T, head_dim].
func (m Net) together(cache []*Node, own *Node) *Node {
	var heads []*Node
	for h, cells := range cache {
		fresh := Reshape(Slice(own, AxisRange(), AxisElem(h)), -1, m.HeadDim)
		all := Concatenate([]*Node{as(cells, dtypes.Float32), fresh}, 0)
		heads = append(heads, Reshape(all, 1, -1, m.HeadDim))
	}
	return Concatenate(heads, 0)
}
