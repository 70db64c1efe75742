package net

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:revive,staticcheck // graphs read as GoMLX's own do
)

// attend returns what each token sees, [T, heads * head_dim]: of the cache, and of the T tokens themselves. q is
// [T, heads, head_dim], k [kv_heads, head_dim, T], v [kv_heads, T, head_dim]; in is both masks and both parts of the
// cache.
func (m Net) attend(q, k, v *Node, in []*Node) *Node {
	mask, own, keys, values := in[0], in[1], as(in[2], dtypes.Float32), as(in[3], dtypes.Float32)
	t, n, kv, group := q.Shape().Dim(0), keys.Shape().Dim(0), m.KVHeads, m.Heads/m.KVHeads
	q = MulScalar(q, m.ScoreScale)
	q = Reshape(TransposeAllAxes(Reshape(q, t, kv, group, m.HeadDim), 1, 0, 2, 3), kv, t*group, m.HeadDim)

	all := BroadcastToDims(Reshape(q, 1, kv, t*group, m.HeadDim), n, kv, t*group, m.HeadDim)
	old := Reshape(DotGeneral(all, []int{3}, []int{0, 1}, keys, []int{2}, []int{0, 1}), n, kv, t, group, Block)
	old = Add(old, BroadcastToDims(Reshape(mask, n, 1, t, 1, Block), n, kv, t, group, Block))
	fresh := Reshape(DotGeneral(q, []int{2}, []int{0}, k, []int{1}, []int{0}), kv, t, group, t)
	fresh = Add(fresh, BroadcastToDims(Reshape(own, 1, t, 1, t), kv, t, group, t))

	most := Max(ReduceMax(old, 0, 4), ReduceMax(fresh, 3)) // [kv, t, group]
	old = Exp(Sub(old, BroadcastToDims(Reshape(most, 1, kv, t, group, 1), n, kv, t, group, Block)))
	fresh = Exp(Sub(fresh, BroadcastToDims(Reshape(most, kv, t, group, 1), kv, t, group, t)))
	sum := Add(ReduceSum(old, 0, 4), ReduceSum(fresh, 3))

	seen := ReduceSum(DotGeneral(Reshape(old, n, kv, t*group, Block), []int{3}, []int{0, 1}, values, []int{2}, []int{0, 1}), 0)
	seen = Add(seen, DotGeneral(Reshape(fresh, kv, t*group, t), []int{2}, []int{0}, v, []int{1}, []int{0}))
	seen = Div(Reshape(seen, kv, t, group, m.HeadDim), BroadcastToDims(Reshape(sum, kv, t, group, 1), kv, t, group, m.HeadDim))
	return Reshape(TransposeAllAxes(seen, 1, 0, 2, 3), t, m.Heads*m.HeadDim)
}
