package executor_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"
)

// theirNames are those of Hugging Face's models, by GGUF's; Gemma's differ.
var theirNames = map[string]string{
	"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
	"attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
	"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "ffn_norm": "post_attention_layernorm",
	"gemma ffn_norm": "pre_feedforward_layernorm", "gemma post_attention_norm": "post_attention_layernorm",
	"gemma post_ffw_norm": "post_feedforward_layernorm",
}

// TestSafetensors writes the small models as transformers would and holds their logits against the same goldens.
func TestSafetensors(t *testing.T) {
	for name, more := range map[string]string{
		"qwen2": "", "qwen3": "", "llama": "",
		"gemma3": `"rope_local_base_freq": 10000, "sliding_window": 4, "sliding_window_pattern": 2,`,
	} {
		t.Run(name, func(t *testing.T) {
			g := goldens(t)[name]
			x := open(t, convert(t, name, more), dtypes.Float32, dtypes.Float32, small)
			require.NoError(t, x.Step(steps(0, 0, g.Tokens)))
			if name == "llama" {
				return // its frequencies are stretched by numbers of its own, which config.json cannot say
			}
			for i, want := range g.Logits {
				near(t, want, x.Logits(i), 1e-3)
			}
		})
	}
}

func convert(t *testing.T, name, more string) string {
	t.Helper()
	f, err := weights.Open("testdata/" + name + ".gguf")
	require.NoError(t, err)
	defer f.Close()
	folder := t.TempDir()
	head, data := map[string]any{}, []byte{}
	put := func(ours, theirs string) {
		tensor, err := f.Tensor(ours)
		if err != nil {
			require.ErrorIs(t, err, weights.ErrNoTensor)
			return
		}
		numbers, err := tensor.Floats()
		require.NoError(t, err)
		begin := len(data)
		for _, v := range numbers {
			if name == "gemma3" && strings.HasSuffix(ours, "norm.weight") {
				v--
			}
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		shape := []int{tensor.Rows, tensor.Columns}
		if tensor.Rows == 1 {
			shape = shape[1:]
		}
		head[theirs] = map[string]any{"dtype": "F32", "shape": shape, "data_offsets": []int{begin, len(data)}}
	}
	put("token_embd.weight", "model.embed_tokens.weight")
	put("output_norm.weight", "model.norm.weight")
	put("output.weight", "lm_head.weight")
	for layer := range f.Integer("block_count", 0) {
		for ours, theirs := range theirNames {
			gemma, isGemma := strings.CutPrefix(ours, "gemma ")
			if _, has := theirNames["gemma "+ours]; has && name == "gemma3" || isGemma && name != "gemma3" {
				continue
			}
			for _, part := range []string{"weight", "bias"} {
				put(fmt.Sprintf("blk.%d.%s.%s", layer, gemma, part), fmt.Sprintf("model.layers.%d.%s.%s", layer, theirs, part))
			}
		}
	}
	text, err := json.Marshal(head)
	require.NoError(t, err)
	kind := map[string]string{"gemma3": "gemma3_text"}[name]
	if kind == "" {
		kind = name
	}
	config := fmt.Sprintf(`{"model_type": %q, "num_hidden_layers": %d, "hidden_size": %d, "intermediate_size": %d, "num_attention_heads": %d,
		"num_key_value_heads": %d, "head_dim": %d, %s "rope_theta": %g, "rms_norm_eps": 1e-5, "max_position_embeddings": 512}`, kind,
		f.Integer("block_count", 0), f.Integer("embedding_length", 0), f.Integer("feed_forward_length", 0), f.Integer("attention.head_count", 0),
		f.Integer("attention.head_count_kv", 0), f.Integer("attention.key_length", 0), more, f.Number("rope.freq_base", 0))
	path := filepath.Join(folder, "model.safetensors")
	for file, content := range map[string][]byte{
		"model.safetensors": append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), data...),
		"config.json":       []byte(config), "tokenizer.json": []byte(`{"model": {"type": "BPE", "vocab": {"a": 0}}}`),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, file), content, 0o600))
	}
	return path
}
