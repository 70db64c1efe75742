package net

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:staticcheck // graphs read as GoMLX's own do
)

// attend returns what each token sees, [T, heads * head_dim]: of the cache, and of the T tokens themselves. q is
// [T, heads, head_dim], k and v [T, kv_heads, head_dim]; mask and own are both masks, keys and values the cache's, an
// input a head. Each head is a matter of matrices: XLA computes those faster than batches of them.
func (m Net) attend(q, k, v, mask, own *Node, keys, values []*Node) *Node {
	t, group := q.Shape().Dim(0), m.Heads/m.KVHeads
	rows, cells := t*group, mask.Shape().Dim(1)
	q = MulScalar(Reshape(q, t, m.KVHeads, group, m.HeadDim), m.ScoreScale)
	spread := func(mask *Node, n int) *Node {
		return Reshape(BroadcastToDims(Reshape(mask, t, 1, n), t, group, n), rows, n)
	}
	mask, own = spread(mask, cells), spread(own, t)
	var seen []*Node
	for h := range m.KVHeads {
		of := func(x *Node) *Node { return Reshape(Slice(x, AxisRange(), AxisElem(h)), -1, m.HeadDim) }
		queries := of(q)
		old := Add(products(queries, keys[h]), mask)
		fresh := Add(products(queries, of(k)), own)
		most := Max(ReduceAndKeep(old, ReduceMax, 1), ReduceAndKeep(fresh, ReduceMax, 1))
		old, fresh = Exp(Sub(old, broadcastLast(most, old))), Exp(Sub(fresh, broadcastLast(most, fresh)))
		sum := Add(ReduceAndKeep(old, ReduceSum, 1), ReduceAndKeep(fresh, ReduceSum, 1))
		head := Add(Dot(old, as(values[h], dtypes.Float32)), Dot(fresh, of(v)))
		seen = append(seen, Reshape(Div(head, broadcastLast(sum, head)), t, group*m.HeadDim))
	}
	return Concatenate(seen, 1)
}
