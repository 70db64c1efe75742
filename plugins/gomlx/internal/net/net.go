// Package net builds the graphs of a transformer in static shapes: a layer, and what makes logits of its outputs.
//
// # Shapes
//
// T tokens are computed together, of whichever sequences. Their keys and values come out of the graph and are written
// into the cache by the host; the graph itself only reads the cache: of each head the first C cells, a multiple of
// [Block], keys and values [C, head_dim]. Masks, 0 or [Hidden], say which cells and which of the T tokens each token
// sees.
//
// Matrices are [out, in], as files have them. Of 8-bit ones each row has a scale.
package net

import (
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:staticcheck // graphs read as GoMLX's own do

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
)

// Block is how many cells a block of the cache has.
const Block = 256

// Hidden is added to the scores of what a token does not see.
const Hidden = -1e30

// Net is a transformer whose matrices and cache are of some kinds.
type Net struct {
	arch.Config
	Weights    dtypes.DType // Float32, BFloat16 or Int8
	Cache      dtypes.DType // Float32 or Float16
	Vocabulary int
}

// Shared are the shapes of what all layers of a program read, for t tokens and n blocks: x [T, width], [Solid], and for
// each kind of layers, global ones and then local ones if there are any, cosines and sines [T, head_dim/2], the cache's
// mask [T, C] and the tokens' own mask [T, T].
func (m Net) Shared(t, n int) []device.Shape {
	f32 := func(dims ...int) device.Shape { return device.Shape{Kind: dtypes.Float32, Dims: dims} }
	in := []device.Shape{f32(t, m.Width), f32(len(Solid))}
	for range m.Kinds() {
		in = append(in, f32(t, m.HeadDim/2), f32(t, m.HeadDim/2), f32(t, n*Block), f32(t, t))
	}
	return in
}

// Kinds is how many kinds of layers there are: 2 where some look back on a window only.
func (m Net) Kinds() int {
	if m.Window > 0 {
		return 2
	}
	return 1
}

// kindInputs is how many inputs a kind of layers has.
const kindInputs = 4

// CacheInputs are the shapes of n blocks of a layer's cache: the keys of each head and the values of each.
func (m Net) CacheInputs(n int) (in []device.Shape) {
	for range 2 * m.KVHeads {
		in = append(in, device.Shape{Kind: m.Cache, Dims: m.HeadShape(n)})
	}
	return in
}

// HeadShape is that of n blocks of one head's keys or values.
func (m Net) HeadShape(n int) []int { return []int{n * Block, m.HeadDim} }

// Group returns the program of consecutive layers for t tokens and n blocks, and whether it was compiled just now. local
// says of each layer whether it is. Inputs are the shared ones and, layer by layer, the cache's and the weights. Of x it
// makes x [T, width], the keys and values of each layer [layers, 2, T, kv_heads, head_dim] of the cache's kind, and what
// each layer leaves [layers, T, width].
func (m Net) Group(d *device.Device, t, n int, local []bool) (*device.Program, bool, error) {
	in := m.Shared(t, n)
	shared, cache := len(in), len(m.CacheInputs(n))
	for range local {
		in = append(in, m.CacheInputs(n)...)
		for _, w := range LayerWeights(m.Config) {
			in = append(in, w.Inputs(m.Weights)...)
		}
	}
	each := (len(in) - shared) / len(local)
	name := fmt.Sprintf("layers %v of %d tokens, %d blocks, %s", local, t, n, m.name())
	return d.Program(name, in, func(in []*Node) []*Node {
		x := in[0]
		var vectors, states []*Node
		for i, local := range local {
			own := in[shared+i*each:][:each]
			kind := in[shared-kindInputs*m.Kinds():][:kindInputs]
			if local {
				kind = in[shared-kindInputs:][:kindInputs]
			}
			var k, v *Node
			x, k, v = m.layer(x, in[1], kind, own[:cache], m.named(LayerWeights(m.Config), own[cache:]))
			vectors = append(vectors, Stack([]*Node{k, v}, 0))
			states = append(states, x)
		}
		return []*Node{x, Stack(vectors, 0), Stack(states, 0)}
	})
}

// Head returns the program that makes logits [R, vocabulary] of x [R, width] and [Solid], and whether it was compiled just now.
func (m Net) Head(d *device.Device, r int) (*device.Program, bool, error) {
	weights := HeadWeights(m.Config, m.Vocabulary, "")
	in := []device.Shape{{Kind: dtypes.Float32, Dims: []int{r, m.Width}}, {Kind: dtypes.Float32, Dims: []int{len(Solid)}}}
	for _, w := range weights {
		in = append(in, w.Inputs(m.Weights)...)
	}
	return d.Program(fmt.Sprintf("head of %d rows, %s", r, m.name()), in, func(in []*Node) []*Node {
		w := m.named(weights, in[2:])
		return []*Node{linear(rmsNorm(in[0], w["output_norm"], m.Epsilon), w["output"], in[1])}
	})
}

// name tells apart what graphs are different for.
func (m Net) name() string {
	c := m.Config
	c.Layers, c.TrainContext, c.EmbeddingScale, c.RopeFactors = 0, 0, 0, nil
	return fmt.Sprintf("%s weights, %s cache, vocabulary %d, %+v", m.Weights, m.Cache, m.Vocabulary, c)
}

// weight is a vector, or a matrix with its rows' scales where these are not 1.
type weight struct{ numbers, scales *Node }

func (m Net) named(weights []Weight, in []*Node) map[string]weight {
	named := map[string]weight{}
	for _, w := range weights {
		got := weight{numbers: in[0]}
		if n := len(w.Inputs(m.Weights)); n == 2 {
			got.scales = in[1]
		}
		named[w.Name] = got
		in = in[len(w.Inputs(m.Weights)):]
	}
	return named
}

// layer is one layer: what it leaves, and the keys and values of the tokens.
func (m Net) layer(x, one *Node, kind, cache []*Node, w map[string]weight) (out, k, v *Node) {
	cos, sin, mask, own := kind[0], kind[1], kind[2], kind[3]
	t := x.Shape().Dim(0)
	qkv := linear(rmsNorm(x, w["attn_norm"], m.Epsilon), w["attn_qkv"], one)
	if m.Bias {
		qkv = Add(qkv, broadcast(w["attn_qkv_bias"].numbers, qkv))
	}
	heads := func(from, n int) *Node {
		return Reshape(Slice(qkv, AxisRange(), AxisRange(from*m.HeadDim, (from+n)*m.HeadDim)), t, n, m.HeadDim)
	}
	var q *Node
	q, k, v = heads(0, m.Heads), heads(m.Heads, m.KVHeads), heads(m.Heads+m.KVHeads, m.KVHeads)
	if m.HeadNorm {
		q, k = rmsNorm(q, w["attn_q_norm"], m.Epsilon), rmsNorm(k, w["attn_k_norm"], m.Epsilon)
	}
	q, k = rotate(q, cos, sin), rotate(k, cos, sin)
	a := linear(m.attend(q, k, v, mask, own, cache[:m.KVHeads], cache[m.KVHeads:]), w["attn_output"], one)
	if m.PostNorm {
		a = rmsNorm(a, w["post_attention_norm"], m.Epsilon)
	}
	x = Add(x, a)
	h := linear(m.mlp(linear(rmsNorm(x, w["ffn_norm"], m.Epsilon), w["ffn_gate_up"], one)), w["ffn_down"], one)
	if m.PostNorm {
		h = rmsNorm(h, w["post_ffw_norm"], m.Epsilon)
	}
	return Add(x, h), as(k, m.Cache), as(v, m.Cache)
}

// fewRows is up to how many rows a product with weights is computed row by row, unless these are 32-bit numbers. A product
// with one row converts numbers on their way; with more XLA writes all of the converted matrix to memory first.
const fewRows = 4

// linear is x [T, in] times the transpose of w [out, in].
func linear(x *Node, w weight, one *Node) *Node {
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
	if w.scales != nil {
		y = Mul(y, broadcast(w.scales, y))
	}
	return y
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
