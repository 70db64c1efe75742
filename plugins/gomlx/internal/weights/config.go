package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// metadata is what lies beside a safetensors file, under GGUF's names.
type metadata struct {
	architecture string
	kind         string
	values       map[string]known
	factors      []float32 // rotations are slower by these, nil: by 1
}

// config is config.json of Hugging Face's transformers.
type config struct {
	ModelType     string  `json:"model_type"`
	Kind          string  `json:"torch_dtype"`
	KindNow       string  `json:"dtype"`
	Layers        float64 `json:"num_hidden_layers"`
	Width         float64 `json:"hidden_size"`
	Inner         float64 `json:"intermediate_size"`
	Heads         float64 `json:"num_attention_heads"`
	KVHeads       float64 `json:"num_key_value_heads"`
	HeadDim       float64 `json:"head_dim"`
	Context       float64 `json:"max_position_embeddings"`
	Epsilon       float64 `json:"rms_norm_eps"`
	RopeBase      float64 `json:"rope_theta"`
	LocalRopeBase float64 `json:"rope_local_base_freq"`
	Window        float64 `json:"sliding_window"`
	Period        float64 `json:"sliding_window_pattern"`
	RopeScaling   *struct {
		Kind     string  `json:"rope_type"`
		OldKind  string  `json:"type"`
		Factor   float64 `json:"factor"`
		Low      float64 `json:"low_freq_factor"`
		High     float64 `json:"high_freq_factor"`
		Original float64 `json:"original_max_position_embeddings"`
	} `json:"rope_scaling"`
	BOS json.RawMessage `json:"bos_token_id"`
	EOS json.RawMessage `json:"eos_token_id"`
}

// architectures are GGUF's names of model types.
var architectures = map[string]string{
	"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma3_text": "gemma3",
}

// readJSON reads a file of a model's folder. missing says whether it may be absent.
func readJSON(folder, name string, into any, missing bool) error {
	text, err := os.ReadFile(filepath.Join(folder, name))
	if errors.Is(err, fs.ErrNotExist) && missing {
		return nil
	}
	if err != nil {
		return fmt.Errorf("a safetensors file needs %s beside it: %w", name, err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w: %w", name, gguf.ErrDamaged, err)
	}
	return nil
}

func readConfig(folder string) (*metadata, error) {
	var c config
	if err := readJSON(folder, "config.json", &c, false); err != nil {
		return nil, err
	}
	m := &metadata{architecture: architectures[c.ModelType], kind: map[string]string{"float32": "F32", "float16": "F16", "bfloat16": "BF16"}[c.Kind+c.KindNow], values: map[string]known{}}
	if m.architecture == "" {
		m.architecture = c.ModelType
	}
	for key, n := range map[string]float64{
		"block_count": c.Layers, "embedding_length": c.Width, "feed_forward_length": c.Inner, "attention.head_count": c.Heads,
		"attention.head_count_kv": c.KVHeads, "attention.key_length": c.HeadDim, "context_length": c.Context,
		"attention.layer_norm_rms_epsilon": c.Epsilon, "rope.freq_base": c.RopeBase, "rope.freq_base_swa": c.LocalRopeBase,
		"attention.sliding_window": c.Window, "attention.sliding_window_pattern": c.Period,
	} {
		if n != 0 {
			m.values[key] = known{n}
		}
	}
	m.values["general.name"] = known{filepath.Base(folder)}
	if err := m.scale(c); err != nil {
		return nil, err
	}
	return m, m.readTokenizer(folder, c)
}

// scale reads how positions are stretched.
func (m *metadata) scale(c config) error {
	s := c.RopeScaling
	if s == nil {
		return nil
	}
	switch kind := s.Kind + s.OldKind; kind {
	case "linear", "linearlinear":
		m.values["rope.scaling.type"], m.values["rope.scaling.factor"] = known{"linear"}, known{s.Factor}
	case "llama3", "llama3llama3":
		dim := c.HeadDim
		if dim == 0 {
			dim = c.Width / c.Heads
		}
		for i := range int(dim / 2) {
			m.factors = append(m.factors, stretch(c.RopeBase, 2*float64(i)/dim, s.Factor, s.Low, s.High, s.Original))
		}
	case "default", "":
	default:
		return fmt.Errorf("positions are stretched as %q says: %w", kind, base.ErrUnsupported)
	}
	return nil
}

// stretch is Llama 3.1's factor of a frequency: all of it for slow ones, none for fast ones, and between them gradually;
// of transformers' _compute_llama3_parameters.
func stretch(ropeBase, exponent, factor, low, high, original float64) float32 {
	turns := original * math.Pow(ropeBase, -exponent) / (2 * math.Pi)
	switch {
	case turns < low:
		return float32(factor)
	case turns > high:
		return 1
	}
	smooth := (turns - low) / (high - low)
	return float32(1 / ((1-smooth)/factor + smooth))
}
