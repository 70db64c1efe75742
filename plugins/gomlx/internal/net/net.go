// Package net builds the graphs of a transformer in static shapes: a layer, and what makes logits of its outputs.
//
// # Shapes
//
// T tokens are computed together, of whichever sequences. Their keys and values come out of the graph and are written
// into the cache by the host; the graph itself only reads the cache, in N blocks of [Block] cells: keys
// [N, kv_heads, head_dim, Block], so that scores need no transposition, and values [N, kv_heads, Block, head_dim].
// Masks, 0 or [Hidden], say which cells and which of the T tokens each token sees.
package net

import (
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:revive,staticcheck // graphs read as GoMLX's own do

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"
)

// Block is how many cells a block of the cache has.
const Block = 256

// Hidden is added to the scores of what a token does not see.
const Hidden = -1e30

// Inputs of a layer before its weights: x [T, width], cos and sin [T, head_dim/2], the cache's mask [N, T, Block],
// the tokens' own mask [T, T], keys and values of the cache.
const layerInputs = 7

// LayerInputs are the shapes of a layer's inputs for t tokens and n blocks, its weights included.
func LayerInputs(c arch.Config, t, n int) [][]int {
	in := [][]int{
		{t, c.Width}, {t, c.HeadDim / 2}, {t, c.HeadDim / 2}, {n, t, Block}, {t, t},
		{n, c.KVHeads, c.HeadDim, Block}, {n, c.KVHeads, Block, c.HeadDim},
	}
	for _, w := range LayerWeights(c) {
		in = append(in, w.Shape)
	}
	return in
}

// Layer computes one: x [T, width], keys [kv_heads, head_dim, T], values [kv_heads, T, head_dim].
func Layer(c arch.Config, in []*Node) []*Node {
	x, cos, sin := in[0], in[1], in[2]
	w := map[string]*Node{}
	for i, weight := range LayerWeights(c) {
		w[weight.Name] = in[layerInputs+i]
	}
	t := x.Shape().Dim(0)
	qkv := Dot(RMSNorm(x, w["attn_norm"], c.Epsilon), w["attn_qkv"])
	if c.Bias {
		qkv = Add(qkv, broadcast(w["attn_qkv_bias"], qkv))
	}
	heads := func(from, n int) *Node {
		return Reshape(Slice(qkv, AxisRange(), AxisRange(from*c.HeadDim, (from+n)*c.HeadDim)), t, n, c.HeadDim)
	}
	q, k, v := heads(0, c.Heads), heads(c.Heads, c.KVHeads), heads(c.Heads+c.KVHeads, c.KVHeads)
	if c.HeadNorm {
		q, k = RMSNorm(q, w["attn_q_norm"], c.Epsilon), RMSNorm(k, w["attn_k_norm"], c.Epsilon)
	}
	q, k = rotate(q, cos, sin), rotate(k, cos, sin)
	k, v = TransposeAllAxes(k, 1, 2, 0), TransposeAllAxes(v, 1, 0, 2)

	a := Dot(attend(c, q, k, v, in[3:layerInputs]), w["attn_output"])
	if c.PostNorm {
		a = RMSNorm(a, w["post_attention_norm"], c.Epsilon)
	}
	x = Add(x, a)
	m := mlp(c, RMSNorm(x, w["ffn_norm"], c.Epsilon), w["ffn_gate_up"], w["ffn_down"])
	if c.PostNorm {
		m = RMSNorm(m, w["post_ffw_norm"], c.Epsilon)
	}
	return []*Node{Add(x, m), k, v}
}

// RMSNorm divides the last axis by its root mean square and multiplies by weight.
func RMSNorm(x, weight *Node, epsilon float64) *Node {
	mean := ReduceAndKeep(Square(x), ReduceMean, -1)
	return Mul(Mul(x, Rsqrt(AddScalar(mean, epsilon))), broadcast(weight, x))
}

// broadcast repeats a vector along all axes but the last.
func broadcast(v, like *Node) *Node {
	return BroadcastToDims(ExpandLeftToRank(v, like.Rank()), like.Shape().Dimensions...)
}

// rotate turns pairs (i, i + head_dim/2) of each head, [T, heads, head_dim], by angles of which cos and sin are
// [T, head_dim/2].
func rotate(x, cos, sin *Node) *Node {
	t, n, half := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)/2
	spread := func(angle *Node) *Node { return BroadcastToDims(Reshape(angle, t, 1, half), t, n, half) }
	cos, sin = spread(cos), spread(sin)
	a, b := Slice(x, AxisRange(), AxisRange(), AxisRange(0, half)), Slice(x, AxisRange(), AxisRange(), AxisRange(half, 2*half))
	return Concatenate([]*Node{Sub(Mul(a, cos), Mul(b, sin)), Add(Mul(b, cos), Mul(a, sin))}, -1)
}

// mlp is down(act(gate x) * up x).
func mlp(c arch.Config, x, gateUp, down *Node) *Node {
	h := Dot(x, gateUp)
	gate, up := Slice(h, AxisRange(), AxisRange(0, c.Inner)), Slice(h, AxisRange(), AxisRange(c.Inner, 2*c.Inner))
	if c.GELU {
		const root = 0.7978845608028654 // of 2/pi
		inner := MulScalar(Add(gate, MulScalar(Mul(gate, Square(gate)), 0.044715)), root)
		gate = Mul(gate, MulScalar(AddScalar(Tanh(inner), 1), 0.5))
	} else {
		gate = Mul(gate, Sigmoid(gate))
	}
	return Dot(Mul(gate, up), down)
}

// Head makes logits [R, vocabulary] of x [R, width].
func Head(c arch.Config, x, norm, output *Node) *Node {
	return Dot(RMSNorm(x, norm, c.Epsilon), output)
}
