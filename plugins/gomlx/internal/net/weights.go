package net

import "github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"

// Weight is one input of a layer: what the file's tensors under "blk.<layer>." make, one after the other along the
// last axis. Matrices are [in, out], the transpose of the file's.
type Weight struct {
	Name  string
	Shape []int
	From  []string
}

// LayerWeights are a layer's weights, in the order of the graph's inputs.
func LayerWeights(c arch.Config) []Weight {
	qkv := (c.Heads + 2*c.KVHeads) * c.HeadDim
	w := []Weight{
		{"attn_norm", []int{c.Width}, []string{"attn_norm.weight"}},
		{"attn_qkv", []int{c.Width, qkv}, []string{"attn_q.weight", "attn_k.weight", "attn_v.weight"}},
		{"attn_output", []int{c.Heads * c.HeadDim, c.Width}, []string{"attn_output.weight"}},
		{"ffn_norm", []int{c.Width}, []string{"ffn_norm.weight"}},
		{"ffn_gate_up", []int{c.Width, 2 * c.Inner}, []string{"ffn_gate.weight", "ffn_up.weight"}},
		{"ffn_down", []int{c.Inner, c.Width}, []string{"ffn_down.weight"}},
	}
	if c.Bias {
		w = append(w, Weight{"attn_qkv_bias", []int{qkv}, []string{"attn_q.bias", "attn_k.bias", "attn_v.bias"}})
	}
	if c.HeadNorm {
		w = append(w, Weight{"attn_q_norm", []int{c.HeadDim}, []string{"attn_q_norm.weight"}}, Weight{"attn_k_norm", []int{c.HeadDim}, []string{"attn_k_norm.weight"}})
	}
	if c.PostNorm {
		w = append(w, Weight{"post_attention_norm", []int{c.Width}, []string{"post_attention_norm.weight"}}, Weight{"post_ffw_norm", []int{c.Width}, []string{"post_ffw_norm.weight"}})
	}
	return w
}
