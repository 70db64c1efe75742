package net

import (
	"os"
	"strconv"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:staticcheck // graphs read as GoMLX's own do
)

// attend returns what each token sees, [T, heads * head_dim]: of the cache, and of the T tokens themselves. q is
// [T, heads, head_dim], k [kv_heads, head_dim, T], v [kv_heads, T, head_dim]; in is both masks and both parts of the
// cache.
func (m Net) attend(q, k, v *Node, in []*Node) *Node {
	mask, own, keys, values := in[0], in[1], as(in[2], dtypes.Float32), as(in[3], dtypes.Float32)
	t, n, kv, group := q.Shape().Dim(0), keys.Shape().Dim(0), m.KVHeads, m.Heads/m.KVHeads
	rows := t * group
	q = MulScalar(q, m.ScoreScale)
	q = Reshape(TransposeAllAxes(Reshape(q, t, kv, group, m.HeadDim), 1, 0, 2, 3), kv, rows, m.HeadDim)

	old := Reshape(m.scores(q, keys), n, kv, t, group, Block)
	old = Add(old, BroadcastToDims(Reshape(mask, n, 1, t, 1, Block), n, kv, t, group, Block))
	fresh := Reshape(DotGeneral(q, []int{2}, []int{0}, k, []int{1}, []int{0}), kv, t, group, t)
	fresh = Add(fresh, BroadcastToDims(Reshape(own, 1, t, 1, t), kv, t, group, t))

	most := Max(ReduceMax(old, 0, 4), ReduceMax(fresh, 3)) // [kv, t, group]
	old = Exp(Sub(old, BroadcastToDims(Reshape(most, 1, kv, t, group, 1), n, kv, t, group, Block)))
	fresh = Exp(Sub(fresh, BroadcastToDims(Reshape(most, kv, t, group, 1), kv, t, group, t)))
	sum := Add(ReduceSum(old, 0, 4), ReduceSum(fresh, 3))

	seen := m.weigh(Reshape(old, n, kv, rows, Block), values)
	seen = Add(seen, DotGeneral(Reshape(fresh, kv, rows, t), []int{2}, []int{0}, v, []int{1}, []int{0}))
	seen = Div(Reshape(seen, kv, t, group, m.HeadDim), BroadcastToDims(Reshape(sum, kv, t, group, 1), kv, t, group, m.HeadDim))
	return Reshape(TransposeAllAxes(seen, 1, 0, 2, 3), t, m.Heads*m.HeadDim)
}

// fused is up to how many rows of queries scores are computed in one loop with what reads the cache.
var fused = func() int {
	n, err := strconv.Atoi(os.Getenv("FUSED"))
	if err != nil {
		return 0
	}
	return n
}()

// scores are q [kv, rows, head_dim] times keys [N, kv, head_dim, Block]: [N, kv, rows, Block].
func (m Net) scores(q, keys *Node) *Node {
	n, kv, rows, dim := keys.Shape().Dim(0), q.Shape().Dim(0), q.Shape().Dim(1), m.HeadDim
	if rows > fused {
		all := BroadcastToDims(Reshape(q, 1, kv, rows, dim), n, kv, rows, dim)
		return DotGeneral(all, []int{3}, []int{0, 1}, keys, []int{2}, []int{0, 1})
	}
	a := BroadcastToDims(Reshape(q, 1, kv, rows, dim, 1), n, kv, rows, dim, Block)
	b := BroadcastToDims(Reshape(keys, n, kv, 1, dim, Block), n, kv, rows, dim, Block)
	return ReduceSum(Mul(a, b), 3)
}

// weigh are p [N, kv, rows, Block] times values [N, kv, Block, head_dim], summed over blocks: [kv, rows, head_dim].
func (m Net) weigh(p, values *Node) *Node {
	n, kv, rows, dim := p.Shape().Dim(0), p.Shape().Dim(1), p.Shape().Dim(2), m.HeadDim
	if rows > fused {
		return ReduceSum(DotGeneral(p, []int{3}, []int{0, 1}, values, []int{2}, []int{0, 1}), 0)
	}
	a := BroadcastToDims(Reshape(p, n, kv, rows, Block, 1), n, kv, rows, Block, dim)
	b := BroadcastToDims(Reshape(values, n, kv, 1, Block, dim), n, kv, rows, Block, dim)
	return ReduceSum(ReduceSum(Mul(a, b), 3), 0)
}
