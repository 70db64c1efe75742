package net

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
)

// Weight is what some tensors of the file make, one below the other: a matrix [Rows, Columns] that multiplies from the
// left, or a vector of Columns with no Rows. Tensors of layers are under "blk.<layer>.".
type Weight struct {
	Name          string
	Rows, Columns int
	From          []string
}

// Inputs are what a program gets of a weight: its numbers, and the scales of a matrix of 8-bit ones, one a row.
func (w Weight) Inputs(kind dtypes.DType) []device.Shape {
	if w.Rows == 0 {
		return []device.Shape{{Kind: dtypes.Float32, Dims: []int{w.Columns}}}
	}
	in := []device.Shape{{Kind: kind, Dims: []int{w.Rows, w.Columns}}}
	if kind == dtypes.Int8 {
		in = append(in, device.Shape{Kind: dtypes.Float32, Dims: []int{w.Rows}})
	}
	return in
}

// LayerWeights are a layer's weights, in the order of the program's inputs.
func LayerWeights(c arch.Config) []Weight {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	vector := func(name string, n int) Weight {
		return Weight{Name: name, Columns: n, From: []string{name + ".weight"}}
	}
	w := []Weight{
		vector("attn_norm", c.Width),
		{"attn_qkv", q + 2*kv, c.Width, []string{"attn_q.weight", "attn_k.weight", "attn_v.weight"}},
		{"attn_output", c.Width, q, []string{"attn_output.weight"}},
		vector("ffn_norm", c.Width),
		{"ffn_gate_up", 2 * c.Inner, c.Width, []string{"ffn_gate.weight", "ffn_up.weight"}},
		{"ffn_down", c.Width, c.Inner, []string{"ffn_down.weight"}},
	}
	if c.Bias {
		w = append(w, Weight{"attn_qkv_bias", 0, q + 2*kv, []string{"attn_q.bias", "attn_k.bias", "attn_v.bias"}})
	}
	if c.HeadNorm {
		w = append(w, vector("attn_q_norm", c.HeadDim), vector("attn_k_norm", c.HeadDim))
	}
	if c.PostNorm {
		w = append(w, vector("post_attention_norm", c.Width), vector("post_ffw_norm", c.Width))
	}
	return w
}

// HeadWeights are those that make logits of the last layer's output. output is the name of the tensor, which may be the
// token embeddings'.
func HeadWeights(c arch.Config, vocabulary int, output string) []Weight {
	return []Weight{
		{"output_norm", 0, c.Width, []string{"output_norm.weight"}},
		{"output", vocabulary, c.Width, []string{output}},
	}
}
