package net

import (
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:staticcheck // graphs read as GoMLX's own do
)

// layer is what a layer leaves.
func (m Net) layer(x *Node, c *cache, w map[string]weight) *Node {
	q, k, v := m.enter(x, c.one, c.window, w)
	return m.leave(x, c.attend(q, k, v), c.one, w)
}

// enter makes the queries, keys and values of tokens, [T, heads, head_dim].
func (m Net) enter(x, one *Node, at window, w map[string]weight) (q, k, v *Node) {
	t := x.Shape().Dim(0)
	qkv := m.linear(rmsNorm(x, w["attn_norm"], m.Epsilon), w["attn_qkv"], one)
	if m.Bias {
		qkv = Add(qkv, broadcast(w["attn_qkv_bias"].numbers, qkv))
	}
	heads := func(from, n int) *Node {
		return Reshape(Slice(qkv, AxisRange(), AxisRange(from*m.HeadDim, (from+n)*m.HeadDim)), t, n, m.HeadDim)
	}
	q, k, v = heads(0, m.Heads), heads(m.Heads, m.KVHeads), heads(m.Heads+m.KVHeads, m.KVHeads)
	if m.HeadNorm {
		q, k = rmsNorm(q, w["attn_q_norm"], m.Epsilon), rmsNorm(k, w["attn_k_norm"], m.Epsilon)
	}
	return rotate(q, at.cos, at.sin), rotate(k, at.cos, at.sin), v
}

// leave is what a layer leaves of x, given what attention made of it, [T, heads * head_dim].
func (m Net) leave(x, attended, one *Node, w map[string]weight) *Node {
	a := m.linear(attended, w["attn_output"], one)
	if m.PostNorm {
		a = rmsNorm(a, w["post_attention_norm"], m.Epsilon)
	}
	x = Add(x, a)
	h := m.linear(m.mlp(m.linear(rmsNorm(x, w["ffn_norm"], m.Epsilon), w["ffn_gate_up"], one)), w["ffn_down"], one)
	if m.PostNorm {
		h = rmsNorm(h, w["post_ffw_norm"], m.Epsilon)
	}
	return Add(x, h)
}

// rmsNorm divides the last axis by its root mean square and multiplies by w.
func rmsNorm(x *Node, w weight, epsilon float64) *Node {
	mean := ReduceAndKeep(Square(x), ReduceMean, -1)
	return Mul(Mul(x, broadcastLast(Rsqrt(AddScalar(mean, epsilon)), x)), broadcast(w.numbers, x))
}

// broadcast repeats a vector along all axes but the last.
func broadcast(v, like *Node) *Node {
	return BroadcastToDims(ExpandLeftToRank(v, like.Rank()), like.Shape().Dimensions...)
}

// broadcastLast repeats what has a last axis of 1 along it.
func broadcastLast(v, like *Node) *Node { return BroadcastToDims(v, like.Shape().Dimensions...) }

// rotate turns pairs (i, i + head_dim/2) of each head, [T, heads, head_dim], by angles of which cos and sin are
// [T, head_dim/2].
func rotate(x, cos, sin *Node) *Node {
	t, n, half := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)/2
	spread := func(angle *Node) *Node { return BroadcastToDims(Reshape(angle, t, 1, half), t, n, half) }
	cos, sin = spread(cos), spread(sin)
	a, b := Slice(x, AxisRange(), AxisRange(), AxisRange(0, half)), Slice(x, AxisRange(), AxisRange(), AxisRange(half, 2*half))
	return Concatenate([]*Node{Sub(Mul(a, cos), Mul(b, sin)), Add(Mul(b, cos), Mul(a, sin))}, -1)
}

// mlp is act(gate) * up of h = [gate, up], [T, 2 * inner].
func (m Net) mlp(h *Node) *Node {
	gate, up := Slice(h, AxisRange(), AxisRange(0, m.Inner)), Slice(h, AxisRange(), AxisRange(m.Inner, 2*m.Inner))
	if m.GELU {
		const root = 0.7978845608028654 // of 2/pi
		inner := MulScalar(Add(gate, MulScalar(Mul(gate, Square(gate)), 0.044715)), root)
		return Mul(Mul(gate, MulScalar(AddScalar(Tanh(inner), 1), 0.5)), up)
	}
	return Mul(Mul(gate, Sigmoid(gate)), up)
}
