package weights_test

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"
)

const someConfig = `{"model_type": "gemma3_text", "torch_dtype": "float32", "num_hidden_layers": 3, "rms_norm_eps": 1e-6,
	"rope_scaling": {"rope_type": "linear", "factor": 8}, "eos_token_id": [1, 4]}`

const someTokenizer = `{"added_tokens": [{"id": 4, "content": "<end_of_turn>", "special": true}],
	"post_processor": {"type": "TemplateProcessing"},
	"model": {"type": "BPE", "byte_fallback": true, "vocab": {"<eos>": 1, "a": 2, "<0x0A>": 0, "aa": 3}, "merges": [["a", "a"]]}}`

// safetensors writes a model of some numbers in F32.
func safetensors(t testing.TB, config, tokenizer string, tensors map[string][]float32) string {
	t.Helper()
	folder := t.TempDir()
	head, data := map[string]any{"__metadata__": map[string]string{"format": "pt"}}, []byte{}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		begin := len(data)
		for _, v := range tensors[name] {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		head[name] = map[string]any{"dtype": "F32", "shape": []int{len(tensors[name])}, "data_offsets": []int{begin, len(data)}}
	}
	text, err := json.Marshal(head)
	require.NoError(t, err)
	path := filepath.Join(folder, "model.safetensors")
	for name, content := range map[string][]byte{
		"model.safetensors": append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), data...),
		"config.json":       []byte(config), "tokenizer.json": []byte(tokenizer),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	return path
}

func TestSafetensors(t *testing.T) {
	path := safetensors(t, someConfig, someTokenizer, map[string][]float32{
		"model.layers.2.post_attention_layernorm.weight": {0.5, -0.25}, "model.embed_tokens.weight": {1, 2, 3},
	})
	f, err := weights.Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, "gemma3", f.Architecture)
	require.Equal(t, 3, f.Integer("block_count", 0))
	require.Equal(t, "linear", f.Text("rope.scaling.type"))
	require.Equal(t, []string{"<0x0A>", "<eos>", "a", "aa", "<end_of_turn>"}, f.Texts("tokenizer.ggml.tokens"))
	require.Equal(t, []int64{6, 1, 1, 1, 3}, f.Integers("tokenizer.ggml.token_type"))
	require.Equal(t, 1, f.Integer("tokenizer.ggml.eos_token_id", -1))
	require.True(t, f.Flag("tokenizer.ggml.add_bos_token", false))

	norm, err := f.Tensor("blk.2.post_attention_norm.weight")
	require.NoError(t, err)
	numbers, err := norm.Floats()
	require.NoError(t, err)
	require.Equal(t, []float32{1.5, 0.75}, numbers, "Gemma's norms multiply by one more than they say")
	embeddings, err := f.Tensor("token_embd.weight")
	require.NoError(t, err)
	require.Equal(t, 3, embeddings.Columns)
	require.EqualValues(t, 5, f.Parameters())
}

// TestLlama3Factors holds the stretch of Llama 3.1's frequencies against transformers' rules: none where a wave fits the
// original context four times, all of it where it does not fit once.
func TestLlama3Factors(t *testing.T) {
	path := safetensors(t, `{"model_type": "llama", "head_dim": 128, "rope_theta": 500000, "rope_scaling": {"rope_type": "llama3",
		"factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 8192}}`, someTokenizer, nil)
	f, err := weights.Open(path)
	require.NoError(t, err)
	defer f.Close()
	tensor, err := f.Tensor("rope_freqs.weight")
	require.NoError(t, err)
	factors, err := tensor.Floats()
	require.NoError(t, err)
	require.Len(t, factors, 64)
	require.EqualValues(t, 1, factors[0])
	require.EqualValues(t, 8, factors[63])
	require.True(t, slices.IsSorted(factors))
}

func TestBrokenSafetensors(t *testing.T) {
	good := safetensors(t, someConfig, someTokenizer, map[string][]float32{"a": {1, 2}})
	whole, err := os.ReadFile(good)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		data []byte
		want error
	}{
		"no head":       {whole[:4], gguf.ErrTruncated},
		"cut short":     {whole[:len(whole)-1], gguf.ErrTruncated},
		"a huge head":   {append([]byte{255, 255, 255, 255, 255, 255, 255, 127}, whole[8:]...), gguf.ErrDamaged},
		"a head no one": {append(append([]byte{}, whole[:8]...), make([]byte, len(whole)-8)...), gguf.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(good, tc.data, 0o600))
			_, err := weights.Open(good)
			require.ErrorIs(t, err, tc.want)
		})
	}
	require.NoError(t, os.WriteFile(good, whole, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(good), "tokenizer.json"), []byte(`{"model": {"type": "Unigram"}}`), 0o600))
	_, err = weights.Open(good)
	require.ErrorIs(t, err, base.ErrUnsupported)
	require.NoError(t, os.Remove(filepath.Join(filepath.Dir(good), "config.json")))
	_, err = weights.Open(good)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// FuzzSafetensors opens damaged files and reads what they claim to have.
func FuzzSafetensors(f *testing.F) {
	whole, err := os.ReadFile(safetensors(f, someConfig, someTokenizer, map[string][]float32{"a": {1, 2}}))
	require.NoError(f, err)
	f.Add(whole)
	f.Fuzz(func(t *testing.T, data []byte) {
		path := safetensors(t, someConfig, someTokenizer, nil)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		opened, err := weights.Open(path)
		if err != nil {
			return
		}
		defer opened.Close()
		if a, err := opened.Tensor("a"); err == nil {
			_, err = a.Floats()
			require.NoError(t, err)
		}
	})
}
